"""Hours of a week in which a load is expected, as people write them: "weekdays 8-18 Europe/Berlin"."""

import functools
import re
import zoneinfo
from dataclasses import dataclass
from typing import Any

from declaration.errors import Refusal, closest
from declaration.rules import Rule

_WEEK = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
_DAYS = {"daily": _WEEK, "weekdays": _WEEK[:5], "weekends": _WEEK[5:]}
_SHAPE = re.compile(r"([A-Za-z]+)\s+(\d{1,2})-(\d{1,2})(?:\s+(\S+))?")
# A new instance takes minutes until it answers, so the floor rises that much before the hours begin.
_EARLY = 15


@dataclass(frozen=True)
class Hours:
    """The same hours on some days of each week; at the hour `end`, 24 at the latest, they are over."""

    days: tuple[str, ...]
    start: int
    end: int
    timezone: str

    @property
    def share(self) -> float:
        """How much of a week they are."""
        return len(self.days) * (self.end - self.start) / (7 * 24)

    @property
    def begin_expression(self) -> str:
        """When to be ready, as a cron expression: 15 minutes before they begin."""
        return _cron(self.days, self.start * 60 - _EARLY)

    @property
    def end_expression(self) -> str:
        """When they are over, as a cron expression."""
        return _cron(self.days, self.end * 60)


def hours(text: str) -> Hours:
    """The hours that a text means; raises Refusal."""
    match = _SHAPE.fullmatch(text.strip())
    if match is None:
        raise Refusal(f"it must be {BusyHours().text}")
    days = _DAYS.get(match[1].lower())
    if days is None:
        found = closest(match[1], _DAYS)
        fix = f"did you mean {match[0].replace(match[1], found)!r}" if found else None
        raise Refusal("its days are weekdays, weekends or daily", fix)
    start, end = int(match[2]), int(match[3])
    if not start < end <= 24:
        raise Refusal("its hours are two of one day from 0 to 24, the first before the second")
    timezone = match[4] or "UTC"
    if timezone not in _timezones():
        found = closest(timezone, _timezones())
        fix = f"did you mean {match[0].replace(timezone, found)!r}" if found else None
        raise Refusal("its time zone must be one of the IANA database, such as Europe/Berlin", fix)
    return Hours(days, start, end, timezone)


class BusyHours(Rule):
    """Days, hours and perhaps a time zone."""

    @property
    def text(self) -> str:
        """The shape, by example."""
        return 'days, hours and perhaps a time zone, such as "weekdays 8-18" or "daily 6-22 Europe/Berlin"'

    def check(self, value: Any) -> str:
        """The text itself; raises Refusal."""
        hours(value)
        return str(value)


@functools.cache
def _timezones() -> frozenset[str]:
    # Their names are looked up file by file; a machine without any still has the default.
    return frozenset({"UTC", *zoneinfo.available_timezones()})


def _cron(days: tuple[str, ...], minutes: int) -> str:
    """Minutes after midnight of these days; what is before or after is on the neighbouring day.

    https://docs.aws.amazon.com/autoscaling/application/userguide/scheduled-scaling-using-cron-expressions.html
    """
    shift, minutes = divmod(minutes, 24 * 60)
    named = [_WEEK[(_WEEK.index(day) + shift) % 7] for day in days]
    return f"cron({minutes % 60} {minutes // 60} ? * {','.join(named)} *)"
