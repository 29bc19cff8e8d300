"""Hyperparameters with the values that they may have."""

import math
from dataclasses import Field, field, fields
from typing import Any

from tabular.contract import DataError


def within(default: float, low: float, high: float = math.inf) -> Any:
    """A field whose values lie in [low, high]."""
    return field(default=default, metadata={"low": low, "high": high})


def among(default: str, *values: str) -> Any:
    """A field that is one of some texts."""
    return field(default=default, metadata={"values": values})


def read(settings: type[Any], given: dict[str, str]) -> Any:
    """Texts become `settings`; DataError names the hyperparameter that is unknown or has no such value."""
    known = {one.name: one for one in fields(settings)}
    for name in given:
        if name not in known:
            raise DataError(f"there is no hyperparameter {name!r}; there are {', '.join(known)}")
    return settings(**{name: _value(known[name], text) for name, text in given.items()})


def _value(wanted: Field[Any], text: str) -> Any:
    name, kind = wanted.name, wanted.type
    if kind is bool:
        if text.lower() not in ("true", "false"):
            raise DataError(f"the hyperparameter {name} is {text!r}, which is neither true nor false")
        return text.lower() == "true"
    if kind not in (int, float):
        values = wanted.metadata.get("values", (text,))
        if text not in values:
            raise DataError(f"the hyperparameter {name} is {text!r}; it is one of {', '.join(values)}")
        return text
    try:
        # A tuning service may write a whole number as 6.0.
        number = float(text) if kind is float or not float(text).is_integer() else int(float(text))
    except ValueError:
        number = math.nan
    except OverflowError:
        number = math.inf
    if not math.isfinite(number) or (kind is int and not isinstance(number, int)):
        what = "a whole number" if kind is int else "a number"
        raise DataError(f"the hyperparameter {name} is {text!r}, which is not {what}")
    low, high = wanted.metadata.get("low", -math.inf), wanted.metadata.get("high", math.inf)
    if not low <= number <= high:
        limit = f"at least {low:g}" if number < low else f"at most {high:g}"
        raise DataError(f"the hyperparameter {name} is {text!r}; it must be {limit}")
    return number
