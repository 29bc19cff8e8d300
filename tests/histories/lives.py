"""One life of each project, played again with one fault at one call, for each call and each fault."""

from collections.abc import Mapping
from dataclasses import dataclass

from tests.histories.aws.points import API_FAULTS, Trouble
from tests.histories.life import Step, end_of, lives_of, play
from tests.histories.rest import problems
from tests.histories.seams import installed
from tests.histories.wiring import Wiring

# A crash is no fault of an API, and must be survived at every call just the same.
FAULTS: tuple[Trouble, ...] = (*API_FAULTS, "crash before", "crash after", "sent twice")


@dataclass(frozen=True)
class Difference:
    """A life that ended otherwise because of one fault."""

    project: str
    life: str
    number: int
    call: str
    fault: Trouble
    what: str

    def __str__(self) -> str:
        return f"{self.project}, {self.life}: call {self.number}, {self.call}, {self.fault}: {self.what}"


def differences(
    wiring: Wiring, life: str, faults: tuple[Trouble, ...] = FAULTS, every: int = 1
) -> tuple[int, list[Difference]]:
    """How often a life was played with a fault, and when it then ended otherwise than undisturbed.

    Of the calls of the undisturbed life each `every`th is disturbed, by each of the faults in turn.
    """
    modules = sorted({function.module for function in wiring.functions.values()})
    steps = lives_of(wiring)[life]
    found: list[Difference] = []
    played = 0
    with installed(modules):
        undisturbed = play(wiring, steps, {})
        assert not list(problems(undisturbed)), "an undisturbed life ends well"
        expected, calls = end_of(undisturbed), list(undisturbed.account.points.made)
        for number in range(0, len(calls), every):
            for fault in faults:
                played += 1
                if what := _played_with(wiring, steps, {number: fault}, expected):
                    found.append(Difference(wiring.project, life, number, calls[number], fault, what))
    return played, found


def _played_with(
    wiring: Wiring, steps: Mapping[str, Step], at: Mapping[int | str, Trouble], expected: object
) -> str:
    try:
        world = play(wiring, steps, at)
        ended = end_of(world)
        if found := list(problems(world)):
            return "; ".join(found)
    except AssertionError as error:
        return str(error)
    if ended == expected:
        return ""
    before, after = vars(expected), vars(ended)
    return "; ".join(
        f"{name} {_unlike(before[name], after[name])}" for name in before if before[name] != after[name]
    )


def _unlike(before: object, after: object) -> str:
    if isinstance(before, frozenset) and isinstance(after, frozenset):
        return f"lacks {sorted(before - after)} and has {sorted(after - before)} more"
    return f"is {after} and not {before}"
