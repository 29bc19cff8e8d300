"""The steps of a definition and the expressions in them, as the other checks read them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Json = Any

# Step type -> the API operation that its arguments are the request of, and what Pipelines fills in itself.
OPERATIONS = {
    "Processing": ("CreateProcessingJob", "ProcessingJobName"),
    "Training": ("CreateTrainingJob", "TrainingJobName"),
    "Tuning": ("CreateHyperParameterTuningJob", "HyperParameterTuningJobName"),
    "Transform": ("CreateTransformJob", "TransformJobName"),
    "Model": ("CreateModel", "ModelName"),
    "RegisterModel": ("CreateModelPackage", "ModelPackageName"),
}
BRANCHES = ("IfSteps", "ElseSteps")
_EXPRESSIONS = {"Get", "Std:Join", "Std:JsonGet"}


@dataclass(frozen=True)
class Step:
    """One step, wherever it stands; `parent` is the Condition step whose branch it is in."""

    name: str
    kind: str
    raw: Json
    parent: str | None

    @property
    def arguments(self) -> Json:
        """The arguments without the branches, which are steps of their own."""
        return {key: value for key, value in self.raw["Arguments"].items() if key not in BRANCHES}

    @property
    def depends_on(self) -> list[str]:
        """The names of the steps that it is told to wait for."""
        entries = self.raw.get("DependsOn", [])
        return [entry["Step"] if isinstance(entry, dict) else entry for entry in entries]

    @property
    def property_files(self) -> dict[str, str]:
        """The property files that the step writes, each with the output that it is in."""
        files = self.raw.get("PropertyFiles", [])
        return {file["PropertyFileName"]: file["OutputName"] for file in files}

    @property
    def outputs(self) -> list[str]:
        """The names of a Processing step's outputs."""
        return list(texts_at(self.arguments, "ProcessingOutputConfig", "Outputs", "OutputName"))

    def named(self, member: str) -> list[str] | None:
        """What a list or map of the step's description can be asked for by name; None if anything."""
        match member:
            case "Outputs":
                return self.outputs
            case "TunedHyperParameters":
                ranges = at(self.arguments, "HyperParameterTuningJobConfig", "ParameterRanges") or {}
                return [name for searched in ranges.values() for name in texts_at(searched, "Name")]
            case "FinalMetricDataList":
                # First-party images bring metrics of their own.
                return (
                    list(texts_at(self.arguments, "AlgorithmSpecification", "MetricDefinitions", "Name"))
                    or None
                )
        return None


def all_steps(definition: Json) -> list[Step]:
    """Every step, those in the branches of conditions included."""
    return list(_walk(definition["Steps"], None))


def _walk(steps: Json, parent: str | None) -> Iterator[Step]:
    for raw in steps:
        yield Step(raw["Name"], raw["Type"], raw, parent)
        for branch in BRANCHES if raw["Type"] == "Condition" else ():
            yield from _walk(raw["Arguments"].get(branch, []), raw["Name"])


def texts_at(value: Json, *path: str) -> Iterator[Json]:
    """Every text at a path through objects and lists; an expression on the way holds none."""
    if isinstance(value, list):
        for child in value:
            yield from texts_at(child, *path)
    elif isinstance(value, dict) and path:
        yield from texts_at(value.get(path[0]), *path[1:])
    elif isinstance(value, str) and not path:
        yield value


def at(value: Json, *path: str) -> Json:
    """What stands at a path through objects; None if nothing does, or an expression on the way."""
    for member in path:
        value = value.get(member) if isinstance(value, dict) and not is_expression(value) else None
    return None if is_expression(value) else value


def plain_items(value: Json) -> list[Json]:
    """The items of a list that are no expressions; none if it is no list."""
    return [item for item in value if not is_expression(item)] if isinstance(value, list) else []


def is_expression(value: Json) -> bool:
    """Whether SageMaker computes the value at run time."""
    return isinstance(value, dict) and len(value) == 1 and value.keys() <= _EXPRESSIONS


def has_token(value: Json) -> bool:
    """Whether a text holds a CDK token, so that its final form is not known yet."""
    return isinstance(value, str) and "${Token[" in value


def expressions(value: Json) -> Iterator[Json]:
    """Every expression in a value, those within expressions included."""
    if is_expression(value):
        yield value
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for child in children:
        yield from expressions(child)
