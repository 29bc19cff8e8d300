"""One embedded AWS for the whole session, in a directory of its own; nothing of it may be left at the end."""

import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from raw_stacks import client_of

from local import cloud as clouds
from local.cloud import Cloud

SPEED = 30.0
Clients = Callable[..., Any]


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A running embedded AWS; its waits pass 30 times faster than AWS's."""
    state = tmp_path_factory.mktemp("sageloop") / "aws"
    running = clouds.start(state, speed=SPEED)
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
