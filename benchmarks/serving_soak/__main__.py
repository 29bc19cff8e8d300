"""`make soak`: the model server at 80 % of its capacity, then with a worker killed every 10 s.

Ends with `RESULT {"minutes", "errors", "rss_growth_mb", "worst_recovery_s", …}`; exits 1 when a request
failed, memory grew, or a killed worker was not back in two seconds.
"""

import argparse
import json
import random
import signal
import sys

from rich.console import Console

from benchmarks.serving import bodies, load, servers
from benchmarks.serving.load import Outcome
from benchmarks.serving.model import benchmark_model
from benchmarks.serving.paths import STATE
from benchmarks.serving_soak import capacity, memory, recovery

SHARE = 0.8
CONNECTIONS = 64
MOST_GROWTH_MB = 10.0
MOST_RECOVERY_SECONDS = 2.0
console = Console(highlight=False, width=120)


def main() -> int:
    """Measure; 0 if every aim is met."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serving_soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--kills", type=int, default=12)
    parser.add_argument("--every", type=float, default=10.0, help="seconds from one kill to the next")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    model, asked = benchmark_model()
    work = bodies.work("csv1", model, asked, STATE / "work")
    seconds = options.minutes * 60
    with servers.product(model).started() as server:
        load.run(server.port, work, CONNECTIONS, 1)
        closed = load.run(server.port, work, CONNECTIONS, 3, warmup=0.5)
        found = capacity.carried(
            closed, lambda rate: load.run(server.port, work, CONNECTIONS, 4, rate=rate, warmup=0.5)
        )
        rate = SHARE * found
        console.print(f"capacity {found:,.0f} requests/s on {servers.WORKERS} workers; seed {options.seed}")
        with memory.watched(server, seconds) as watched:
            steady = load.run(server.port, work, CONNECTIONS, seconds, rate=rate, warmup=1)
        grown = memory.growth(watched.samples)
        console.print(
            f"{options.minutes:g} minutes at {rate:,.0f} requests/s: {_told(steady)}; memory "
            f"{watched.samples[0]:.0f} MB at first, {watched.samples[-1]:.0f} MB at the end"
        )
        killed = recovery.measure(
            server,
            work,
            rate,
            options.kills,
            options.every,
            random.Random(options.seed),  # noqa: S311  victims, not secrets
        )
    recoveries = ", ".join("never" if k.recovered_s is None else f"{k.recovered_s:.2f}" for k in killed.kills)
    console.print(
        f"{options.kills} workers killed: ready again after {recoveries} s; {_told(killed.outcome)}"
    )
    figures = {
        "minutes": options.minutes,
        "errors": _failed(steady) + steady.busy + _failed(killed.outcome),
        "rss_growth_mb": round(grown, 1),
        "worst_recovery_s": round(killed.worst_recovery_s, 2),
        "requests": steady.answered + killed.outcome.answered,
        "p99_ms": round(steady.p99_ms, 2),
        "retries": killed.outcome.retries,
        "busy": killed.outcome.busy,
        "slowest_answer_while_killed_ms": round(killed.outcome.slowest_ms),
    }
    missed = []
    if figures["errors"]:
        missed.append(f"{figures['errors']} requests got no right answer")
    if grown > MOST_GROWTH_MB:
        missed.append(f"memory grew by {grown:.1f} MB; at most {MOST_GROWTH_MB:g} is the aim")
    if killed.worst_recovery_s >= MOST_RECOVERY_SECONDS:
        missed.append(f"a worker was back after {killed.worst_recovery_s:.2f} s; under 2 is the aim")
    for aim in missed:
        console.print(f"[bold red]missed:[/] {aim}")
    print("RESULT " + json.dumps(figures))
    return 1 if missed else 0


def _failed(outcome: Outcome) -> int:
    """Everything but a right prediction, a request that was sent again, and "try again later"."""
    return outcome.errors - outcome.busy + outcome.wrong


def _told(outcome: Outcome) -> str:
    counts = f"{outcome.ok:,} predictions, {outcome.wrong} wrong, {outcome.busy} times busy"
    failed = f"{outcome.retries} retries, {outcome.errors - outcome.busy} errors"
    return f"{counts}, {failed}; p50 {outcome.p50_ms:.2f} ms, p99 {outcome.p99_ms:.2f} ms"


if __name__ == "__main__":
    try:
        sys.exit(main())
    except capacity.OverloadedError as error:
        sys.exit(str(error))
