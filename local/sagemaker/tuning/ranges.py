"""The hyperparameters that a tuning job searches over: their ranges, scales and texts.

docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-define-ranges.html
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from local.errors import ValidationException

Scale = Literal["Linear", "Logarithmic", "ReverseLogarithmic"]
Value = int | float | str
MOST_PARAMETERS = 30
"""Hyperparameters that one tuning job can search (automatic-model-tuning-limits.html)."""
_WIDE = 100.0
"""Above this ratio of its ends a range without a scale is searched on a logarithmic one; AWS, which "chooses
the best scale" for Auto, does not say how."""


@dataclass(frozen=True)
class Number:
    """An integer or continuous hyperparameter between two ends that belong to the range."""

    name: str
    low: float
    high: float
    integer: bool
    scale: Scale

    def text(self, value: Value) -> str:
        """The value as hyperparameters.json has it."""
        return str(int(value)) if self.integer else repr(float(value))

    def value(self, text: str) -> Value | None:
        """The value of a text, None where it lies outside the range."""
        number = _number(text, self.integer)
        return number if number is not None and self.low <= number <= self.high else None

    def at(self, share: float) -> Value:
        """The value at a share (from 0 to 1) of the way along the scale."""
        # An integer stands for all that rounds to it, so that those at the ends are not rarer than others.
        low, high = (self.low - 0.5, self.high + 0.5) if self.integer else (self.low, self.high)
        if self.scale == "Linear":
            place = low + share * (high - low)
        elif self.scale == "Logarithmic":
            place = low * (high / low) ** share
        else:
            place = 1 - (1 - low) * ((1 - high) / (1 - low)) ** share
        place = min(max(place, self.low), self.high)
        return round(place) if self.integer else place

    def share(self, value: Value) -> float:
        """The share of the way along the scale at which a value is."""
        low, high = (self.low - 0.5, self.high + 0.5) if self.integer else (self.low, self.high)
        first, here, last = (self._scaled(each) for each in (low, float(value), high))
        # Ends that the scale cannot tell apart are one place.
        return (here - first) / (last - first) if last > first else 0.5

    def _scaled(self, value: float) -> float:
        if self.scale == "Linear":
            return value / 2  # no difference of two halves is too large for a float
        return math.log(value) if self.scale == "Logarithmic" else -math.log1p(-value)


@dataclass(frozen=True)
class Category:
    """A categorical hyperparameter."""

    name: str
    values: tuple[str, ...]

    def text(self, value: Value) -> str:
        """The value itself."""
        return str(value)

    def value(self, text: str) -> Value | None:
        """The text, None where it is none of the values."""
        return text if text in self.values else None

    def at(self, share: float) -> Value:
        """The value at a share (from 0 to 1) of the way through the values."""
        return self.values[min(int(share * len(self.values)), len(self.values) - 1)]

    def share(self, value: Value) -> float:
        """The middle of the part that leads to a value."""
        return (self.values.index(str(value)) + 0.5) / len(self.values)


Parameter = Number | Category
Space = tuple[Parameter, ...]


def parse(ranges: Mapping[str, Sequence[Mapping[str, Any]]]) -> Space:
    """The hyperparameters of ParameterRanges; ValidationException for ranges that AWS refuses."""
    if ranges.get("AutoParameters"):
        raise ValidationException("The embedded AWS does not have Autotune: give each AutoParameter a range.")
    space: Space = (
        *(_numeric(item, integer=True) for item in ranges.get("IntegerParameterRanges", ())),
        *(_numeric(item, integer=False) for item in ranges.get("ContinuousParameterRanges", ())),
        *(_category(item) for item in ranges.get("CategoricalParameterRanges", ())),
    )
    if not 1 <= len(space) <= MOST_PARAMETERS:
        raise ValidationException(
            f"ParameterRanges must have 1 to {MOST_PARAMETERS} hyperparameters, but has {len(space)}."
        )
    names = [parameter.name for parameter in space]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise ValidationException(f"ParameterRanges has more than one range for {', '.join(repeated)}.")
    return space


def _numeric(item: Mapping[str, Any], *, integer: bool) -> Number:
    name = item["Name"]
    kind = "an integer" if integer else "a number"
    ends = []
    for member in ("MinValue", "MaxValue"):
        end = _number(item[member], integer)
        if end is None:
            raise ValidationException(f"{member} of hyperparameter {name} is '{item[member]}', not {kind}.")
        ends.append(end)
    low, high = ends
    if low >= high:
        raise ValidationException(
            f"MinValue of hyperparameter {name} must be less than MaxValue, but they are {low} and {high}."
        )
    return Number(name, low, high, integer, _scale(name, item.get("ScalingType", "Auto"), low, high))


def _scale(name: str, asked: str, low: float, high: float) -> Scale:
    if asked == "Logarithmic":
        if low <= 0:
            raise ValidationException(
                f"Logarithmic scaling of hyperparameter {name} needs values greater than 0, but its MinValue "
                f"is {low}."
            )
        return "Logarithmic"
    if asked == "ReverseLogarithmic":
        if low < 0 or high >= 1:
            raise ValidationException(
                f"ReverseLogarithmic scaling of hyperparameter {name} needs a range within 0 <= x < 1.0, but "
                f"its range is from {low} to {high}."
            )
        return "ReverseLogarithmic"
    return "Logarithmic" if asked == "Auto" and low > 0 and high / low >= _WIDE else "Linear"


def _category(item: Mapping[str, Any]) -> Category:
    values = tuple(item["Values"])
    if len(set(values)) < len(values):
        raise ValidationException(f"The values of hyperparameter {item['Name']} are not distinct.")
    return Category(item["Name"], values)


def _number(text: str, integer: bool) -> int | float | None:
    try:
        number = int(text) if integer else float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
