"""What an execution is to be started with: values for parameters, and the steps that are repeated.

https://docs.aws.amazon.com/sagemaker/latest/dg/pipelines-selective-ex.html
"""

import difflib
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cli import executions
from cli.definition import Definition
from cli.errors import CommandError
from cli.executions import Execution

if TYPE_CHECKING:
    import boto3

CHAMPION = "ChampionModelUri"
INPUT, DATA_TYPE, SNAPSHOT = "InputDataUri", "InputDataType", "SnapshotUri"
CAUSE = "Cause"
APPROVAL = "ModelApprovalStatus"
# The quota of SelectedSteps: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_SelectiveExecutionConfig.html
MOST_STEPS = 50
# How far back a run is looked for whose results can be used again.
MOST_RUNS = 100


@dataclass(frozen=True)
class Launch:
    """An execution before its start; `selected` is empty when all steps run, `source` lends the others."""

    parameters: Mapping[str, str]
    selected: tuple[str, ...] = ()
    source: Execution | None = None

    def request(self, pipeline: str, description: str) -> dict[str, Any]:
        """The StartPipelineExecution request."""
        values = [{"Name": name, "Value": value} for name, value in self.parameters.items()]
        selection: dict[str, Any] = {"SelectedSteps": [{"StepName": name} for name in self.selected]}
        if self.source:
            selection["SourcePipelineExecutionArn"] = self.source.arn
        return {
            "PipelineName": pipeline,
            "ClientRequestToken": uuid.uuid4().hex,
            "PipelineExecutionDescription": description,
            "PipelineParameters": values,
            **({"SelectiveExecutionConfig": selection} if self.selected else {}),
        }


def from_the_start(definition: Definition, values: Mapping[str, str], champion: str | None) -> Launch:
    """All steps, with the pipeline's defaults but for these values; raises CommandError for unknown ones."""
    _check(definition, values, list(definition.steps), "")
    return Launch({**_champion(definition, champion), **values})


def from_step(
    session: "boto3.Session",
    definition: Definition,
    name: str,
    values: Mapping[str, str],
    champion: str | None,
    source: str | None,
) -> Launch:
    """A step and all after it, with the values of the run that lends the steps before.

    The champion is today's. Raises CommandError where the pipeline, or no run, allows for that.
    """
    selected = definition.from_step(definition.beginning(step_named(definition, name)))
    if len(selected) > MOST_STEPS:
        raise CommandError(
            f"{len(selected)} steps follow from {name} on, more than the {MOST_STEPS} that AWS selects: "
            "run all with `sageloop run`."
        )
    _check(definition, values, selected, name)
    lender = _lender(session, definition, name, definition.needed(selected), source)
    lent = executions.parameters(session, lender.arn) if lender else {}
    # AWS takes the defaults for what is not given, not the values of the source.
    others = {CHAMPION, CAUSE} | ({DATA_TYPE, SNAPSHOT} if INPUT in values else set())
    kept = {key: value for key, value in lent.items() if key in definition.parameters and key not in others}
    # A selection of everything would only keep the step cache out.
    chosen = () if len(selected) == len(definition.steps) else tuple(selected)
    return Launch({**kept, **_champion(definition, champion), **values}, chosen, lender)


def champion(session: "boto3.Session", group: str) -> str | None:
    """The artifact of the newest approved model package, which retraining compares with; None without one."""
    sagemaker = session.client("sagemaker")
    approved = sagemaker.list_model_packages(
        ModelPackageGroupName=group,
        ModelApprovalStatus="Approved",
        SortBy="CreationTime",
        SortOrder="Descending",
        MaxResults=1,
    )["ModelPackageSummaryList"]
    if not approved:
        return None
    package = sagemaker.describe_model_package(ModelPackageName=approved[0]["ModelPackageArn"])
    return package["InferenceSpecification"]["Containers"][0]["ModelDataUrl"]


def step_named(definition: Definition, name: str) -> str:
    """The step of this name in any case; raises CommandError with the names that there are."""
    for each in definition.steps:
        if each.lower() == name.lower():
            return each
    raise CommandError(
        f"Pipeline {definition.pipeline} has no step {name}{_meant(name, definition.steps)} "
        f"Its steps are {', '.join(definition.steps)}."
    )


def _champion(definition: Definition, uri: str | None) -> dict[str, str]:
    return {CHAMPION: uri} if uri and CHAMPION in definition.parameters else {}


def _check(definition: Definition, values: Mapping[str, str], selected: Sequence[str], begun_at: str) -> None:
    """Every value must name a parameter, and one that a selected step reads."""
    tuned = definition.tuned()
    for name in values:
        if name in tuned and name not in definition.parameters:
            raise CommandError(
                f"{name} is tuned ({tuned[name]}), so it is no parameter: to fix it, leave it out of "
                "Tuning(ranges=...) in app.py, give it its value there and run `sageloop deploy`."
            )
        if name not in definition.parameters:
            meant = _meant(name, definition.parameters)
            raise CommandError(
                f"Pipeline {definition.pipeline} has no parameter {name}{meant} "
                f"Its parameters are {', '.join(definition.parameters)}."
            )
        readers = [step.name for step in definition.steps.values() if name in step.parameters]
        # Others only pass on which data were read.
        needed = readers[:1] if name in (INPUT, DATA_TYPE, SNAPSHOT) else readers
        if needed and not set(needed) & set(selected):
            raise CommandError(
                f"{name} changes nothing from {begun_at} on, because {readers[0]} reads it: "
                f"begin there with --from {readers[0]}."
            )


def _meant(name: str, known: Iterable[str]) -> str:
    by_lower = {each.lower(): each for each in known}
    close = difflib.get_close_matches(name.lower(), by_lower, n=1)
    return f"; did you mean {by_lower[close[0]]}?" if close else "."


def _lender(
    session: "boto3.Session", definition: Definition, name: str, needed: Sequence[str], source: str | None
) -> Execution | None:
    """The run named, or the newest one in which the needed steps succeeded; None when none is needed."""
    if source is not None:
        named = executions.find(session, definition.pipeline, source)
        if named.status not in ("Succeeded", "Failed"):
            raise CommandError(
                f"Run {named.id} is {named.status}: results can be taken from one that succeeded or failed."
            )
        if missing := _missing(named, needed):
            raise CommandError(
                f"Run {named.id} has no result of {', '.join(missing)}, which a run from {name} needs: "
                "choose another --source, or begin earlier."
            )
        return named
    if not needed:
        return None
    for number, each in enumerate(executions.newest_first(session, definition.pipeline)):
        if number == MOST_RUNS:
            break
        if each.status in ("Succeeded", "Failed") and not _missing(each, needed):
            return each
    raise CommandError(
        f"No run of {definition.pipeline} has results of {', '.join(needed)}, which a run from {name} needs: "
        "begin earlier, or run all of it with `sageloop run`."
    )


def _missing(execution: Execution, needed: Sequence[str]) -> list[str]:
    succeeded = {step.name for step in execution.steps if step.status == "Succeeded"}
    return [name for name in needed if name not in succeeded]
