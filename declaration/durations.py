"""Durations as people write them: "5 min", "10 s", "1 h", "2 days"."""

import re
from datetime import timedelta
from typing import Annotated, Any

from declaration.errors import Refusal, closest
from declaration.rules import Rule

_UNITS = {
    "s": 1,
    "sec": 1,
    "second": 1,
    "seconds": 1,
    "min": 60,
    "minute": 60,
    "minutes": 60,
    "h": 3600,
    "hour": 3600,
    "hours": 3600,
    "day": 86_400,
    "days": 86_400,
    "week": 604_800,
    "weeks": 604_800,
}
_SHAPE = re.compile(r"(\d{1,9})\s*([a-zA-Z]+)")


def parse(text: str) -> timedelta:
    """The duration that a text such as "5 min" means; raises Refusal."""
    match = _SHAPE.fullmatch(text.strip())
    if match and match[2] in _UNITS:
        return timedelta(seconds=int(match[1]) * _UNITS[match[2]])
    unit = closest(match[2], _UNITS) if match else None
    fix = f"did you mean '{match[1]} {unit}'" if match and unit else None
    raise Refusal("a duration is a whole number and a unit: s, min, h, days or weeks", fix)


def spoken(duration: timedelta) -> str:
    """A duration in its largest whole unit: "90 min", "1 h", "2 days"."""
    seconds = duration.total_seconds()
    for size, unit in ((86_400, "days"), (3600, "h"), (60, "min")):
        if seconds and seconds % size == 0:
            count = int(seconds // size)
            return f"{count} {'day' if count == 1 and unit == 'days' else unit}"
    return f"{seconds:.10g} s"


class DurationRange(Rule):
    """A duration of whole seconds between two bounds, given as a text or a timedelta."""

    def __init__(self, shortest: str, longest: str) -> None:
        self.shortest = parse(shortest)
        self.longest = parse(longest)

    @property
    def text(self) -> str:
        """The bounds in words."""
        return f'a duration from {spoken(self.shortest)} to {spoken(self.longest)}, such as "5 min" or "1 h"'

    def check(self, value: Any) -> timedelta:
        """The value as a timedelta; raises Refusal."""
        duration = parse(value) if isinstance(value, str) else value
        if duration % timedelta(seconds=1):
            raise Refusal(f"it must be {self.text}, in whole seconds")
        if not self.shortest <= duration <= self.longest:
            nearest = self.shortest if duration < self.shortest else self.longest
            raise Refusal(f"it must be {self.text}", f"the nearest is {spoken(nearest)!r}")
        return duration


# The least time between two starts of a training.
Cooldown = Annotated[str | timedelta, DurationRange("0 s", "30 days")]


def seconds(duration: str | timedelta) -> int:
    """A declared duration in seconds; DurationRange has made it a timedelta."""
    return int((parse(duration) if isinstance(duration, str) else duration).total_seconds())
