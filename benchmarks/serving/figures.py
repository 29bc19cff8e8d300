"""What the rounds gave, as one figure for each server and load, and which aims they miss."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.serving.load import Outcome
from benchmarks.serving.servers import ECHO, FLASK, FLOOR, OURS

HEADLINE = ("csv1", 64)
"""The load by which servers are compared: one row as CSV over 64 connections."""
LEAST_TIMES_FLASK, MOST_TIMES_FLOOR = 20.0, 4.0
MOST_P99_MS: Mapping[int, float] = {1_667: 10.0, 10_000: 20.0}


@dataclass(frozen=True)
class Sample:
    """One load of one server in one round: CPU in microseconds per request, memory in megabytes."""

    server: str
    kind: str
    connections: int
    outcome: Outcome
    cpu_us: float
    memory_mb: float


@dataclass(frozen=True)
class Figures:
    """The medians of one server under one load, and the sums of what went wrong."""

    cpu_us: float
    rps: float
    p50_ms: float
    p99_ms: float
    memory_mb: float
    errors: int
    wrong: int


def summarized(samples: Iterable[Sample]) -> Figures:
    """Medians of rounds, except for memory, whose highest peak counts; raises ValueError without any."""
    found = list(samples)
    if not found:
        raise ValueError("there is no sample of this server and load")
    outcomes = [sample.outcome for sample in found]
    return Figures(
        cpu_us=median(sample.cpu_us for sample in found),
        rps=median(outcome.rps for outcome in outcomes),
        p50_ms=median(outcome.p50_ms for outcome in outcomes),
        p99_ms=median(outcome.p99_ms for outcome in outcomes),
        memory_mb=max(sample.memory_mb for sample in found),
        errors=sum(outcome.errors for outcome in outcomes),
        wrong=sum(outcome.wrong for outcome in outcomes),
    )


@dataclass(frozen=True)
class Comparison:
    """All samples of a run; `scheduled` are the open loops of our server by their rate."""

    samples: Sequence[Sample]
    scheduled: Mapping[int, Sequence[Outcome]]
    predictor_us: Mapping[int, float]

    @property
    def servers(self) -> list[str]:
        """Every server that was measured, in the order of its CPU time under the headline load."""
        names = {sample.server for sample in self.samples if (sample.kind, sample.connections) == HEADLINE}
        return sorted(names, key=lambda name: self.of(name).cpu_us)

    @property
    def loads(self) -> list[tuple[str, int]]:
        """Every kind of body with every number of connections."""
        return list(dict.fromkeys((sample.kind, sample.connections) for sample in self.samples))

    def of(self, server: str, load: tuple[str, int] = HEADLINE) -> Figures:
        """The figures of a server; raises ValueError where it was not measured."""
        kind, connections = load
        return summarized(
            sample
            for sample in self.samples
            if (sample.server, sample.kind, sample.connections) == (server, kind, connections)
        )

    @property
    def peers(self) -> list[str]:
        """The servers that are neither ours nor a limit."""
        return [name for name in self.servers if name not in (OURS, ECHO, FLOOR)]

    @property
    def ratio_to_flask(self) -> float | None:
        """How many times our CPU time per request the classic stack takes; None where it was not measured."""
        return self.of(FLASK).cpu_us / self.of(OURS).cpu_us if FLASK in self.servers else None

    @property
    def ratio_to_floor(self) -> float | None:
        """How many times the floor's CPU time per request we take; None where there is no floor."""
        return self.of(OURS).cpu_us / self.of(FLOOR).cpu_us if FLOOR in self.servers else None

    def p99_ms(self, rate: int) -> float:
        """The median of the rounds."""
        return median(outcome.p99_ms for outcome in self.scheduled[rate])

    @property
    def wrong_answers(self) -> int:
        """Our wrong answers, over all loads."""
        closed = sum(sample.outcome.wrong for sample in self.samples if sample.server == OURS)
        return closed + sum(outcome.wrong for each in self.scheduled.values() for outcome in each)

    @property
    def errors(self) -> int:
        """Our requests that got no prediction, over all loads."""
        closed = sum(sample.outcome.errors for sample in self.samples if sample.server == OURS)
        return closed + sum(outcome.errors for each in self.scheduled.values() for outcome in each)

    def result(self) -> dict[str, object]:
        """The line RESULT."""
        cpu_us = {name: round(self.of(name).cpu_us, 1) for name in self.servers}
        return {
            "cpu_us": cpu_us | {"predictor in a loop": round(self.predictor_us[1], 1)},
            "rps": {name: round(self.of(name).rps) for name in self.servers},
            **{f"p99_ms_{rate}": round(self.p99_ms(rate), 2) for rate in self.scheduled},
            "ratio_to_flask": _rounded(self.ratio_to_flask),
            "ratio_to_c_floor": _rounded(self.ratio_to_floor),
            "wrong_answers": self.wrong_answers,
            "errors": self.errors,
            "memory_mb": {name: round(self.of(name).memory_mb) for name in self.servers},
        }

    def missed(self) -> list[str]:
        """The aims that are missed, each as a sentence."""
        ours = self.of(OURS)
        found = []
        if self.ratio_to_flask is not None and self.ratio_to_flask < LEAST_TIMES_FLASK:
            found.append(f"CPU per request is 1/{self.ratio_to_flask:.1f} of {FLASK}; 1/20 is the aim")
        if self.ratio_to_floor is not None and self.ratio_to_floor > MOST_TIMES_FLOOR:
            found.append(f"CPU per request is {self.ratio_to_floor:.1f} times the C floor; 4 is the aim")
        for name in self.peers:
            peer = self.of(name)
            if peer.cpu_us <= ours.cpu_us:
                found.append(
                    f"{name} takes {peer.cpu_us:.1f} µs of CPU per request, and we {ours.cpu_us:.1f}"
                )
            if peer.rps >= ours.rps:
                found.append(f"{name} answers {peer.rps:,.0f} requests/s, and we {ours.rps:,.0f}")
        for rate, most in MOST_P99_MS.items():
            if rate in self.scheduled and self.p99_ms(rate) >= most:
                found.append(
                    f"p99 at {rate:,} requests/s is {self.p99_ms(rate):.1f} ms; under {most:g} is the aim"
                )
        if self.wrong_answers:
            found.append(f"{self.wrong_answers} of our answers are wrong")
        if self.errors:
            found.append(f"{self.errors} of our requests got no prediction")
        return found


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
