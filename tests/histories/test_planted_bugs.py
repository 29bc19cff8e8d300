"""Histories find the bugs that were planted in the real code."""

from collections.abc import Mapping

import pytest

from tests.histories.bugs import BUGS
from tests.histories.playing import play
from tests.histories.wiring import Wiring

QUICKLY_FOUND = ("covers at the end", "compares names alone", "trains without cause")


@pytest.mark.parametrize(
    "name", [name if name in QUICKLY_FOUND else pytest.param(name, marks=pytest.mark.slow) for name in BUGS]
)
def test_it_is_found(wirings: Mapping[str, Wiring], name: str) -> None:
    played = play(wirings[BUGS[name].project], 400, seed=1, bug=name)
    assert played.violation, f"{played.histories} histories did not see: {BUGS[name].wrong}"
