"""How traffic moves from the model in service to its successor, always with alarms that roll back.

https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails.html
"""

from collections.abc import Iterator
from dataclasses import KW_ONLY
from datetime import timedelta
from typing import Annotated

from pydantic import Field

from declaration.durations import DurationRange, seconds, spoken
from declaration.errors import Problem
from declaration.value import declared

# WaitIntervalInSeconds is at most an hour:
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_TrafficRoutingConfig.html
Wait = Annotated[str | timedelta, DurationRange("0 s", "1 h")]


class _Waiting:
    """A rollout that pauses; it is no dataclass, so each kind declares its own `wait`."""

    wait: str | timedelta

    @property
    def wait_seconds(self) -> int:
        """The wait in seconds."""
        return seconds(self.wait)


@declared
class Canary(_Waiting):
    """A first share of the new fleet takes traffic, and after `wait` without an alarm all of it."""

    _: KW_ONLY
    percent: Annotated[int, Field(ge=1, le=50)] = 10
    wait: Wait = timedelta(minutes=5)


@declared
class Linear(_Waiting):
    """Traffic moves in equal steps of `percent`, with `wait` after each."""

    _: KW_ONLY
    percent: Annotated[int, Field(ge=10, le=50)] = 25
    wait: Wait = timedelta(minutes=2)


@declared
class AllAtOnce(_Waiting):
    """All traffic moves in one step; the old fleet stays for `wait`, ready for a rollback."""

    _: KW_ONLY
    wait: Wait = timedelta(minutes=5)


@declared
class Rolling(_Waiting):
    """Instances are replaced in batches of `percent`, with `wait` after each: no second fleet is paid for.

    https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-rolling.html
    """

    _: KW_ONLY
    percent: Annotated[int, Field(ge=5, le=50)] = 25
    wait: Wait = timedelta(minutes=2)


@declared
class Shadow(_Waiting):
    """A new model first gets copies of `percent` of the calls, and its answers are compared, not returned.

    `wait` after it runs beside the one in service, it is deployed all at once if at least `agreement` (a
    share) of its answers are like those in service, and its errors and its latency are within what the
    alarms allow; else it is rejected. Numbers agree within `difference`, by default a tenth of the range of
    the answers in service; anything else agrees when it is equal. With fewer than `calls` different requests
    compared it runs on; after `within` it is rejected for lack of them. Meanwhile it costs its share of a
    second fleet, of the size that the declared load needs, which does not scale.
    https://docs.aws.amazon.com/sagemaker/latest/dg/model-shadow-deployment.html
    """

    _: KW_ONLY
    percent: Annotated[int, Field(ge=1, le=100)] = 100
    wait: Annotated[str | timedelta, DurationRange("0 s", "7 days")] = timedelta(minutes=15)
    within: Annotated[str | timedelta, DurationRange("1 min", "30 days")] = timedelta(days=1)
    calls: Annotated[int, Field(ge=1, le=5_000)] = 100
    agreement: Annotated[float, Field(ge=0, le=1)] = 0.8
    difference: Annotated[float | None, Field(ge=0, examples=["0.05"])] = None

    @property
    def within_seconds(self) -> int:
        """The longest that it runs, in seconds."""
        return seconds(self.within)

    def problems(self) -> Iterator[Problem]:
        """An end before the comparison begins."""
        if self.within_seconds <= self.wait_seconds:
            wait = spoken(timedelta(seconds=self.wait_seconds))
            rule = f"it must be longer than wait, which is {wait}"
            within = spoken(timedelta(seconds=self.within_seconds))
            yield Problem("Shadow, within", repr(within), rule, "write a longer within or a shorter wait")


Rollout = Canary | Linear | AllAtOnce | Rolling
