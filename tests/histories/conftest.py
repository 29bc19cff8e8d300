"""The wiring of the projects whose histories are played, synthesised once."""

from collections.abc import Iterator, Mapping

import pytest

from tests.histories.aws.client import Turn
from tests.histories.projects import PROJECTS
from tests.histories.seams import installed
from tests.histories.synthesis import wirings_of
from tests.histories.wiring import Wiring
from tests.histories.world import World


@pytest.fixture(scope="session")
def wirings() -> Mapping[str, Wiring]:
    """By the names of the projects."""
    return {wiring.project: wiring for wiring in wirings_of(*PROJECTS)}


@pytest.fixture
def world(wirings: Mapping[str, Wiring]) -> Iterator[World]:
    """The project with every trigger, of which nothing has happened yet."""
    wiring = wirings["flights"]
    with installed(sorted({function.module for function in wiring.functions.values()})):
        yield World(wiring)
        Turn.account = None
