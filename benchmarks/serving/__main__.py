"""`make bench-serve`: the model server against the AWS containers' stack, its best peers and its limits.

One model for all, distinct rows, every answer compared with the training library's, rounds in alternating
order. Ends with `RESULT {"cpu_us", "rps", "p99_ms_1667", "p99_ms_10000", "ratio_to_flask",
"ratio_to_c_floor", "wrong_answers", …}`; exits 1 when an aim is missed, and says which.
"""

import argparse
import json
import signal
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.serving import bodies, limits, load, servers
from benchmarks.serving.figures import HEADLINE, MOST_P99_MS, Comparison, Sample
from benchmarks.serving.model import benchmark_model
from benchmarks.serving.paths import STATE
from benchmarks.serving.processes import Running, ServerError, peak_memory
from benchmarks.serving.servers import Contender

CONNECTIONS = (64, 256)
WARMUP_SECONDS = 0.3
console = Console(highlight=False, width=140)


def main() -> int:
    """Measure; 0 if every aim is met."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serving", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each load")
    parser.add_argument("--quick", action="store_true", help="one round of short loads")
    options = parser.parse_args()
    # A polite stop of the benchmark takes its servers with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    rounds, seconds = (1, 1.0) if options.quick else (options.rounds, options.seconds)
    model, asked = benchmark_model()
    work = {kind: bodies.work(kind, model, asked, STATE / "work") for kind in bodies.KINDS}
    contenders = [servers.product(model)]
    for found, why in (servers.peers(model), servers.limits(model)):
        contenders += found
        if why:
            console.print(f"left out: {why}")
    comparison = _measured(contenders, work, rounds, seconds, limits.predictor(model, asked))
    console.print(_loads(comparison))
    console.print(_schedule(comparison))
    each = ", ".join(f"{us:.1f} µs for {rows} rows" for rows, us in comparison.predictor_us.items())
    console.print(f"the predictor called in a loop: {each}")
    missed = comparison.missed()
    for aim in missed:
        console.print(f"[bold red]missed:[/] {aim}")
    print("RESULT " + json.dumps(comparison.result()))
    return 1 if missed else 0


def _measured(
    contenders: Sequence[Contender],
    work: Mapping[str, Path],
    rounds: int,
    seconds: float,
    predictor_us: Mapping[int, float],
) -> Comparison:
    samples: list[Sample] = []
    scheduled: dict[int, list[load.Outcome]] = defaultdict(list)
    for turn in range(rounds):
        for contender in contenders if turn % 2 == 0 else reversed(contenders):
            console.print(f"round {turn + 1} of {rounds}: {contender.name}")
            try:
                with contender.started() as server:
                    samples += _closed(contender, server, work, seconds)
                    if contender.role == "ours":
                        for rate in MOST_P99_MS:
                            scheduled[rate].append(
                                load.run(
                                    server.port, work["csv1"], 64, 2 * seconds + 1, rate=rate, warmup=0.5
                                )
                            )
            except ServerError as error:
                if contender.role == "ours":
                    raise
                console.print(f"left out in this round: {error}")
    return Comparison(samples, dict(scheduled), predictor_us)


def _closed(contender: Contender, server: Running, work: Mapping[str, Path], seconds: float) -> list[Sample]:
    """Every kind of body over each number of connections."""
    found = []
    load.run(server.port, work["csv1"], 16, WARMUP_SECONDS)
    for kind in contender.kinds:
        for connections in CONNECTIONS:
            with peak_memory(server) as peak:
                before = server.cpu_seconds()
                outcome = load.run(
                    server.port, work[kind], connections, seconds + WARMUP_SECONDS, warmup=WARMUP_SECONDS
                )
                spent = server.cpu_seconds() - before
            cpu_us = spent / max(1, outcome.answered) * 1e6
            found.append(Sample(contender.name, kind, connections, outcome, cpu_us, peak.megabytes))
    return found


def _loads(comparison: Comparison) -> Table:
    """Every server under every load."""
    table = Table(
        title="closed loop, 2 workers; CPU per request is user and system time of the server's processes"
    )
    for name in (
        "load",
        "server",
        "requests/s",
        "p50 ms",
        "p99 ms",
        "CPU µs",
        "of ours",
        "peak MB",
        "errors",
        "wrong",
    ):
        table.add_column(name, justify="left" if name in ("load", "server") else "right")
    for kind, connections in comparison.loads:
        ours = comparison.of(servers.OURS, (kind, connections)).cpu_us
        for name in comparison.servers:
            figures = comparison.of(name, (kind, connections))
            # An echo answers what nobody asked.
            wrong = "" if name == servers.ECHO else str(figures.wrong)
            row = [
                f"{figures.rps:,.0f}",
                f"{figures.p50_ms:.2f}",
                f"{figures.p99_ms:.2f}",
                f"{figures.cpu_us:.1f}",
            ]
            row += [f"{figures.cpu_us / ours:.2f}", f"{figures.memory_mb:.0f}", str(figures.errors), wrong]
            headline = (kind, connections) == HEADLINE
            table.add_row(f"{kind}, {connections}", name, *row, style="bold" if headline else "")
        table.add_section()
    return table


def _schedule(comparison: Comparison) -> Table:
    """Our server under a schedule that does not wait for it."""
    table = Table(title="open loop, our server, one-row CSV; latency counts from when a request was due")
    for name in ("requests/s", "p50 ms", "p99 ms of each round", "p99.9 ms", "slowest ms", "errors", "wrong"):
        table.add_column(name, justify="right")
    for rate, outcomes in comparison.scheduled.items():
        table.add_row(
            f"{rate:,}",
            ", ".join(f"{outcome.p50_ms:.2f}" for outcome in outcomes),
            ", ".join(f"{outcome.p99_ms:.2f}" for outcome in outcomes),
            ", ".join(f"{outcome.p999_ms:.1f}" for outcome in outcomes),
            f"{max(outcome.slowest_ms for outcome in outcomes):.1f}",
            str(sum(outcome.errors for outcome in outcomes)),
            str(sum(outcome.wrong for outcome in outcomes)),
        )
    return table


if __name__ == "__main__":
    sys.exit(main())
