"""How traffic moves from the model in service to its successor, always with alarms that roll back.

https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails.html
"""

from dataclasses import KW_ONLY
from datetime import timedelta
from typing import Annotated

from pydantic import Field

from declaration.durations import DurationRange, seconds
from declaration.value import declared

# WaitIntervalInSeconds is at most an hour:
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_TrafficRoutingConfig.html
Wait = Annotated[str | timedelta, DurationRange("0 s", "1 h")]


@declared
class Canary:
    """A first share of the new fleet takes traffic, and after `wait` without an alarm all of it."""

    _: KW_ONLY
    percent: Annotated[int, Field(ge=1, le=50)] = 10
    wait: Wait = timedelta(minutes=5)

    @property
    def wait_seconds(self) -> int:
        """The wait before the rest of the traffic follows."""
        return seconds(self.wait)


@declared
class Linear:
    """Traffic moves in equal steps of `percent`, with `wait` after each."""

    _: KW_ONLY
    percent: Annotated[int, Field(ge=10, le=50)] = 25
    wait: Wait = timedelta(minutes=2)

    @property
    def wait_seconds(self) -> int:
        """The wait after each step."""
        return seconds(self.wait)


@declared
class AllAtOnce:
    """All traffic moves in one step; the old fleet stays for `wait`, ready for a rollback."""

    _: KW_ONLY
    wait: Wait = timedelta(minutes=5)

    @property
    def wait_seconds(self) -> int:
        """The wait in which an alarm still rolls back."""
        return seconds(self.wait)


@declared
class Rolling:
    """Instances are replaced in batches of `percent`, with `wait` after each: no second fleet is paid for.

    https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-rolling.html
    """

    _: KW_ONLY
    percent: Annotated[int, Field(ge=5, le=50)] = 25
    wait: Wait = timedelta(minutes=2)

    @property
    def wait_seconds(self) -> int:
        """The wait after each batch."""
        return seconds(self.wait)


Rollout = Canary | Linear | AllAtOnce | Rolling
