"""Which policy statements nothing needs: `make test-least-privilege`.

The embedded AWS takes each decision again without each of the statements behind it while the product does
everything that it can do; a statement whose absence would never have changed a decision is a survivor. Then
some of the others are taken away for real (`--confirm N`): each time something must fail, and work again
when the statement is back.
Ends with `RESULT {"statements", "survivors", "confirmed"}`.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import sys
import time
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.least_privilege import confirm, probes
from benchmarks.least_privilege.people import People
from benchmarks.least_privilege.statements import Decided, Statement, deployed, recorded
from benchmarks.least_privilege.workload import Workload
from examples.flights.demo.platform import PROJECT, DemoFailed, sageloop
from local import cloud
from tests.loop.chat import Chat

STATE = Path(__file__).resolve().parents[2] / ".sageloop" / "least-privilege"
APP = Path(__file__).with_name("app.py")
RECORD = STATE / "decided.json"
SPEED = 60.0
WRITTEN_SECONDS = 3.0
console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)


def main() -> int:
    """Deploy, do everything, and look; 0 if there is no survivor and every sampled removal was felt."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.least_privilege", description=__doc__)
    parser.add_argument("--confirm", type=int, default=5, help="how many statements to take away for real")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    options = parser.parse_args()
    console.print(f"seed {options.seed}")
    cloud.stop(STATE)
    shutil.rmtree(STATE, ignore_errors=True)
    STATE.mkdir(parents=True)
    os.environ["SAGELOOP_AUDIT"] = str(RECORD)
    chat = Chat()
    try:
        os.environ.update(cloud.start(STATE, speed=SPEED).environment())
        people = People(chat)
        sageloop("deploy", str(APP))
        statements, means = _exercise(people)
        decided = recorded(RECORD)
        survivors = [statement for statement in statements if statement.key not in decided]
        console.print(_table(statements, decided))
        needed = [statement for statement in statements if statement not in survivors]
        chosen = confirm.sample(needed, options.confirm, options.seed)
        confirmed = 0
        for statement in chosen:
            failed = confirm.failure_without(statement, means)
            console.print(f"without {statement}: {failed or '[red]nothing failed'}")
            confirmed += bool(failed)
    except DemoFailed as failure:
        console.print(f"[red]It could not be measured:[/] {failure}")
        return 1
    finally:
        cloud.stop(STATE)
        chat.close()
    figures = {
        "statements": len(statements),
        "survivors": [str(statement) for statement in survivors],
        "confirmed": confirmed,
        "unused_actions": sum(len(statement.unused(decided)) for statement in statements),
    }
    print("RESULT " + json.dumps(figures))
    return 1 if survivors or confirmed < len(chosen) else 0


def _exercise(people: People) -> tuple[list[Statement], confirm.Means]:
    """Do everything once; returns what is deployed, and the means to do it again."""
    statements = deployed(f"{PROJECT}-")
    workload = Workload(STATE / "data", people)
    explorer = probes.Explorer(workload.storage, workload.requests[0])
    parts = (
        workload.first_model,
        workload.second_model,
        workload.train,
        workload.stop_executions,
        workload.roll_back,
        workload.promote,
        workload.roll_out,
        workload.look,
        people.tell,
        people.decide,
        people.refuse,
        people.sweep,
        people.confuse,
        probes.strand_an_event,
        explorer.explore,
        partial(probes.refuse_plain_http, statements),
    )
    for part in parts:
        began = time.monotonic()
        part()
        name = (part.func if isinstance(part, partial) else part).__name__.replace("_", " ")
        console.print(f"{name}: {time.monotonic() - began:.1f} s")
    time.sleep(WRITTEN_SECONDS)
    return statements, confirm.Means(workload, people, explorer)


def _table(statements: list[Statement], decided: Decided) -> Table:
    table = Table("stack", "resource", "policy", "statement", "decided", "unused actions")
    for statement in statements:
        used = decided.get(statement.key, set())
        table.add_row(
            statement.stack,
            statement.resource,
            statement.policy,
            statement.title,
            str(len(used)) if used else "[red]survivor",
            ", ".join(statement.unused(decided)),
        )
    return table


if __name__ == "__main__":
    sys.exit(main())
