"""One hyperparameter of an algorithm: which values it takes, and how SageMaker wants them written."""

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from declaration.builtin.conditions import Condition
from declaration.errors import Refusal, closest, one_of

Written = str | int | float


@dataclass(frozen=True, kw_only=True)
class Hyperparameter:
    """What AWS's page says of a hyperparameter.

    Numbers lie from `min` to `max`, above `above` and below `below`. `values` are all that is allowed,
    or all items of a list; `also` are words (or numbers) beside the type; `pattern` is the shape of a text
    and `shape` says it in words. A list is `written` as JSON, with commas, or as a tuple.
    """

    type: Literal["integer", "number", "boolean", "text", "list"]
    required: bool = False
    required_if: Condition | None = None
    required_with_channel: str | None = None
    only_if: Condition | None = None
    items: Literal["integer", "number", "text"] | None = None
    min: float | None = None
    max: float | None = None
    above: float | None = None
    below: float | None = None
    even: bool = False
    values: tuple[Written, ...] = ()
    also: tuple[Written, ...] = ()
    pattern: str | None = None
    shape: str | None = None
    written: Literal["json", "comma", "tuple"] = "json"
    default: Any = None
    booleans: tuple[str, str] = ("true", "false")

    @property
    def allowed(self) -> str:
        """What it takes, so that "it must be <allowed>" is a sentence."""
        if self.type == "list":
            phrase = f"a list, each item {self._allowed_of(self.items or 'text')}"
        else:
            phrase = self._allowed_of(self.type)
        return one_of([phrase, *map(repr, self.also)])

    def write(self, value: object) -> Written:
        """A value as it stands in the request; raises Refusal for one that is not allowed.

        What this returns is taken again as it is, so AWS's own notation ("true", '["msd"]') is taken too.
        """
        if any(value == word and type(value) is type(word) for word in self.also):
            return value  # type: ignore[return-value]  # it is one of them
        if self.type == "boolean":
            return self._boolean(value)
        if self.type == "list":
            return self._list(value)
        return self._single(self.type, value)

    def _allowed_of(self, kind: str) -> str:
        if self.values:
            options = one_of([repr(value) for value in self.values])
            return f"{options}, or {self.shape or 'like ' + self.pattern}" if self.pattern else options
        if kind == "boolean":
            return "True or False"
        if kind == "text":
            return self.shape or "a text"
        noun = "a number" if kind == "number" else f"{'an even' if self.even else 'a'} whole number"
        return noun + self._bounds()

    def _bounds(self) -> str:
        low = f" from {_plain(self.min)}" if self.min is not None else ""
        low = f" greater than {_plain(self.above)}" if self.above is not None else low
        high = f"to {_plain(self.max)}" if self.max is not None else ""
        high = f"less than {_plain(self.below)}" if self.below is not None else high
        if not high:
            return f"{low} up" if self.min is not None else low
        if not low:
            return f" of at most {_plain(self.max)}" if self.max is not None else f" {high}"
        return (
            f"{low} {high}"
            if self.min is not None and self.max is not None
            else f"{low} and {_at_most(high)}"
        )

    def _boolean(self, value: object) -> str:
        true, false = self.booleans
        if isinstance(value, bool):
            return true if value else false
        if value in self.booleans:
            return str(value)
        if isinstance(value, str) and value.casefold() in ("true", "false"):
            raise Refusal(f"it must be {self.allowed}", f"write {value.capitalize()}")
        raise Refusal(f"it must be {self.allowed}")

    def _list(self, value: object) -> str:
        given = self._split(value) if isinstance(value, str) else value
        if not isinstance(given, Sequence) or not given:
            raise Refusal(f"it must be {self.allowed}")
        items = [self._single(self.items or "text", item) for item in given]
        if self.written == "json":
            return json.dumps(items)
        joined = ",".join(map(str, items))
        return f"({joined})" if self.written == "tuple" else joined

    def _split(self, text: str) -> Sequence[object]:
        if self.written == "json":
            try:
                parsed = json.loads(text)
            except json.JSONDecodeError:
                parsed = None
            # One word alone is most likely a list of one item that lost its brackets.
            return parsed if isinstance(parsed, list) else [text]
        items = [item.strip() for item in text.strip("()").split(",")]
        if self.items == "integer" and all(re.fullmatch(r"[-+]?\d+", item) for item in items):
            return [int(item) for item in items]
        return items

    def _single(self, kind: str, value: object) -> Written:
        if kind == "text":
            return self._text(value)
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise Refusal(f"it must be {self.allowed}", _as_number(value))
        if kind == "integer" and isinstance(value, float):
            raise Refusal(f"it must be {self.allowed}", f"write {value:.0f}" if value.is_integer() else None)
        if not math.isfinite(value) or not self._within(value):
            raise Refusal(f"it must be {self.allowed}")
        return value

    def _text(self, value: object) -> str:
        if isinstance(value, str):
            matches = self.pattern is not None and re.fullmatch(self.pattern, value) is not None
            if matches or value in self.values or not (self.values or self.pattern):
                return value
        match = closest(value, map(str, self.values)) if isinstance(value, str) else None
        raise Refusal(f"it must be {self.allowed}", f"did you mean {match!r}" if match else None)

    def _within(self, number: float) -> bool:
        if self.values:
            return number in self.values
        return (
            (self.min is None or number >= self.min)
            and (self.max is None or number <= self.max)
            and (self.above is None or number > self.above)
            and (self.below is None or number < self.below)
            and not (self.even and number % 2)
        )


def _plain(number: float | None) -> str:
    return f"{number:,}" if isinstance(number, int) else f"{number:g}"


def _at_most(high: str) -> str:
    return high.replace("to ", "at most ")


def _as_number(value: object) -> str | None:
    """The fix for a number in quotation marks."""
    written = isinstance(value, str) and re.fullmatch(r"[-+]?\d+(\.\d+)?([eE][-+]?\d+)?", value)
    return f"write {value} without quotation marks" if written else None
