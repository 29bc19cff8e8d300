"""When a new model is trained."""

from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field

from declaration.durations import Cooldown, DurationRange, seconds, spoken
from declaration.errors import Problem
from declaration.schedule import Schedule, expression
from declaration.sizes import SizeRange, bytes_in
from declaration.value import declared
from declaration.watching import OnDrift, OnQuality

# Why a training is asked for; the last two are a person's: `sageloop retrain`, `sageloop replay`.
Kind = Literal["data", "schedule", "drift", "quality", "manual", "replay"]
Count = Annotated[int, Field(ge=1, le=1_000_000_000)]


@dataclass(frozen=True)
class Least:
    """How much has to be new before new data starts a training; all that are given must be reached.

    `or_after` is in seconds: once the oldest new file is that old, less will do.
    """

    bytes: int | None = None
    rows: int | None = None
    files: int | None = None
    or_after: int | None = None


@declared
class OnNewData:
    """Train when files arrived, once no more came for `quiet_for` and `cooldown` since the last start.

    `at_least` ("50 MB"), `rows` and `files` say how much has to be new; of several each must be reached. Less
    is trained on when the oldest new file has waited for `or_after`. Rows are estimated from the bytes of the
    files and what a row took when the reigning model was trained; for the first model any number will do.
    """

    _: KW_ONLY
    at_least: Annotated[Annotated[str, SizeRange("1 kB", "100 TB")] | None, Field(examples=["'50 MB'"])] = (
        None
    )
    rows: Annotated[Count | None, Field(examples=["10_000"])] = None
    files: Annotated[Count | None, Field(examples=["3"])] = None
    or_after: Annotated[
        Annotated[str | timedelta, DurationRange("1 min", "366 days")] | None, Field(examples=["'7 days'"])
    ] = None
    quiet_for: Annotated[str | timedelta, DurationRange("0 s", "1 day")] = timedelta(minutes=5)
    cooldown: Cooldown = timedelta(0)

    @property
    def quiet_seconds(self) -> int:
        """How long no file may arrive before training starts."""
        return seconds(self.quiet_for)

    @property
    def cooldown_seconds(self) -> int:
        """The least time between two starts."""
        return seconds(self.cooldown)

    @property
    def least(self) -> Least:
        """How much has to be new, in bytes, rows, files and seconds."""
        return Least(
            bytes_in(self.at_least) if self.at_least else None,
            self.rows,
            self.files,
            None if self.or_after is None else seconds(self.or_after),
        )

    @property
    def thresholds(self) -> tuple[str, ...]:
        """The fields that say how much has to be new."""
        return tuple(name for name in ("at_least", "rows", "files") if getattr(self, name) is not None)

    def problems(self) -> Iterator[Problem]:
        """An end to a wait that nobody declared, or that comes before the quiet time is over."""
        if self.or_after is None:
            return
        waits = spoken(timedelta(seconds=seconds(self.or_after)))
        if not self.thresholds:
            rule = "without at_least, rows or files nothing waits to be enough"
            yield Problem("OnNewData, or_after", repr(waits), rule, "leave it out, or say how much is enough")
        elif seconds(self.or_after) < self.quiet_seconds:
            quiet = spoken(timedelta(seconds=self.quiet_seconds))
            rule = f"it must be at least quiet_for, which is {quiet}"
            yield Problem("OnNewData, or_after", repr(waits), rule, f"write or_after={quiet!r} or more")


@declared
class Every:
    """Train on a schedule if there is new data: "1 day", "week", or EventBridge's cron expression in UTC.

    At least `cooldown` after the last start, whatever started it.
    """

    period: Annotated[str | timedelta, Schedule(), Field(examples=["'1 day'"])]
    _: KW_ONLY
    cooldown: Cooldown = timedelta(0)

    @property
    def schedule_expression(self) -> str:
        """The schedule as EventBridge writes it: `rate(1 day)` or `cron(0 6 * * ? *)`."""
        return expression(self.period)

    @property
    def cooldown_seconds(self) -> int:
        """The least time between the last start and one by schedule."""
        return seconds(self.cooldown)


Trigger = OnNewData | Every | OnDrift | OnQuality
