"""What a program that is not ours reads, is told and answers, by the family of the algorithm."""

from collections.abc import Mapping, Sequence

from declaration import Script
from declaration.builtin import BuiltIn
from pipelines import requests
from pipelines.sdk import RequestStep
from pipelines.training.context import Context
from pipelines.training.learning import Lesson, Objective, validation_objective
from pipelines.training.parameters import is_reserved
from pipelines.training.preparation import Layout, output

# The archive of a script and what it is run by, as stacks/parts/source.py packs them.
ARCHIVE = "sourcedir.tar.gz"
LAUNCHER = "sageloop_launcher.py"
PROGRAM_VARIABLE = "SAGELOOP_PROGRAM"
_CODE = "/opt/ml/input/data/code"
_TABLE = "text/csv"


def layout(context: Context) -> Layout:
    """The form of the tables: algorithms of AWS know numbers alone, programs of the user read names."""
    return "label-first" if isinstance(context.project.train, BuiltIn) else "csv"


def lesson(context: Context, prepared: RequestStep) -> Lesson:
    """What a program that reads tables gets to learn from."""
    algorithm = context.project.train
    names = algorithm.table_channels if isinstance(algorithm, BuiltIn) else {}
    channels = {
        names.get(part, part): requests.Channel(output(prepared, part), _TABLE)
        for part in ("train", "validation")
    }
    if isinstance(algorithm, BuiltIn):
        return _with_jumpstart(context, algorithm, prepared, channels)
    if isinstance(algorithm, Script):
        return _with_source(context, algorithm, prepared, channels)
    return Lesson(prepared, channels, {}, validation_objective(context), {})


def lesson_from_channels(context: Context, algorithm: BuiltIn) -> Lesson:
    """What an algorithm gets to learn from whose channels the user names."""
    channels = {
        name: requests.Channel(each.uri, each.content_type, each.mode, each.distribution)
        for name, each in algorithm.inputs.items()
    }
    return _with_jumpstart(context, algorithm, None, channels)


def told_to_serve(context: Context) -> Mapping[str, str]:
    """The environment of the image that serves; the launcher has put the script beside the model."""
    algorithm = context.project.train
    if not isinstance(algorithm, Script):
        return {}
    return {"SAGEMAKER_PROGRAM": algorithm.program, "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"}


def predicted_as(context: Context) -> str:
    """The media type in which predictions are asked for: every algorithm of AWS answers JSON."""
    return "application/json" if isinstance(context.project.train, BuiltIn) else _TABLE


def emitted(algorithm: BuiltIn, metric: str) -> str | None:
    """The metric of a job that a gate's name means: `validation:accuracy` for accuracy; None if none."""
    candidates = (metric, f"validation:{metric}", f"test:{metric}", f"train:{metric}")
    return next((name for name in candidates if name in algorithm.metrics), None)


def read_and_answered(context: Context) -> tuple[Sequence[str], Sequence[str]]:
    """The media types that the served model reads, and those that it answers."""
    algorithm = context.project.train
    usual = ("text/csv", "application/json")
    if not isinstance(algorithm, BuiltIn) or algorithm.reads_tables:
        return usual, usual
    learnt_from = ((each.content_type or "").partition(";")[0] for each in algorithm.inputs.values())
    return tuple(dict.fromkeys((*filter(None, learnt_from), "application/json"))), ("application/json",)


def _with_source(
    context: Context, script: Script, prepared: RequestStep, channels: Mapping[str, requests.Channel]
) -> Lesson:
    """Script mode in an isolated network: the code comes as a channel, it cannot be fetched.

    https://sagemaker.readthedocs.io/en/v2.232.2/api/training/estimators.html (enable_network_isolation)
    """
    if context.bindings.source_uri is None:
        raise ValueError("a script needs a source_uri")
    return Lesson(
        prepared,
        {**channels, "code": requests.Channel(context.bindings.source_uri)},
        {"sagemaker_program": LAUNCHER, "sagemaker_submit_directory": f"{_CODE}/{ARCHIVE}"},
        validation_objective(context),
        {PROGRAM_VARIABLE: script.program},
    )


def _with_jumpstart(
    context: Context,
    algorithm: BuiltIn,
    prepared: RequestStep | None,
    channels: Mapping[str, requests.Channel],
) -> Lesson:
    """The script of a JumpStart algorithm comes as a channel, too."""
    objective = _objective(context, algorithm)
    if algorithm.jumpstart is None:
        return Lesson(prepared, channels, {}, objective, {})
    script = algorithm.jumpstart.script
    told = {name: str(value) for name, value in algorithm.hyperparameters.items() if is_reserved(name)}
    fixed = {**told, "sagemaker_submit_directory": f"{_CODE}/{script.rsplit('/', 1)[-1]}"}
    return Lesson(prepared, {**channels, "code": requests.Channel(script)}, fixed, objective, {})


def _objective(context: Context, algorithm: BuiltIn) -> Objective:
    """The first gate's metric if the algorithm emits it, else the one that AWS recommends."""
    judged = emitted(algorithm, context.project.gates[0].name) or algorithm.objective
    if judged is None:
        return Objective("", True, {})
    return Objective(judged, algorithm.metrics[judged] == "maximize", algorithm.metric_definitions)
