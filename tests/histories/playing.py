"""Many histories of one project in a row, drawn from a seed; with a planted bug until one finds it."""

from contextlib import nullcontext
from dataclasses import dataclass

import hypothesis
from hypothesis import HealthCheck, Phase
from hypothesis.stateful import run_state_machine_as_test

from tests.histories.bugs import BUGS
from tests.histories.machine import machine_of
from tests.histories.seams import installed
from tests.histories.wiring import Wiring

STEPS = 30


@dataclass(frozen=True)
class Played:
    """What came of it; `violation` is what the first bad history ended with, empty if none did.

    The same seed and number of histories play the same ones again.
    """

    project: str
    seed: int
    asked: int
    histories: int
    steps: int
    violation: str = ""


def play(wiring: Wiring, histories: int, seed: int, *, bug: str = "", explain: bool = False) -> Played:
    """Play so many histories, or until the first that ends where none may end.

    To `explain`, the shortest such history is looked for, and the note of the exception says its steps.
    """
    machine = machine_of(wiring)
    settings = hypothesis.settings(
        max_examples=histories,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        print_blob=False,
        phases=[Phase.generate, Phase.shrink] if explain else [Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    modules = sorted({function.module for function in wiring.functions.values()})
    planted = BUGS[bug].plant() if bug else nullcontext()
    violation = ""
    with installed(modules), planted:
        try:
            run_state_machine_as_test(hypothesis.seed(seed)(machine), settings=settings)
        except Exception as error:  # noqa: BLE001 (whatever ends a history is what we look for)
            notes = "\n".join(getattr(error, "__notes__", ()))
            violation = f"{type(error).__name__}: {error}\n{notes}".strip()
    found = machine.played
    return Played(
        wiring.project, seed, histories, found.get("found", found["histories"]), found["steps"], violation
    )
