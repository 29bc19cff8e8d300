"""When a new model is trained."""

from dataclasses import KW_ONLY
from datetime import timedelta
from typing import Annotated

from pydantic import Field

from declaration.durations import DurationRange, seconds
from declaration.schedule import Schedule, expression
from declaration.value import declared


@declared
class OnNewData:
    """Train when files arrived, once no more came for `quiet_for` and `cooldown` since the last start."""

    _: KW_ONLY
    quiet_for: Annotated[str | timedelta, DurationRange("0 s", "1 day")] = timedelta(minutes=5)
    cooldown: Annotated[str | timedelta, DurationRange("0 s", "30 days")] = timedelta(0)

    @property
    def quiet_seconds(self) -> int:
        """How long no file may arrive before training starts."""
        return seconds(self.quiet_for)

    @property
    def cooldown_seconds(self) -> int:
        """The least time between two starts."""
        return seconds(self.cooldown)


@declared
class Every:
    """Train on a schedule: every so often ("1 day"), or by EventBridge's cron expression in UTC."""

    period: Annotated[str | timedelta, Schedule(), Field(examples=["'1 day'"])]

    @property
    def schedule_expression(self) -> str:
        """The schedule as EventBridge writes it: `rate(1 day)` or `cron(0 6 * * ? *)`."""
        return expression(self.period)


Trigger = OnNewData | Every
