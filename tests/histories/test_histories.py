"""Whatever crashes, races, repeats, lies or never comes: each history ends as it must."""

import random
from collections.abc import Mapping

import pytest

from tests.histories import life
from tests.histories.calls import FUNCTIONS, asked_clients, written_calls
from tests.histories.life import LIVES, lives_of
from tests.histories.lives import differences
from tests.histories.playing import play
from tests.histories.projects import PROJECTS
from tests.histories.seams import installed
from tests.histories.wiring import Wiring

NAMES = [project.name for project in PROJECTS]


@pytest.mark.parametrize("project", NAMES)
def test_every_history_ends_well(wirings: Mapping[str, Wiring], project: str) -> None:
    seed = random.SystemRandom().randrange(10**6)
    played = play(wirings[project], 60, seed, explain=True)
    assert not played.violation, f"seed {seed}: {played.violation}"
    assert played.histories >= 60


@pytest.mark.parametrize("project", NAMES)
def test_a_fault_of_one_call_changes_nothing_in_the_end(wirings: Mapping[str, Wiring], project: str) -> None:
    for name in lives_of(wirings[project]):
        played, found = differences(wirings[project], name, faults=("throttled", "answer lost"), every=13)
        assert not found, "\n".join(map(str, found))
        assert played > 10


def test_every_call_of_every_function_is_made_in_a_life(wirings: Mapping[str, Wiring]) -> None:
    made: set[str] = set()
    modules: set[str] = set()
    for wiring in wirings.values():
        own = {function.module for function in wiring.functions.values()}
        modules |= own
        with installed(sorted(own)):
            for steps in lives_of(wiring).values():
                made |= set(life.play(wiring, steps, {}).account.points.made)
    packages = {module.partition(".")[0] for module in modules}
    assert packages == {path.parent.name for path in FUNCTIONS.glob("*/handler.py")}, "all are deployed"
    for package in sorted(packages):
        of_it = {call.partition(": ")[2] for call in made if call.startswith(f"{package}: ")}
        assert written_calls(package) <= of_it
        assert asked_clients(package) == {call.partition(":")[0] for call in of_it} - {"chat"}


@pytest.mark.slow
@pytest.mark.parametrize("name", LIVES)
@pytest.mark.parametrize("project", NAMES)
def test_no_fault_of_any_call_changes_anything_in_the_end(
    wirings: Mapping[str, Wiring], project: str, name: str
) -> None:
    if name not in lives_of(wirings[project]):
        pytest.skip(f"{project} has nothing that makes this life")
    _, found = differences(wirings[project], name)
    assert not found, "\n".join(map(str, found))
