"""What became of the calls, second by second, and in sum."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

QUANTILES = (50.0, 90.0, 99.0, 99.9)


class Seen(NamedTuple):
    """Instances in service at a moment (Unix seconds)."""

    moment: float
    instances: int


@dataclass(frozen=True)
class Latency:
    """Percentiles in milliseconds, and the longest."""

    p50: float
    p90: float
    p99: float
    p99_9: float
    longest: float


@dataclass(frozen=True)
class Second:
    """One second of a test. `unsent` are calls that found no connection: all were waiting for answers."""

    offered: float
    answered: int
    failed: int
    unsent: int
    p50_ms: float | None
    p99_ms: float | None
    instances: int | None


@dataclass(frozen=True)
class Outcome:
    """A load test: what was asked for, what was sent and answered, and how fast.

    `due` counts from the time at which a call was due, so that a call that had to wait to be sent counts
    in full (no coordinated omission); the generator's clock makes it up to 2 ms too long. `sent` counts
    from the time at which it went out. `statuses` counts answers by HTTP status; "no answer" is none.
    """

    calls_per_minute: int
    seconds: float
    due: Latency | None
    sent: Latency | None
    statuses: Mapping[str, int]
    unsent: int
    timeline: Sequence[Second]
    generator_bound: bool = False

    @property
    def calls(self) -> int:
        """Calls that went out."""
        return sum(self.statuses.values())

    @property
    def errors(self) -> int:
        """Calls that were refused, failed, or never went out."""
        return self.unsent + sum(count for status, count in self.statuses.items() if not good(status))

    @property
    def achieved_per_minute(self) -> float:
        """Good answers a minute."""
        answers = sum(count for status, count in self.statuses.items() if good(status))
        return answers / self.seconds * 60 if self.seconds else 0.0

    def keeps(self, p99_ms: float) -> bool:
        """Whether every call was answered well, at the rate asked for, and 99 % of them within a time."""
        carried = self.achieved_per_minute >= 0.98 * self.calls_per_minute
        return not self.errors and carried and self.due is not None and self.due.p99 <= p99_ms


def good(status: str) -> bool:
    """Whether a status is one of success."""
    return status.startswith("2")


@dataclass
class _Bucket:
    statuses: Counter[str] = field(default_factory=Counter)
    due: list[float] = field(default_factory=list)
    sent: list[float] = field(default_factory=list)
    unsent: int = 0


class Samples:
    """Collects the samples that a generator writes, one line of CSV each.

    A line is metric,timestamp,value,…, with the status in the column that the header names.
    """

    def __init__(self) -> None:
        self._buckets: dict[int, _Bucket] = {}
        self._status = -1

    def take(self, line: str) -> None:
        """Take down a line; those of other metrics are passed over."""
        name, _, rest = line.partition(",")
        if name == "metric_name":
            self._status = line.rstrip("\n").split(",").index("status")
        elif name == "http_reqs":
            cells = line.split(",")
            status = cells[self._status]
            self._bucket(cells[1]).statuses["no answer" if status in ("", "0") else status] += 1
        elif name == "http_req_duration":
            moment, value = rest.split(",", 2)[:2]
            self._bucket(moment).sent.append(float(value))
        elif name == "iteration_duration_corrected":
            moment, value = rest.split(",", 2)[:2]
            self._bucket(moment).due.append(float(value))
        elif name == "dropped_iterations":
            moment, value = rest.split(",", 2)[:2]
            self._bucket(moment).unsent += round(float(value))

    def _bucket(self, moment: str) -> _Bucket:
        return self._buckets.setdefault(int(moment), _Bucket())

    def newest(self) -> tuple[int, int, float | None] | None:
        """Of the newest whole second: answers, errors, and the 99th percentile; None before there is one."""
        moments = sorted(self._buckets)[-2:-1]
        if not moments:
            return None
        bucket = self._buckets[moments[0]]
        failed = sum(count for status, count in bucket.statuses.items() if not good(status))
        return sum(bucket.statuses.values()), failed + bucket.unsent, _quantile(bucket.due, 99)

    def begun(self, calls_per_second: float) -> float:
        """When the first call was due (Unix seconds), if so many came at first; 0 for no calls.

        Samples know whole seconds only: the calls of the first one tell how much of it there was.
        """
        if not self._buckets:
            return 0.0
        first = min(self._buckets)
        bucket = self._buckets[first]
        calls = sum(bucket.statuses.values()) + bucket.unsent
        return first + 1 - min(1.0, calls / calls_per_second)

    def outcome(
        self,
        calls_per_minute: int,
        seconds: float,
        instances: Sequence[Seen],
        *,
        generator_bound: bool = False,
    ) -> Outcome:
        """Everything in sum; `instances` are those that were seen, in the order of time."""
        buckets = self._buckets.values()
        statuses: Counter[str] = Counter()
        for bucket in buckets:
            statuses.update(bucket.statuses)
        return Outcome(
            calls_per_minute,
            seconds,
            _latency([value for bucket in buckets for value in bucket.due]),
            _latency([value for bucket in buckets for value in bucket.sent]),
            dict(sorted(statuses.items())),
            sum(bucket.unsent for bucket in buckets),
            list(self._timeline(calls_per_minute, instances)),
            generator_bound,
        )

    def _timeline(self, calls_per_minute: int, instances: Sequence[Seen]) -> Iterator[Second]:
        if not self._buckets:
            return
        first, last = min(self._buckets), max(self._buckets)
        looks = {int(moment): count for moment, count in instances}
        # The newest look before the first call says what it met.
        before = [moment for moment in looks if moment <= first]
        known = looks[max(before)] if before else None
        for moment in range(first, last + 1):
            bucket = self._buckets.get(moment, _Bucket())
            known = looks.get(moment, known)
            answered = sum(count for status, count in bucket.statuses.items() if good(status))
            yield Second(
                calls_per_minute / 60,
                answered,
                sum(bucket.statuses.values()) - answered,
                bucket.unsent,
                _quantile(bucket.due, 50),
                _quantile(bucket.due, 99),
                known,
            )


def _latency(values: Sequence[float]) -> Latency | None:
    if not values:
        return None
    # Only now: no other command needs it, and its import takes as long as most of them.
    import numpy as np

    p50, p90, p99, p99_9 = (round(float(value), 3) for value in np.percentile(values, QUANTILES))
    return Latency(p50, p90, p99, p99_9, round(max(values), 3))


def _quantile(values: Sequence[float], percent: float) -> float | None:
    if not values:
        return None
    import numpy as np

    return round(float(np.percentile(values, percent)), 3)
