"""An empty embedded AWS, and one with the flights project; nothing of them may be left at the end."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]

from examples.flights import data
from examples.flights.demo.traffic import Api
from local import cloud as clouds
from local.cloud import Cloud
from tests.loop.deployed import Deployed
from tests.loop.own_cloud import own_cloud
from tests.loop.raw_stacks import client_of

HERE = Path(__file__).parent
SHARE_THE_PROJECT = {
    "test_bad_drop",
    "test_bad_input",
    "test_loop",
    "test_loop_again",
    "test_loop_commands",
    "test_loop_events",
    "test_loop_restart",
    "test_rollback_is_told",
    "test_same_model",
}
SPEED = 30.0
EVERY = 4
"""A quarter of the flights is quick to learn from and still above the gate."""
Clients = Callable[..., Any]


class Files(LoadFileScheduling):  # type: ignore[misc]
    """In several processes: each file in one, and all that share the deployed project in one.

    xdist's own groups do not reach the processes (github.com/pytest-dev/pytest-xdist/issues/1386).
    """

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return "deployed" if Path(file).stem in SHARE_THE_PROJECT else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling | None:
    """With --dist loadfile: as these tests need it."""
    return Files(config, log) if config.getvalue("dist") == "loadfile" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """No other file may deploy the project once more."""
    for item in items:
        if item.path.is_relative_to(HERE) and "deployed" in getattr(item, "fixturenames", ()):
            assert item.path.stem in SHARE_THE_PROJECT, f"name {item.path.name} in {__file__}"


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """After Ctrl-C xdist ends its processes before their fixtures have: stop the clouds that they leave."""
    if not hasattr(session.config, "workerinput"):
        directories: pytest.TempPathFactory = session.config._tmp_path_factory  # type: ignore[attr-defined]
        for record in directories.getbasetemp().rglob("aws.json"):
            clouds.stop(record.parent)


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A running embedded AWS; its waits pass 30 times faster than AWS's."""
    with own_cloud(tmp_path_factory.mktemp("sageloop") / "aws", SPEED) as cloud:
        yield cloud


@pytest.fixture(scope="session")
def client(cloud: Cloud) -> Clients:
    """`client("s3")`, or with the credentials of a role: `client("s3", credentials)`."""

    def make(service: str, credentials: dict[str, str] | None = None) -> Any:
        return client_of(cloud, service, credentials)

    return make


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """The flights project, deployed once by the command; AWS's waits pass 60 times faster."""
    with own_cloud(tmp_path_factory.mktemp("deployed") / "aws", 2 * SPEED) as running:
        made = Deployed(os.environ | running.environment())
        made.sageloop("deploy")
        yield made


@pytest.fixture(scope="session")
def months(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Flights of June, of July and of August."""
    written = data.write(tmp_path_factory.mktemp("flights"), months=range(6, 9))
    for path in written:
        header, *lines = path.read_text().splitlines(keepends=True)
        path.write_text(header + "".join(lines[::EVERY]))
    return written


@pytest.fixture(scope="session")
def served(deployed: Deployed, months: list[Path]) -> str:
    """The model package of June, uploaded, approved and in service; what comes next waits less."""
    deployed.upload(months[0])
    package = deployed.registered()
    deployed.wait_less()
    deployed.sageloop("approve", package.rpartition("/")[2])
    return package


@pytest.fixture(scope="session")
def api(deployed: Deployed, served: str, rows: list[str]) -> Api:
    """The API, with a model behind it."""
    found = deployed.api()
    assert found.predict(rows[0]).status == 200
    return found


@pytest.fixture(scope="session")
def rows(months: list[Path]) -> list[str]:
    """Single requests: the header without the target, and one flight of August."""
    header, *lines = months[2].read_text().splitlines()
    target = header.split(",").index("late")

    def request(line: str) -> str:
        both = (line.split(",") for line in (header, line))
        return "".join(",".join(cells[:target] + cells[target + 1 :]) + "\n" for cells in both)

    return [request(line) for line in lines[:200]]
