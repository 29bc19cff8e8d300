"""`make fuzz-serve`: the model server under requests that no honest client sends.

Hand-made and generated cases for two models, one of numbers and one with every type of column; an oracle
knows the right answer, so that a wrong one that looks right is found. The peers get the same cases. Prints
whether each of the goals I1 to I11 holds, and ends with
`RESULT {"requests", "status_5xx", "tracebacks", "hung", "silent_wrong", "exploits_run", …}`; exits 1 when a
goal is missed.
"""

import argparse
import json
import random
import signal
import sys
import time
from collections.abc import Sequence
from itertools import islice

from rich.table import Table

from benchmarks.serving import servers
from benchmarks.serving.model import TrainedModel, benchmark_model, trained
from benchmarks.serving.paths import STATE
from benchmarks.serving.processes import Running, ServerError
from benchmarks.serving_fuzz import exploits, goals, health, parity
from benchmarks.serving_fuzz.asking import ask, by_hand, columns_of, console
from benchmarks.serving_fuzz.forms import csv_text
from benchmarks.serving_fuzz.generated import Generator
from benchmarks.serving_fuzz.goals import Goal
from benchmarks.serving_fuzz.judge import Tally
from benchmarks.serving_fuzz.trial import Trial

BUSY_CASES = 2_000
_FAULTS = ("status_5xx", "tracebacks", "hung", "silent_wrong", "smuggled", "refused_right", "unnamed")


def main() -> int:
    """Try everything; 0 if the server bears it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serving_fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=100_000, help="generated ones, over both models")
    parser.add_argument("--peer-cases", type=int, default=2_000, help="generated ones for each peer")
    parser.add_argument("--aws-cases", type=int, default=10_000, help="generated ones, behind the endpoint")
    parser.add_argument("--slow-clients", type=int, default=300)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--quick", action="store_true", help="5,000 cases, no peers, slow headers alone")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    count, aws_count = (5_000, 1_000) if options.quick else (options.cases, options.aws_cases)
    console.print(f"seed {options.seed}")
    numbers, _ = benchmark_model()
    mixed = trained("mixed", mixed_table(4_000), "late", rounds="40", eta="0.3")
    trial = Trial()
    for model in (numbers, mixed):
        trial.run(model, options.seed, count // 2, options.slow_clients, bodies=not options.quick)
    tally = trial.tally
    table = _table(f"{trial.payloads} payloads of exploits; {tally.requests:,} requests to our server")
    _add(table, servers.OURS, tally, len(trial.ran))
    if not options.quick:
        _peers(table, numbers, options.peer_cases, options.seed)
    console.print(table)
    behind, shown = _behind(mixed, aws_count, options.seed)
    found = [*trial.goals(), _health(mixed, options.seed), *behind]
    return _end(trial, found, [*trial.ran, *trial.not_deep, *shown], quick=options.quick)


def mixed_table(rows: int) -> str:
    """A table with every type of column, holes, and a target that can be learnt."""
    chance = random.Random(7)  # noqa: S311
    lines = ["distance,humid,stops,carrier,weekend,built,late"]
    for row in range(rows):
        distance, humid, stops = chance.randrange(80, 3000) + 0.5, chance.random(), chance.randrange(4)
        carrier, weekend = chance.choice(["AA", "B6", "UA", "x y"]), chance.random() < 0.3
        score = 2 * humid + (carrier == "B6") + distance / 3000 + weekend - stops / 4 - 1.6
        hole = "" if row % 7 == 0 else f"{humid:.4f}"
        built = f"{1990 + row % 20}-05-{1 + row % 28:02}"
        late = int(score + chance.gauss(0, 0.4) > 0)
        lines.append(f"{distance},{hole},{stops},{carrier},{str(weekend).lower()},{built},{late}")
    return "\n".join(lines) + "\n"


def _health(model: TrainedModel, seed: int) -> Goal:
    """Its load is judged like all others, but late answers are no fault where no processor is left."""
    columns = columns_of(model)
    row = csv_text([Generator(columns, seed).row()])

    def load(server: Running) -> None:
        ask(server, model, Generator(columns, seed).cases(BUSY_CASES), Tally(), "at 100 % CPU")

    return health.measure(model, row, STATE / "logs" / "health.log", load)


def _behind(model: TrainedModel, count: int, seed: int) -> tuple[list[Goal], list[str]]:
    """The whole hand-made corpus, the exploits and some generated cases, in the embedded AWS."""
    columns, canaries = columns_of(model), exploits.Canaries(STATE / "canaries")
    cases = [*by_hand(columns), *exploits.cases(canaries), *Generator(columns, seed).cases(count)]
    found, shown = parity.measure(model, cases, canaries.new(), seed)
    return found, [*shown, *canaries.ran]


def _peers(table: Table, model: TrainedModel, count: int, seed: int) -> None:
    """The same cases for the peers, which know numbers alone."""
    found, why = servers.peers(model)
    if why:
        console.print(f"the peers are left out: {why}")
    columns = columns_of(model)
    for peer in found:
        canaries = exploits.Canaries(STATE / "canaries")
        cases = [*by_hand(columns), *Generator(columns, seed).cases(count), *exploits.cases(canaries)]
        tally = Tally()
        began = time.monotonic()
        try:
            with peer.started() as server:
                ask(server, model, cases, tally, peer.name)
        except ServerError as error:
            console.print(f"{peer.name} is left out: {error}")
            continue
        _add(table, peer.name, tally, len(canaries.ran))
        console.print(f"{peer.name}: {tally.requests:,} requests in {time.monotonic() - began:.0f} s")


def _table(title: str) -> Table:
    table = Table(title=title)
    for name in ("server", "requests", *(fault.replace("_", " ") for fault in _FAULTS), "exploits run"):
        table.add_column(name, justify="left" if name == "server" else "right")
    return table


def _add(table: Table, name: str, tally: Tally, ran: int) -> None:
    figures = [f"{getattr(tally, fault):,}" for fault in _FAULTS]
    table.add_row(name, f"{tally.requests:,}", *figures, str(ran))


def _end(trial: Trial, found: Sequence[Goal], shown: Sequence[str], *, quick: bool) -> int:
    """Say what holds and what is missed."""
    tally = trial.tally
    for fault, examples in tally.examples.items():
        for example in examples:
            console.print(f"{fault}: {example}", markup=False)
    for line in shown:
        console.print(line, markup=False)
    statuses = ", ".join(
        f"{status or 'closed'}: {count:,}" for status, count in islice(tally.statuses.most_common(), 12)
    )
    console.print(f"answers by status: {statuses}")
    console.print(goals.table(found, quick=quick))
    missed = [f"I{goal.number}" for goal in found if not goal.held]
    figures = {
        "requests": tally.requests,
        **{fault: getattr(tally, fault) for fault in _FAULTS},
        "exploits_run": len(trial.ran),
        "goals_missed": missed,
    }
    print("RESULT " + json.dumps(figures))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
