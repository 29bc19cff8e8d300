"""One value of a request becomes the number that the model sees, as prepare and the encoding make it."""

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from serve.refusal import Refusal, bad_value
from tabular.schema import DATETIME, FALSE, MISSING, TRUE, Feature

NAN = float("nan")
# The largest number that becomes a finite float32; XGBoost refuses an infinite one.
LARGEST = 3.4028235677973362e38
_WHOLE = 2.0**53
_DATETIME = re.compile(DATETIME.replace(r"\d", "[0-9]"))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SHOWN = 40

JsonValue = object
FromText = Callable[[str, int], float | str | None]
FromJson = Callable[[JsonValue, int], float | str | None]


def text_reader(feature: Feature, unseen: Callable[[], None]) -> Callable[[str, int], float]:
    """A function from (text, row) to the model's number; `unseen` is told of each unknown category."""
    name = feature.name
    match feature.type:
        case "category":
            codes = _codes(feature)

            def read(text: str, row: int) -> float:  # noqa: ARG001
                text = text.strip()
                if text in MISSING:
                    return NAN
                code = codes.get(text)
                if code is None:
                    unseen()
                    return NAN
                return code

        case "boolean":

            def read(text: str, row: int) -> float:
                text = text.strip()
                if text in MISSING:
                    return NAN
                lower = text.lower()
                if lower in TRUE or lower in FALSE:
                    return 1.0 if lower in TRUE else 0.0
                raise unfit(row, name, text, "true or false")

        case "datetime":

            def read(text: str, row: int) -> float:
                text = text.strip()
                return NAN if text in MISSING else _days(text, row, name)

        case _:

            def read(text: str, row: int) -> float:
                try:
                    number = float(text)
                except ValueError:
                    number = NAN
                # float() also takes 1_000, inf, nan and the digits of other scripts; comparing NaN is false.
                if -LARGEST <= number <= LARGEST and "_" not in text and text.isascii():
                    return number
                if text.strip() in MISSING:
                    return NAN
                raise unfit(row, name, text, "a finite number within the range of float32")

    return read


def json_reader(feature: Feature, unseen: Callable[[], None]) -> FromJson:
    """A function from (JSON value, row) to the model's number; a value of another JSON type is refused."""
    name, from_text = feature.name, text_reader(feature, unseen)
    if feature.type in ("category", "datetime"):

        def read(value: JsonValue, row: int) -> float:
            if value is None:
                return NAN
            if isinstance(value, str):
                return from_text(value, row)
            raise unfit(row, name, value, "text")

    elif feature.type == "boolean":

        def read(value: JsonValue, row: int) -> float:
            if value is None:
                return NAN
            if isinstance(value, bool):
                return 1.0 if value else 0.0
            raise unfit(row, name, value, "true or false")

    else:

        def read(value: JsonValue, row: int) -> float:
            if value is None:
                return NAN
            if isinstance(value, int | float) and not isinstance(value, bool):
                if -LARGEST <= value <= LARGEST:
                    return float(value)
                raise unfit(row, name, value, "within the range of float32")
            raise unfit(row, name, value, "a number")

    return read


def whole(name: str, read: Callable[[Any, int], Any]) -> Callable[[Any, int], Any]:
    """A reader that refuses fractions, which a column of integers cannot hold."""

    def integer(value: Any, row: int) -> Any:
        number = read(value, row)
        if math.isnan(number) or (number.is_integer() and -_WHOLE <= number <= _WHOLE):
            return number
        raise unfit(row, name, value, "a whole number")

    return integer


def raw_text_reader(text: str, row: int) -> str | None:  # noqa: ARG001  a reader has two arguments
    """A category's text as it is; None where it is missing."""
    text = text.strip()
    return None if text in MISSING else text


def raw_json_reader(feature: Feature) -> FromJson:
    """A function from (JSON value, row) to a category's text."""

    def read(value: JsonValue, row: int) -> str | None:
        if value is None:
            return None
        if isinstance(value, str):
            return raw_text_reader(value, row)
        raise unfit(row, feature.name, value, "text")

    return read


def _codes(feature: Feature) -> dict[str, float]:
    return {category: float(code) for code, category in enumerate(feature.categories)}


def _days(text: str, row: int, name: str) -> float:
    if _DATETIME.fullmatch(text):
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:  # the form of a date, such as 2013-02-30
            pass
        else:
            moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            return (moment - _EPOCH).total_seconds() / 86_400
    raise unfit(row, name, text, "a date or time such as 2013-04-01T15:00:00Z")


def unfit(row: int, name: str, value: JsonValue, expected: str) -> Refusal:
    """The value, cut short, is not what is expected."""
    shown = (
        value
        if isinstance(value, str)
        else type(value).__name__
        if isinstance(value, list | dict)
        else str(value)
    )
    return bad_value(row, name, f"{shown[:_SHOWN]!r} is not {expected}")
