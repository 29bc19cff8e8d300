"""The values that tuning tries for one hyperparameter.

https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-define-ranges.html
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from declaration.errors import DeclarationError, Problem
from declaration.explain import shown
from declaration.value import declared

Scale = Literal["linear", "log", "reverse-log"]
Choice = str | int | float | bool

# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CategoricalParameterRange.html
_MAX_CHOICES = 30
_MAX_TEXT = 256


@declared
class Continuous:
    """Every number from `low` to `high`; on a log scale as many below the geometric mean as above it."""

    low: Annotated[float, Field(examples=["0.01"])]
    high: Annotated[float, Field(examples=["0.3"])]
    scale: Scale = "linear"

    def problems(self) -> Iterator[Problem]:
        """Bounds in the wrong order, or outside what the scale knows."""
        yield from _bounds("Continuous", self.low, self.high, self.scale)
        if self.scale == "reverse-log" and not 0 <= self.low <= self.high < 1:
            rule = "a reverse logarithmic scale needs 0 <= low and high < 1"
            yield Problem("Continuous, scale", "'reverse-log'", rule, 'write scale="linear"')


@declared
class Integer:
    """Every whole number from `low` to `high`."""

    low: Annotated[int, Field(examples=["3"])]
    high: Annotated[int, Field(examples=["10"])]
    scale: Literal["linear", "log"] = "linear"

    def problems(self) -> Iterator[Problem]:
        """Bounds in the wrong order, or outside what the scale knows."""
        yield from _bounds("Integer", self.low, self.high, self.scale)


@dataclass(frozen=True, init=False)
class Categorical:
    """One of the listed values, given one after the other: Categorical("gbtree", "dart")."""

    values: tuple[Choice, ...]

    def __init__(self, *values: Choice) -> None:
        object.__setattr__(self, "values", values)
        problems = tuple(_choice_problems(values))
        if problems:
            raise DeclarationError(problems)

    def __repr__(self) -> str:
        return f"Categorical({', '.join(map(repr, self.values))})"


Range = Continuous | Integer | Categorical


def _bounds(name: str, low: float, high: float, scale: Scale) -> Iterator[Problem]:
    if low >= high:
        fix = f"write {name}({high!r}, {low!r})" if low > high else f"write Categorical({low!r})"
        yield Problem(f"{name}, high", f"{high!r}", f"it must be greater than low, which is {low!r}", fix)
    elif scale == "log" and low <= 0:
        rule = "a logarithmic scale has no place for zero or less"
        yield Problem(f"{name}, low", f"{low!r}", rule, 'raise it above 0 or write scale="linear"')


def _choice_problems(values: tuple[Choice, ...]) -> Iterator[Problem]:
    where, example = "Categorical, values", 'write for example Categorical("gbtree", "dart")'
    if not values:
        yield Problem(where, "nothing", "it needs at least one value", example)
    if len(values) > _MAX_CHOICES:
        rule = f"SageMaker takes at most {_MAX_CHOICES}"
        yield Problem(where, f"{len(values)} values", rule, "leave some out or use a range of numbers")
    for index, value in enumerate(values):
        if not isinstance(value, Choice):
            rule = "it must be a text, a number, True or False"
            fix = "write the values one after the other, without a list"
            yield Problem(f"{where}[{index}]", shown(value), rule, fix)
        elif len(str(value)) > _MAX_TEXT:
            rule = f"a value has at most {_MAX_TEXT} characters"
            yield Problem(f"{where}[{index}]", shown(value), rule, "shorten it")
    if len({str(value) for value in values if isinstance(value, Choice)}) < len(values) and all(
        isinstance(value, Choice) for value in values
    ):
        yield Problem(where, shown(values), "each value may stand once", "remove the repeated one")
