"""The definition of a pipeline: parsed, and checked as far as it can be before it runs."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any

from local.errors import ApiError, ValidationException
from local.model import check_input
from local.sagemaker.pipelines.cache import expiry
from local.sagemaker.pipelines.expressions import is_expression, references

_NAME = re.compile(r"[A-Za-z0-9\-_]{1,64}")
_TYPES: Mapping[str, tuple[type, ...]] = {
    "String": (str,),
    "Integer": (int,),
    "Float": (int, float),
    "Boolean": (bool,),
}
REQUESTS = {
    "Processing": ("CreateProcessingJob", "ProcessingJobName"),
    "Training": ("CreateTrainingJob", "TrainingJobName"),
    "Tuning": ("CreateHyperParameterTuningJob", "HyperParameterTuningJobName"),
    "Transform": ("CreateTransformJob", "TransformJobName"),
    "Model": ("CreateModel", "ModelName"),
    "RegisterModel": ("CreateModelPackage", None),
}
"""The operation behind a step type, and the member in which the execution names what it makes."""
_OTHER_TYPES = ("Condition", "Fail", "Lambda")
_BRANCHES = ("IfSteps", "ElseSteps")


@dataclass(frozen=True)
class Retry:
    """A retry policy (docs.aws.amazon.com/sagemaker/latest/dg/pipelines-retry-policy.html)."""

    exceptions: tuple[str, ...]
    interval_seconds: float = 1
    backoff_rate: float = 2.0
    max_attempts: int = 5
    expire_after_minutes: float | None = None


@dataclass(frozen=True)
class Parameter:
    """A parameter of the pipeline, its default and the values that it may have."""

    name: str
    type: str
    default: Any = None
    choices: tuple[Any, ...] = ()

    def value(self, text: str | None) -> Any:
        """The value that a start gives (as text) or the default; ValidationException if it does not fit."""
        if text is None:
            if self.default is None:
                raise ValidationException(f"Parameter {self.name} has no default and was given no value.")
            return self.default
        try:
            converted = text if self.type == "String" else json.loads(text)
        except ValueError:
            converted = None
        if not _fits(converted, self.type):
            raise ValidationException(f"Parameter {self.name} must be of type {self.type}, but is '{text}'.")
        if self.choices and converted not in self.choices:
            allowed = ", ".join(map(str, self.choices))
            raise ValidationException(f"Parameter {self.name} must be one of [{allowed}], but is '{text}'.")
        return converted


@dataclass(frozen=True)
class Step:
    """A step; `parent` is the Condition step that it hangs on, and the branch."""

    name: str
    type: str
    arguments: Mapping[str, Any]
    raw: Mapping[str, Any]
    parent: tuple[str, str] | None
    dependencies: Mapping[str, str]
    """Names of the steps that must end first, each with its trigger: Completed, Failed, Stopped or Any."""
    retries: tuple[Retry, ...]
    cached_seconds: float | None
    """How old the results of an earlier run may be that this step takes over; None for no caching."""

    def property_file(self, name: str) -> Mapping[str, str]:
        """PropertyFileName, OutputName and FilePath of a property file."""
        files: list[Mapping[str, str]] = self.raw.get("PropertyFiles", [])
        return next(file for file in files if file["PropertyFileName"] == name)


@dataclass(frozen=True)
class Definition:
    """A checked definition."""

    parameters: Mapping[str, Parameter]
    steps: Mapping[str, Step]

    def values(self, given: Sequence[Mapping[str, str]]) -> dict[str, Any]:
        """The value of each parameter of an execution; ValidationException for what does not fit."""
        texts = {parameter["Name"]: parameter["Value"] for parameter in given}
        if unknown := sorted(set(texts) - set(self.parameters)):
            raise ValidationException(
                f"Unknown pipeline parameters: {', '.join(unknown)}. The pipeline has: "
                f"{', '.join(self.parameters) or 'none'}."
            )
        return {name: parameter.value(texts.get(name)) for name, parameter in self.parameters.items()}


def parse(text: str) -> Definition:
    """The definition; ValidationException "Unable to parse pipeline definition. …" with the first problem."""
    try:
        document = json.loads(text)
        if not isinstance(document, dict) or not isinstance(document.get("Steps"), list):
            raise _Problem("It must be a JSON object with Version and Steps.")
        parameters = {p["Name"]: _parameter(p) for p in document.get("Parameters", [])}
        raw = list(_flat(document["Steps"], None))
        steps = {step.name: step for step in (_step(item, parent) for item, parent in raw)}
        if len(steps) < len(raw):
            raise _Problem("Step names must be unique.")
        definition = Definition(parameters, steps)
        _check(definition)
    except ValueError as error:
        raise ValidationException(f"Unable to parse pipeline definition. {error}") from None
    except KeyError as error:
        raise ValidationException(f"Unable to parse pipeline definition. {error} is missing.") from None
    except (TypeError, AttributeError):
        raise ValidationException(
            "Unable to parse pipeline definition. A member has the wrong type."
        ) from None
    return definition


class _Problem(ValueError):
    """What is wrong with a definition."""


def _fits(value: Any, kind: str) -> bool:
    return isinstance(value, _TYPES[kind]) and (kind == "Boolean" or not isinstance(value, bool))


def _parameter(raw: Mapping[str, Any]) -> Parameter:
    parameter = Parameter(raw["Name"], raw["Type"], raw.get("DefaultValue"), tuple(raw.get("EnumValues", ())))
    if parameter.type not in _TYPES:
        raise _Problem(f"Parameter {parameter.name} has the unknown type {parameter.type}.")
    if parameter.default is not None and not _fits(parameter.default, parameter.type):
        raise _Problem(f"The default of parameter {parameter.name} is not of type {parameter.type}.")
    if parameter.choices and parameter.default is not None and parameter.default not in parameter.choices:
        raise _Problem(f"The default of parameter {parameter.name} is not among its EnumValues.")
    return parameter


def _flat(
    raw: Sequence[Mapping[str, Any]], parent: tuple[str, str] | None
) -> Iterator[tuple[Mapping[str, Any], tuple[str, str] | None]]:
    for item in raw:
        yield item, parent
        if item["Type"] == "Condition":
            for branch in _BRANCHES:
                yield from _flat(item["Arguments"].get(branch, []), (item["Name"], branch))


def _step(raw: Mapping[str, Any], parent: tuple[str, str] | None) -> Step:
    name, kind = raw["Name"], raw["Type"]
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise _Problem(f"Step name {name!r} must satisfy regular expression pattern: {_NAME.pattern}")
    if kind not in REQUESTS and kind not in _OTHER_TYPES:
        known = ", ".join([*REQUESTS, *_OTHER_TYPES])
        raise _Problem(f"Step {name} has type {kind}; the embedded AWS runs {known}.")
    arguments = raw.get("Arguments", {})
    dependencies = dict.fromkeys(_referenced_steps(_own(kind, arguments)), "Completed")
    for item in raw.get("DependsOn", []):
        dependencies.update({item: "Completed"} if isinstance(item, str) else {item["Step"]: item["Trigger"]})
    if parent:
        dependencies[parent[0]] = "Completed"
    retries = tuple(_retry(policy) for policy in raw.get("RetryPolicies", []))
    try:
        cached_seconds = expiry(kind, raw.get("CacheConfig", {}))
    except ValueError as error:
        raise _Problem(f"Step {name}: {error}") from None
    return Step(name, kind, arguments, raw, parent, dependencies, retries, cached_seconds)


def _own(kind: str, arguments: Mapping[str, Any]) -> Any:
    """The arguments of the step itself, without the steps in its branches."""
    return arguments["Conditions"] if kind == "Condition" else arguments


def _referenced_steps(value: Any) -> Iterator[str]:
    for path in references(value):
        if path.startswith("Steps."):
            yield path.split(".")[1]


def _retry(raw: Mapping[str, Any]) -> Retry:
    exceptions = raw["ExceptionType"]
    return Retry(
        tuple([exceptions] if isinstance(exceptions, str) else exceptions),
        raw.get("IntervalSeconds", 1),
        raw.get("BackoffRate", 2.0),
        raw.get("MaxAttempts", 5),
        raw.get("ExpireAfterMin"),
    )


def _check(definition: Definition) -> None:
    steps = definition.steps
    for step in steps.values():
        for dependency in step.dependencies:
            if dependency not in steps:
                raise _Problem(f"Step {step.name} refers to step {dependency}, which does not exist.")
        for path in references(_own(step.type, step.arguments)):
            _check_reference(definition, step, path)
        if step.type in REQUESTS:
            _check_request(step)
    try:
        TopologicalSorter({step.name: set(step.dependencies) for step in steps.values()}).prepare()
    except CycleError as error:
        raise _Problem(f"The steps wait for each other: {' -> '.join(error.args[1])}.") from None


def _check_reference(definition: Definition, step: Step, path: str) -> None:
    root, _, rest = path.partition(".")
    if root not in ("Parameters", "Execution", "Steps"):
        raise _Problem(f"Step {step.name} has the unknown reference {path}.")
    if root == "Parameters" and rest not in definition.parameters:
        raise _Problem(f"Step {step.name} refers to parameter {rest}, which does not exist.")
    if ".PropertyFiles." in path:
        source, _, name = rest.partition(".PropertyFiles.")
        files = definition.steps[source].raw.get("PropertyFiles", [])
        if name not in [file["PropertyFileName"] for file in files]:
            raise _Problem(f"Step {step.name} refers to property file {name}, which {source} does not have.")


def _check_request(step: Step) -> None:
    """The arguments against the model of the operation; expressions pass, and so does the missing name."""
    operation, name = REQUESTS[step.type]
    request = {**({name: "name"} if name else {}), **step.arguments}
    try:
        check_input("sagemaker", operation, request, unknown_until_run=is_expression)
    except ApiError as error:
        raise _Problem(f"Model Validation failed: Step {step.name}: {error.message}") from None
