"""The form of a definition: its parameters, steps and retry policies, before what they say.

https://docs.aws.amazon.com/sagemaker/latest/dg/build-and-manage-pipelines.html
"""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pipelines.validation.steps import Json, has_token

Identifier = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
ExceptionType = Literal[
    "Step.SERVICE_FAULT",
    "Step.THROTTLING",
    "SageMaker.JOB_INTERNAL_ERROR",
    "SageMaker.CAPACITY_ERROR",
    "SageMaker.RESOURCE_LIMIT",
]
# Case does not matter, and AWS's own examples leave out the P: "30d", "T16m", "PT1H".
_DURATION = r"^(?i:P?(\d+Y)?(\d+M)?(\d+W)?(\d+D)?(T(\d+H)?(\d+M)?)?)$"
Get = dict[Literal["Get"], str]
Expression = Get | dict[Literal["Std:Join", "Std:JsonGet"], dict[str, Any]]
_PARAMETER_TYPES: dict[str, type | tuple[type, ...]] = {
    "String": str,
    "Integer": int,
    "Float": (int, float),
    "Boolean": bool,
}


class Form(BaseModel):
    """An object of the definition, without members that SageMaker does not know."""

    model_config = ConfigDict(strict=True, extra="forbid")


class Parameter(Form):
    """A value that an execution may be started with."""

    Name: Identifier
    Type: Literal["String", "Integer", "Float", "Boolean"]
    DefaultValue: Any = None
    EnumValues: Annotated[list[Any], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _default_is_allowed(self) -> "Parameter":
        default = self.DefaultValue
        if default is None or has_token(default):
            return self
        fits = isinstance(default, _PARAMETER_TYPES[self.Type])
        if not fits or (self.EnumValues is not None and default not in self.EnumValues):
            allowed = f"one of {self.EnumValues}" if self.EnumValues else f"of the type {self.Type}"
            raise ValueError(f"the default {default!r} is not {allowed}")
        return self


class RetryPolicy(Form):
    """When a step is tried again: https://docs.aws.amazon.com/sagemaker/latest/dg/pipelines-retry-policy.html."""

    ExceptionType: Annotated[list[ExceptionType], Field(min_length=1)]
    BackoffRate: Annotated[float, Field(ge=0)] = 2.0
    IntervalSeconds: Annotated[int, Field(ge=0)] = 1
    MaxAttempts: Annotated[int, Field(ge=1, le=20)] | None = None
    ExpireAfterMin: Annotated[int, Field(ge=1, le=14_400)] | None = None

    @model_validator(mode="after")
    def _ends(self) -> "RetryPolicy":
        if (self.MaxAttempts is None) == (self.ExpireAfterMin is None):
            raise ValueError("exactly one of MaxAttempts and ExpireAfterMin must be given")
        return self


class Dependency(Form):
    """A step that must end in a certain way first."""

    Step: Identifier
    Trigger: Literal["FAILED", "STOPPED", "ANY"]


class PropertyFile(Form):
    """A JSON file in an output, which conditions can read."""

    PropertyFileName: Identifier
    OutputName: str
    FilePath: str


class AnyStep(Form):
    """What every step may have."""

    Name: Identifier
    DependsOn: list[Identifier | Dependency] = []
    DisplayName: str | None = None
    Description: str | None = None
    RetryPolicies: list[RetryPolicy] = []


class Cache(Form):
    """For how long the outcome of an equal step is taken over, as an ISO 8601 duration.

    https://docs.aws.amazon.com/sagemaker/latest/dg/pipelines-caching-enabling.html
    """

    Enabled: bool
    ExpireAfter: Annotated[str, Field(pattern=_DURATION, min_length=2)] | None = None

    @model_validator(mode="after")
    def _expires(self) -> "Cache":
        if self.Enabled and self.ExpireAfter is None:
            raise ValueError("a cache that is enabled needs ExpireAfter")
        return self


class JobStep(AnyStep):
    """A step that makes a request to the SageMaker API; the request is checked by itself."""

    Type: Literal["Processing", "Training", "Tuning", "Transform", "Model", "RegisterModel"]
    Arguments: dict[str, Any]
    PropertyFiles: list[PropertyFile] = []
    CacheConfig: Cache | None = None

    @model_validator(mode="after")
    def _has_an_outcome(self) -> "JobStep":
        if self.CacheConfig and self.Type in ("Model", "RegisterModel"):
            raise ValueError(f"a {self.Type} step is not cached")
        return self


class FailArguments(Form):
    """What an execution says when it fails on purpose."""

    ErrorMessage: Annotated[str, Field(min_length=1)] | Expression


class FailStep(AnyStep):
    """A step that ends the execution."""

    Type: Literal["Fail"]
    Arguments: FailArguments


class Comparison(Form):
    """One condition of several, all of which must hold."""

    Type: Literal["Equals", "GreaterThan", "GreaterThanOrEqualTo", "LessThan", "LessThanOrEqualTo"]
    LeftValue: str | int | float | bool | Expression
    RightValue: str | int | float | bool | Expression


class ConditionArguments(Form):
    """The conditions and what follows from them."""

    Conditions: Annotated[list[Comparison], Field(min_length=1)]
    IfSteps: "list[Step]"
    ElseSteps: "list[Step]"


class ConditionStep(AnyStep):
    """A step that chooses one of two branches."""

    Type: Literal["Condition"]
    Arguments: ConditionArguments


Step = Annotated[JobStep | FailStep | ConditionStep, Field(discriminator="Type")]


class Definition(Form):
    """A whole pipeline."""

    Version: Literal["2020-12-01"]
    Metadata: dict[str, Any] = {}
    Parameters: list[Parameter] = []
    PipelineExperimentConfig: dict[str, Any] | None = None
    Steps: Annotated[list[Step], Field(min_length=1)]


def envelope_problems(definition: Json) -> Iterator[str]:
    """What is wrong with the form; nothing else can be checked while there is anything."""
    try:
        Definition.model_validate(definition)
    except ValidationError as error:
        for found in error.errors(include_url=False):
            message = found["msg"].removeprefix("Value error, ")
            given = "" if found["type"] == "missing" else f", not {found['input']!r}"
            yield f"{_place(definition, found['loc'])}: {message}{given}."


def _place(definition: Json, location: tuple[int | str, ...]) -> str:
    """Where an error stands, from the step or parameter on that it is in."""
    place, value = "Definition", definition
    for key in location:
        # Locations also name the member of a union that was tried, which is no key of the value.
        if isinstance(value, dict) and key in value:
            place, value = f"{place}, {key}", value[key]
        elif isinstance(value, list) and isinstance(key, int):
            value = value[key]
            named = isinstance(value, dict) and "Name" in value
            place = f"{place.split(', ')[-1].rstrip('s')} {value['Name']!r}" if named else f"{place}[{key}]"
        elif isinstance(value, dict) and key == location[-1]:
            place = f"{place}, {key}"
    return place
