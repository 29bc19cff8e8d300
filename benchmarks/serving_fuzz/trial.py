"""Everything that is tried at our own server, for one model after the other."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks.serving import servers
from benchmarks.serving.model import TrainedModel
from benchmarks.serving.paths import STATE
from benchmarks.serving.processes import Running
from benchmarks.serving_fuzz import alone, deep, exploits, handmade_bodies, oversize, slow
from benchmarks.serving_fuzz.asking import ask, by_hand, columns_of
from benchmarks.serving_fuzz.generated import Generator
from benchmarks.serving_fuzz.goals import Goal
from benchmarks.serving_fuzz.judge import Tally

_MOST_PING_MS, _MOST_PING_LARGE_MS = 100.0, 2_000.0
_MOST_KEPT_MB = 50.0 * servers.WORKERS * 2
"""After everything: what the readers of both lanes may keep in each worker, and a little for the rest."""


@dataclass
class Trial:
    """What came of it, summed over the models."""

    tally: Tally = field(default_factory=Tally)
    by_hand: int = 0
    generated: int = 0
    payloads: int = 0
    ran: list[str] = field(default_factory=list)
    rows_differing: int = 0
    not_deep: list[str] = field(default_factory=list)
    slowness: list[slow.Slow] = field(default_factory=list)
    ping_beside_large_ms: float = 0.0
    kept_mb: float = 0.0
    oversized: list[Goal] = field(default_factory=list)
    alive: bool = True

    def run(self, model: TrainedModel, seed: int, count: int, slow_clients: int, *, bodies: bool) -> None:
        """All of it at one model, with `count` generated cases; `bodies`: also slow ones."""
        columns = columns_of(model)
        with servers.product(model).started() as server:
            workers = server.workers()
            self.oversized.append(oversize.measure(server))
            hand = by_hand(columns)
            self.by_hand, self.generated = self.by_hand + len(hand), self.generated + count
            cases = [*hand, *Generator(columns, seed).cases(count)]
            ask(server, model, cases, self.tally, f"{len(columns.asked)} columns")
            self.rows_differing += alone.differing(server.port, columns, seed)
            self.not_deep += deep.not_refused(server.port)
            before = server.memory_mb()
            self._large(server, model)
            canaries = exploits.Canaries(STATE / "canaries")
            payloads = exploits.cases(canaries)
            self.payloads = len(payloads)
            ask(server, model, payloads, self.tally, "exploits")
            self.ran += canaries.ran
            self.kept_mb = max(self.kept_mb, server.memory_mb() - before)
            self.slowness.append(asyncio.run(slow.measure(server.port, slow_clients, bodies=bodies)))
            self.alive = self.alive and set(workers) <= set(server.workers())

    def _large(self, server: Running, model: TrainedModel) -> None:
        with slow.pinging(server.port) as pings:
            ask(server, model, handmade_bodies.too_large(), self.tally, "too large bodies", connections=4)
            ask(
                server,
                model,
                handmade_bodies.large(columns_of(model)),
                self.tally,
                "large bodies",
                connections=2,
            )
        self.ping_beside_large_ms = max(self.ping_beside_large_ms, pings.slowest_ms + 2e3 * pings.lost)

    def goals(self) -> list[Goal]:
        """I1 to I6 and I8."""
        tally = self.tally
        return [
            Goal(
                1,
                "bodies by hand and generated",
                f"{self.by_hand:,} + {self.generated:,} of {tally.requests:,} requests: "
                f"{tally.status_5xx} 5xx, {tally.tracebacks} tracebacks, {0 if self.alive else 1} processes "
                f"ended, {tally.hung} hung",
                "at least 300 by hand and, in a full run, 100,000 generated; none of these",
                self.by_hand >= 300
                and self.alive
                and not (tally.status_5xx or tally.tracebacks or tally.hung),
            ),
            Goal(
                2,
                "exploits and bombs",
                f"{self.payloads} payloads, {len(self.ran)} ran or wrote; {self.kept_mb:.0f} MB of memory "
                "are kept after them",
                f"at least 50; none; under {_MOST_KEPT_MB:.0f} MB",
                self.payloads >= 50 and not self.ran and self.kept_mb < _MOST_KEPT_MB,
            ),
            Goal(
                3,
                "never a silent answer",
                f"{tally.silent_wrong} wrong predictions, {tally.refused_right} right rows refused, "
                f"{tally.unnamed} refusals without row and column, {tally.smuggled} second answers",
                "none of these",
                not (tally.silent_wrong or tally.refused_right or tally.unnamed or tally.smuggled),
            ),
            Goal(
                4,
                "a row alone, and among others",
                f"{alone.ROWS} rows of each model, {self.rows_differing} with another prediction",
                "the same, digit for digit",
                not self.rows_differing,
            ),
            _worst(self.oversized),
            self._slow_clients(),
            Goal(
                8,
                f"JSON {deep.DEPTH:,} deep",
                f"{deep.TRIED} documents, {len(self.not_deep)} not answered by 400",
                "400 for all",
                not self.not_deep,
            ),
        ]

    def _slow_clients(self) -> Goal:
        ping = max(each.slowest_ping_ms for each in self.slowness)
        lost = sum(each.pings_lost for each in self.slowness)
        left = sum(each.not_ended for each in self.slowness)
        beside = self.ping_beside_large_ms
        return Goal(
            6,
            f"{self.slowness[0].clients} slow clients, and large bodies",
            f"slowest /ping {ping:.1f} ms, {lost} lost, {left} clients not ended in time; beside large "
            f"bodies {beside:.0f} ms",
            "under 100 ms; all ended after 10 s of header, 30 s of body; under 2 s",
            ping < _MOST_PING_MS and not lost and not left and beside < _MOST_PING_LARGE_MS,
        )


def _worst(goals: Sequence[Goal]) -> Goal:
    return next((goal for goal in goals if not goal.held), goals[-1])
