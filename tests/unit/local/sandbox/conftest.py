from collections.abc import Iterator
from pathlib import Path

import pytest

from local import sandbox
from tests.unit.local.sandbox.box import Box
from tests.unit.local.sandbox.forking import fork_box, servers

__all__ = ["fork_box", "servers"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs namespaces where there are none, and say why."""
    for item in items:
        if Path(__file__).parent in item.path.parents and sandbox.unavailable():
            item.add_marker(pytest.mark.skip(reason=str(sandbox.unavailable())))


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    """A maker of containers, which end with their test."""
    box = Box(tmp_path)
    yield box
    for container in box.started:
        container.kill()
