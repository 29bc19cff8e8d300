"""Schedules as EventBridge knows them.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html
"""

import re
from datetime import timedelta
from typing import Any

from declaration.durations import DurationRange, parse
from declaration.errors import Refusal
from declaration.rules import Rule

_MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
_DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
# Name, lowest, highest, names for 1, 2, ..., and the wildcards beyond "*" that the field knows.
_FIELDS: tuple[tuple[str, int, int, list[str], str], ...] = (
    ("minutes", 0, 59, [], ""),
    ("hours", 0, 23, [], ""),
    ("day of month", 1, 31, [], "?LW"),
    ("month", 1, 12, _MONTHS, ""),
    ("day of week", 1, 7, _DAYS, "?L#"),
    ("year", 1970, 2199, [], ""),
)


def expression(period: str | timedelta) -> str:
    """A checked period as EventBridge's schedule expression."""
    if isinstance(period, str) and period.startswith("cron("):
        return period
    minutes = int((parse(period) if isinstance(period, str) else period).total_seconds()) // 60
    for size, unit in ((1440, "day"), (60, "hour"), (1, "minute")):
        if minutes % size == 0:
            count = minutes // size
            return f"rate({count} {unit}{'' if count == 1 else 's'})"
    raise ValueError(f"not a whole number of minutes: {period}")


class WholeMinutes(DurationRange):
    """A duration in the finest unit that a schedule has."""

    def check(self, value: Any) -> timedelta:
        """The value as a timedelta; raises Refusal."""
        period = super().check(value)
        if period % timedelta(minutes=1):
            raise Refusal(f"it must be {self.text}, in whole minutes")
        return period


_PERIODS = WholeMinutes("1 min", "366 days")
_WORDS = {"hour": "1 h", "day": "1 day", "week": "1 week"}


class Schedule(Rule):
    """A period of whole minutes, one of the words for it, or a cron expression."""

    @property
    def text(self) -> str:
        """All forms."""
        return f'{_PERIODS.text}, "hour", "day", "week", or a cron expression such as "cron(0 6 * * ? *)"'

    def check(self, value: Any) -> str | timedelta:
        """A cron expression itself, or the period as a timedelta; raises Refusal."""
        if isinstance(value, str) and value.strip().startswith("cron"):
            return _checked_cron(value.strip())
        return _PERIODS.check(_WORDS.get(value, value) if isinstance(value, str) else value)


def _checked_cron(text: str) -> str:
    match = re.fullmatch(r"cron\(([^()]*)\)", text)
    fields = match[1].split() if match else []
    if len(fields) != len(_FIELDS):
        order = ", ".join(name for name, *_ in _FIELDS)
        raise Refusal(f"a cron expression has six fields ({order})", 'write for example "cron(0 6 * * ? *)"')
    for value, (name, low, high, names, wildcards) in zip(fields, _FIELDS, strict=True):
        for part in value.split(","):
            if not _fits(part, low, high, names, wildcards):
                given = [*(["?"] if "?" in wildcards else []), "*", f"{low}-{high}", *names]
                raise Refusal(
                    f"its field {name} is {value!r} and may hold {', '.join(given)}", "correct that field"
                )
    if (fields[2] == "?") == (fields[4] == "?"):
        rule = "exactly one of day of month and day of week must be '?'"
        raise Refusal(rule, "write '?' for the one that does not matter, as in \"cron(0 6 * * ? *)\"")
    return f"cron({' '.join(fields)})"


def _fits(part: str, low: int, high: int, names: list[str], wildcards: str) -> bool:
    if part == "*" or (part in ("?", "L", "LW") and all(letter in wildcards for letter in part)):
        return True
    words = [*names, *map(str, range(low, high + 1))]
    number = "(" + "|".join(sorted(words, key=len, reverse=True)) + ")"
    forms = [number, rf"{number}-{number}", rf"(\*|{number}|{number}-{number})/[1-9]\d*"]
    if "W" in wildcards:
        forms.append(rf"{number}W")
    if "#" in wildcards:
        forms += [rf"{number}L", rf"{number}#[1-5]"]
    return any(re.fullmatch(form, part, re.IGNORECASE) for form in forms)
