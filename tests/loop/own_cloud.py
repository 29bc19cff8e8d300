"""An embedded AWS of a test's own, and images in its registry."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local import cloud as clouds
from local.cloud import ROOT, Cloud
from tests.loop.raw_stacks import client_of

SPEED = 60.0
"""How much faster than AWS's its waits pass."""
REGISTRY = "000000000000.dkr.ecr.us-east-1.amazonaws.com"
DOCKERFILE = """FROM debian:bookworm-slim
RUN apt-get update && apt-get install --no-install-recommends -y python3
COPY . /opt/programs/
ENV PATH=/opt/programs:/usr/local/bin:/usr/bin:/bin
"""


@contextmanager
def own_cloud(state: Path, speed: float = SPEED) -> Iterator[Cloud]:
    """The cloud, for the length of the block: it must be alive at the end, and none of it afterwards."""
    cloud = clouds.start(state, speed=speed)
    try:
        yield cloud
    finally:
        started = clouds.processes(state)
        stopped = clouds.stop(state)
    assert stopped, f"the embedded AWS died; see {cloud.log}"
    left = [pid for pid in started if is_running(pid)]
    assert not left, f"processes outlived the embedded AWS: {left}"


def is_running(pid: int) -> bool:
    """Whether the process is there and no zombie."""
    shown = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return bool(shown.stdout) and not shown.stdout.startswith("Z")


def image_of(repository: str) -> str:
    """The address of the image in the repository."""
    return f"{REGISTRY}/{repository}:1"


def push_programs(cloud: Cloud, directory: Path, repository: str, **programs: str) -> None:
    """Put an image into the registry: Python, and executable programs by their names."""
    context = directory / repository
    context.mkdir()
    (context / "Dockerfile").write_text(DOCKERFILE)
    for name, text in programs.items():
        (context / name).write_text(text)
        (context / name).chmod(0o755)
    push(cloud, context, repository)


def push(cloud: Cloud, context: Path, repository: str) -> None:
    """Build the image of a directory and put it into the registry."""
    client_of(cloud, "ecr").create_repository(repositoryName=repository)
    docker(cloud, "build", "--tag", image_of(repository), "--platform", "linux/amd64", str(context))
    docker(cloud, "push", image_of(repository))


def docker(cloud: Cloud, *arguments: str) -> None:
    """The program that the CDK calls for Docker."""
    environment = os.environ | cloud.environment()
    done = subprocess.run(
        [ROOT / "local" / "docker", *arguments], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
