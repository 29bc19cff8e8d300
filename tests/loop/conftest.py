"""An empty embedded AWS, and one with the flights project; nothing of them may be left at the end."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from examples.flights import data
from examples.flights.demo.traffic import Api
from local import cloud as clouds
from local.cloud import Cloud
from tests.loop.deployed import Deployed
from tests.loop.raw_stacks import client_of

SPEED = 30.0
EVERY = 4
"""A quarter of the flights is quick to learn from and still above the gate."""
Clients = Callable[..., Any]


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A running embedded AWS; its waits pass 30 times faster than AWS's."""
    yield from _running(tmp_path_factory.mktemp("sageloop") / "aws", SPEED)


def _running(state: Path, speed: float) -> Iterator[Cloud]:
    running = clouds.start(state, speed=speed)
    yield running
    started = clouds.processes(state)
    assert clouds.stop(state), f"the embedded AWS died; see {running.log}"
    left = [pid for pid in started if is_running(pid)]
    assert not left, f"processes outlived the embedded AWS: {left}"


@pytest.fixture(scope="session")
def client(cloud: Cloud) -> Clients:
    """`client("s3")`, or with the credentials of a role: `client("s3", credentials)`."""

    def make(service: str, credentials: dict[str, str] | None = None) -> Any:
        return client_of(cloud, service, credentials)

    return make


def is_running(pid: int) -> bool:
    """Whether the process is there and no zombie."""
    shown = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return bool(shown.stdout) and not shown.stdout.startswith("Z")


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """The flights project, deployed once by the command; AWS's waits pass 60 times faster."""
    for running in _running(tmp_path_factory.mktemp("deployed") / "aws", 2 * SPEED):
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
    """The model package of June, uploaded, approved and in service."""
    deployed.upload(months[0])
    package = deployed.registered()
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
