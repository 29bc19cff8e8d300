"""What a model is trained on: all data, the last months of it, or what the reigning model lacks."""

import re
from dataclasses import KW_ONLY
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from declaration.algorithms.learner import Rounds
from declaration.errors import Refusal, closest
from declaration.rules import Rule
from declaration.value import declared

By = Literal["time", "upload"]

# Months and years are of the calendar and no number of days, so that they are kept apart.
_DAYS = {"day": 1, "days": 1, "week": 7, "weeks": 7}
_MONTHS = {"month": 1, "months": 1, "year": 12, "years": 12}
_SHAPE = re.compile(r"(\d{1,5})\s*([a-zA-Z]+)")
_MOST_MONTHS = 100 * 12
_MOST_DAYS = 36_500


def span(text: str) -> str:
    """A period in months or days, the two units that a job is told: "2 years" is "24 months".

    Raises Refusal for what is no period, and for one that is longer than 100 years.
    """
    match = _SHAPE.fullmatch(text.strip())
    if match is None or match[2] not in _DAYS | _MONTHS:
        unit = closest(match[2], [*_DAYS, *_MONTHS]) if match else None
        fix = f"did you mean '{match[1]} {unit}'" if match and unit else None
        raise Refusal("a period is a whole number and a unit: days, weeks, months or years", fix)
    months = match[2] in _MONTHS
    count = int(match[1]) * (_MONTHS if months else _DAYS)[match[2]]
    if not 1 <= count <= (_MOST_MONTHS if months else _MOST_DAYS):
        nearest = "1 day" if count < 1 else "100 years"
        raise Refusal(f"it must be {CalendarPeriod().text}", f"the nearest is {nearest!r}")
    return f"{count} {'months' if months else 'days'}"


class CalendarPeriod(Rule):
    """A period of the calendar."""

    @property
    def text(self) -> str:
        """The shape, by example."""
        return 'a period from 1 day to 100 years, such as "90 days" or "12 months"'

    def check(self, value: Any) -> str:
        """The text itself; raises Refusal."""
        span(value)
        return str(value)


Period = Annotated[str, CalendarPeriod()]


@declared
class Everything:
    """Train on every row that was ever uploaded."""

    span: ClassVar[None] = None
    by: ClassVar[By] = "time"
    warm: ClassVar[bool] = False


@declared
class Last:
    """Train on the last rows only: "12 months", "90 days", "2 years".

    They are counted back from the latest row and not from today, so that the same data gives the same rows.
    By "time" the column `Data.time` says how old a row is, by "upload" the time at which its file arrived.
    """

    period: Annotated[Period, Field(examples=["'12 months'"])]
    _: KW_ONLY
    by: By = "time"

    warm: ClassVar[bool] = False

    @property
    def span(self) -> str:
        """The period in months or in days: "24 months", "90 days"."""
        return span(self.period)


@declared
class WarmStart:
    """Go on from the reigning model, by at most `rounds` more (without it, as many as a new model has).

    `last` limits the rows as in Last, by time. Where the columns changed so much that the reigning model does
    not fit them, training begins from nothing, and the report says so.
    """

    _: KW_ONLY
    last: Annotated[Period | None, Field(examples=["'3 months'"])] = None
    rounds: Annotated[Rounds | None, Field(examples=["100"])] = None

    by: ClassVar[By] = "time"
    warm: ClassVar[bool] = True

    @property
    def span(self) -> str | None:
        """The period in months or in days, None for all rows."""
        return span(self.last) if self.last else None


LearnFrom = Everything | Last | WarmStart
