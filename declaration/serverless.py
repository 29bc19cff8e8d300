"""Serving without instances: the load is stated, and it is refused where serverless cannot carry it."""

from collections.abc import Iterator
from dataclasses import KW_ONLY
from typing import Annotated, Literal

from pydantic import Field

from declaration.clients import Clients, repeated
from declaration.errors import Problem
from declaration.load import Load, Predict
from declaration.value import declared


@declared
class Serverless:
    """A serverless endpoint: no instances and nothing to pay at rest, but at most 200 calls at a time.

    `latency_ms` is how long one call takes; with the load it says how many calls run at once. `warm` of them
    are paid for all the time and never start cold.
    https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html
    """

    _: KW_ONLY
    calls_per_minute: Load
    latency_ms: Annotated[int, Field(ge=1, le=60_000, examples=["50"])]
    memory_mb: Literal[1024, 2048, 3072, 4096, 5120, 6144] = 2048
    max_concurrency: Annotated[int, Field(ge=1, le=200)] = 200
    warm: Annotated[int, Field(ge=0, le=200)] = 0
    predict: Predict = None
    clients: Clients = ()

    @property
    def concurrent_calls(self) -> float:
        """The calls in flight at the stated load (Little's law)."""
        return self.calls_per_minute / 60 * self.latency_ms / 1000

    def explain(self) -> str:
        """The arithmetic of the load."""
        per_second = self.calls_per_minute / 60
        return (
            f"{per_second:,.1f} calls/s x {self.latency_ms / 1000:g} s = "
            f"{self.concurrent_calls:,.1f} at once, of {self.max_concurrency}"
        )

    def problems(self) -> Iterator[Problem]:
        """A load that the allowed concurrency cannot carry, and more warm than can be used."""
        yield from repeated("Serverless", self.clients)
        if self.concurrent_calls > self.max_concurrency:
            rule = f"{self.explain()} is more than it can carry (SageMaker allows at most 200 at once)"
            fits = self.max_concurrency * 60_000 // self.latency_ms
            fix = f"use Endpoint(calls_per_minute={self.calls_per_minute}), or state {fits:,} calls or fewer"
            yield Problem("Serverless, calls_per_minute", f"{self.calls_per_minute:,}", rule, fix)
        if self.warm > self.max_concurrency:
            rule = f"it must be at most max_concurrency, which is {self.max_concurrency}"
            yield Problem("Serverless, warm", str(self.warm), rule, "lower it")
