"""When a scheduled action is due: at(…), rate(…) and cron(…).

docs.aws.amazon.com/autoscaling/application/userguide/scheduled-scaling-using-cron-expressions.html
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from local.errors import ValidationException

_UNITS = {"minute": 60, "hour": 3600, "day": 86400}
_MONTH_NAMES = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_MONTHS = {name: number for number, name in enumerate(_MONTH_NAMES, 1)}
_DAYS = {name: number for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), 1)}
_YEARS_AHEAD = 10


@dataclass(frozen=True)
class At:
    """Once."""

    moment: datetime

    def after(self, start: datetime) -> datetime | None:
        """The moment, if it is later than the start."""
        return self.moment if self.moment > start else None


@dataclass(frozen=True)
class Rate:
    """Again and again, counted from a moment."""

    seconds: int
    origin: datetime

    def after(self, start: datetime) -> datetime | None:
        """The first multiple later than the start."""
        passed = int((start - self.origin).total_seconds() // self.seconds)
        return self.origin + timedelta(seconds=self.seconds * (max(passed, 0) + 1))


@dataclass(frozen=True)
class Cron:
    """At every minute that fits all fields; days are those of the month or of the week."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    years: frozenset[int]
    zone: ZoneInfo

    def after(self, start: datetime) -> datetime | None:
        """The first minute later than the start; None within ten years."""
        local = start.astimezone(self.zone)
        for number in range(366 * _YEARS_AHEAD):
            day = local.date() + timedelta(days=number)
            fits = day.day in self.days and day.isoweekday() % 7 + 1 in self.weekdays
            if not fits or day.month not in self.months or day.year not in self.years:
                continue
            for hour in sorted(self.hours):
                for minute in sorted(self.minutes):
                    moment = datetime(day.year, day.month, day.day, hour, minute, tzinfo=self.zone)
                    if moment.astimezone(UTC) > start:
                        return moment.astimezone(UTC)
        return None


Schedule = At | Rate | Cron


def parse(expression: str, timezone: str, origin: datetime) -> Schedule:
    """The schedule of an expression; ValidationException, which quotes it, if it is none."""
    try:
        zone = ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError):
        raise ValidationException(f"The timezone {timezone} is not supported.") from None
    kind, _, inside = expression.rstrip(")").partition("(")
    try:
        if kind == "at":
            return At(datetime.fromisoformat(inside).replace(tzinfo=zone).astimezone(UTC))
        if kind == "rate":
            amount, unit = inside.split()
            return Rate(int(amount) * _UNITS[unit.removesuffix("s")], origin)
        if kind == "cron":
            return _cron(inside, zone)
    except (ValueError, KeyError):
        pass
    raise ValidationException(
        f"The schedule expression {expression} is not valid; use at(yyyy-mm-ddThh:mm:ss), rate(5 minutes) or "
        "cron(minutes hours day-of-month month day-of-week year)."
    )


def _cron(text: str, zone: ZoneInfo) -> Cron:
    minutes, hours, days, months, weekdays, years = text.upper().split()
    return Cron(
        _field(minutes, 0, 59),
        _field(hours, 0, 23),
        _field(days, 1, 31),
        _field(months, 1, 12, _MONTHS),
        _field(weekdays, 1, 7, _DAYS),
        _field(years, 1970, 2199),
        zone,
    )


def _field(text: str, low: int, high: int, names: dict[str, int] | None = None) -> frozenset[int]:
    """The values of one field: * ? 5 1-5 */10 0/15 MON-FRI and lists of these."""
    for name, number in (names or {}).items():
        text = text.replace(name, str(number))
    values: set[int] = set()
    for part in text.split(","):
        found = re.fullmatch(r"(?:(\*|\?)|(\d+)(?:-(\d+))?)(?:/(\d+))?", part)
        if not found:
            raise ValueError(part)
        every, first, last, step = found.groups()
        start = low if every else int(first)
        end = high if every or (step and not last) else int(last or first)
        if not low <= start <= end <= high:
            raise ValueError(part)
        values.update(range(start, end + 1, int(step or 1)))
    return frozenset(values)
