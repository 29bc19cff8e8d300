"""Thousands of drawn histories of the deployed functions, each fault of each call, and planted bugs.

`make test-histories`: the functions are those that Lambda runs, woken by the queues and rules of the
project's own templates; AWS is in memory, where events come twice, late, out of order or never, and every
call may crash, be throttled, fail, or do its work and lose its answer.

A history that ends badly is printed as the shortest one that does, step by step, with the command that plays
it again: `--project` plays the histories of one project alone, and `--bug` with a planted bug.

Ends with `RESULT {"histories", "steps", "violations", "planted_bugs_found"}`.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tests.histories.bugs import BUGS
from tests.histories.life import lives_of
from tests.histories.lives import Difference, differences
from tests.histories.playing import Played, play
from tests.histories.projects import PROJECTS
from tests.histories.synthesis import wirings_of

PROCESSES = 2
# Most are found within some hundred, the rarest within two thousand.
MOST_FOR_A_BUG = 5_000
# Shares of the histories: the first project has most of what can go wrong.
SHARES = {"flights": 0.4, "prices": 0.25, "tips": 0.15, "routes": 0.2}
console = Console(highlight=False, width=160)


def main() -> int:
    """Play, and look for the planted bugs; 0 if no history is bad and every bug is found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--histories", type=int, default=3_000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--project", choices=SHARES, help="play the histories of this project alone")
    parser.add_argument("--bug", choices=BUGS, help="play with this bug alone, until it is found")
    options = parser.parse_args()
    console.print(f"seed {options.seed}")
    if options.project or options.bug:
        return _again(options)
    began = time.monotonic()
    wirings = {wiring.project: wiring for wiring in wirings_of(*PROJECTS)}
    console.print(
        f"the stacks of {len(wirings)} projects were synthesised in {time.monotonic() - began:.0f} s"
    )
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        planted = {
            name: pool.submit(play, wirings[bug.project], MOST_FOR_A_BUG, options.seed, bug=name)
            for name, bug in BUGS.items()
        }
        lives = [
            pool.submit(differences, wiring, life) for wiring in wirings.values() for life in lives_of(wiring)
        ]
        played = [
            pool.submit(play, wirings[project], count, options.seed + number, explain=True)
            for number, (project, count) in enumerate(_parts(options.histories))
        ]
        found = {name: future.result() for name, future in planted.items()}
        console.print(_bugs(found))
        faults = [future.result() for future in lives]
        all_played = [future.result() for future in played]
    calls = sum(tried for tried, _ in faults)
    different = [difference for _, some in faults for difference in some]
    console.print(
        f"{calls:,} lives of the projects, each with one fault of one call; {len(different)} end otherwise"
    )
    figures = _told(all_played, different, found)
    figures["single_faults"] = calls
    figures["seconds"] = round(time.monotonic() - began)
    print("RESULT " + json.dumps(figures))
    return 1 if figures["violations"] or figures["planted_bugs_found"] != len(BUGS) else 0


def _again(options: argparse.Namespace) -> int:
    """Play the histories of one seed, in this process; 1 if one of them ends badly."""
    name = BUGS[options.bug].project if options.bug else options.project
    (wiring,) = (found for found in wirings_of(*PROJECTS) if found.project == name)
    most = MOST_FOR_A_BUG if options.bug else options.histories
    played = play(wiring, most, options.seed, bug=options.bug or "", explain=True)
    console.print(played.violation or "every history ends well", markup=False)
    print(f"RESULT {json.dumps({'histories': played.histories, 'steps': played.steps})}")
    return 1 if played.violation else 0


def _parts(histories: int) -> list[tuple[str, int]]:
    """Each project's histories in as many parts as there are processes."""
    return [
        (project, max(1, round(histories * share / PROCESSES)))
        for project, share in SHARES.items()
        for _ in range(PROCESSES)
    ]


def _told(
    played: Sequence[Played], different: Sequence[Difference], found: dict[str, Played]
) -> dict[str, object]:
    violations = [one for one in played if one.violation]
    for one in violations:
        again = f"--project {one.project} --seed {one.seed} --histories {one.asked}"
        console.print(f"[red]{one.project}[/], again by: python -m benchmarks.histories {again}")
        console.print(one.violation, markup=False)
    for difference in different:
        console.print(f"{difference}", style="red", markup=False)
    return {
        "histories": sum(one.histories for one in played),
        "steps": sum(one.steps for one in played),
        "violations": len(violations) + len(different),
        "planted_bugs_found": sum(bool(one.violation) for one in found.values()),
        "planted_bugs": len(BUGS),
    }


def _bugs(found: dict[str, Played]) -> Table:
    table = Table("planted bug", "what is wrong", "found after", "of seed", "by a history that ended with")
    for name, played in found.items():
        after = f"{played.histories} histories" if played.violation else "[red]never"
        ended = played.violation.partition("\n")[0].removeprefix("Broken: ")[:70]
        table.add_row(name, BUGS[name].wrong, after, f"{played.seed}", escape(ended))
    return table


if __name__ == "__main__":
    # The functions' own lines would bury ours, also in the processes that play.
    os.environ.setdefault("POWERTOOLS_LOG_LEVEL", "CRITICAL")
    sys.exit(main())
