"""What steps say of each other: every reference leads to something, and no step waits for itself."""

import graphlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator

from pipelines.validation.model import Shape, shape_of_response
from pipelines.validation.steps import Json, Step, expressions

EXECUTION_VARIABLES = (
    "PipelineName",
    "PipelineArn",
    "PipelineExecutionId",
    "PipelineExecutionArn",
    "StartDateTime",
    "CurrentDateTime",
    "TrainingJobName",
    "ProcessingJobName",
)
# `S3Uri`, `Outputs['train']` or `InputDataConfig[0]`: a member, and what is taken from its list or map.
_SEGMENT = re.compile(r"(\w+)(?:\[(?:'([^']+)'|\d+)\])?(?:\.(?=.)|$)")

_IN_WORDS = {
    "Outputs": "outputs",
    "TunedHyperParameters": "tuned hyperparameters",
    "FinalMetricDataList": "metrics",
}


def reference_problems(definition: Json, steps: list[Step]) -> Iterator[str]:
    """Names used twice, references that lead nowhere, and the first cycle."""
    parameters = [parameter["Name"] for parameter in definition.get("Parameters", [])]
    yield from _repeated("parameter", parameters)
    yield from _repeated("step", [step.name for step in steps])
    by_name = {step.name: step for step in steps}
    for step in steps:
        for problem in _problems(step, parameters, by_name):
            yield f"Step {step.name!r}: {problem}."
    yield from _cycle(steps)


def _repeated(what: str, names: list[str]) -> Iterator[str]:
    for name, times in Counter(names).items():
        if times > 1:
            yield f"The {what} name {name!r} is used {times} times; a pipeline uses each once."


def _problems(step: Step, parameters: list[str], steps: dict[str, Step]) -> Iterator[str]:
    for name in step.depends_on:
        if name not in steps:
            yield f"it depends on the step {name!r}, the steps are {', '.join(steps)}"
    for output in step.property_files.values():
        if output not in step.outputs:
            yield f"a property file is in the output {output!r}, the outputs are {_listed(step.outputs)}"
    for expression in expressions(step.arguments):
        match expression:
            case {"Get": str(path)}:
                for reason in _lost(path, parameters, steps):
                    yield f"{path} leads nowhere, {reason}"
            case {"Std:Join": {"On": str(), "Values": [_, *_]}}:
                pass
            case {"Std:JsonGet": {"PropertyFile": {"Get": str()}, "Path": str()}}:
                pass
            case {"Std:JsonGet": {"S3Uri": _, "Path": str()}}:
                pass
            case _:
                yield f"{expression} is not a complete expression"


def _lost(path: str, parameters: list[str], steps: dict[str, Step]) -> Iterator[str]:
    """Why a Get leads nowhere; nothing if it leads somewhere."""
    match path.split(".", 2):
        case ["Parameters", name]:
            if name not in parameters:
                yield f"the parameters are {_listed(parameters)}"
        case ["Execution", name]:
            if name not in EXECUTION_VARIABLES:
                yield f"an execution has {_listed(EXECUTION_VARIABLES)}"
        case ["Steps", name, *_] if name not in steps:
            yield f"the steps are {_listed(steps)}"
        case ["Steps", name, rest] if rest.startswith("PropertyFiles."):
            files = steps[name].property_files
            if rest.removeprefix("PropertyFiles.") not in files:
                yield f"the property files of {name} are {_listed(files)}"
        case ["Steps", name, rest]:
            yield from _lost_in(steps[name], rest)
        case _:
            yield "it begins with Parameters, Execution or Steps and names one of them"


def _lost_in(step: Step, path: str) -> Iterator[str]:
    """Why a path is not in what the step's Describe call answers."""
    if step.kind == "Condition" and path == "Outcome":
        return
    shape: Shape = shape_of_response(step.kind)
    position = 0
    while position < len(path):
        match = _SEGMENT.match(path, position)
        if not match or match[1] not in getattr(shape, "members", {}):
            segment = path[position:].split(".")[0]
            yield f"the description of a {step.kind} step has no {segment}"
            return
        member, name = match[1], match[2]
        names = step.named(member) if name else None
        if names is not None and name not in names:
            yield f"the {_IN_WORDS.get(member, member)} of {step.name} are {_listed(names)}"
        shape, position = shape.members[member], match.end()
        if match[0].rstrip(".") != member:
            shape = getattr(shape, "member", None) or getattr(shape, "value", None)


def _cycle(steps: list[Step]) -> Iterator[str]:
    needs: dict[str, set[str]] = {}
    for step in steps:
        paths = [str(each["Get"]).split(".") for each in expressions(step.arguments) if "Get" in each]
        referred = {path[1] for path in paths if path[0] == "Steps" and len(path) > 1}
        needs[step.name] = {*referred, *step.depends_on, *([step.parent] if step.parent else [])}
    try:
        graphlib.TopologicalSorter(needs).prepare()
    except graphlib.CycleError as error:
        yield f"The steps wait for each other: {' -> '.join(reversed(error.args[1]))}."


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
