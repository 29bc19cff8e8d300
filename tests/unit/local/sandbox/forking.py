"""An image whose program `job` a fork can be; a job runs the Python that is its first argument."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from local.sandbox import forks
from tests.unit.local.sandbox.box import Box

CHECKOUT = Path(__file__).parents[4]
PRELOAD = CHECKOUT / "containers/python/preload"
MAIN = """
import os, sys
if os.environ.get("ABSENT") is None and sys.argv[1:]:
    exec(sys.argv.pop(1))
"""
# Prints how it came about: only a fork has loaded the module.
PRELOADED = "import sys; print('slow' if 'job.slow' in sys.modules else 'executed'); "


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> forks.ForkServers:
    """The fork servers of one test."""
    made = forks.ForkServers()
    monkeypatch.setattr(forks, "servers", made)
    return made


@pytest.fixture
def fork_box(box: Box, servers: forks.ForkServers) -> Iterator[Box]:
    """A box whose image has a program `job`, which a fork can be."""
    shutil.copytree(PRELOAD, box.files / "opt/app/preload", ignore=shutil.ignore_patterns("__pycache__"))
    box.add("opt/app/job/__init__.py")
    box.add("opt/app/job/slow.py", "import random, threading\nmarks = [1]\n")
    box.add("opt/app/job/__main__.py", MAIN)
    box.add("opt/app/bin/job", '#!/bin/sh\nexec python3 -P -m job "$@"\n')
    box.image = replace(
        box.image,
        environment={
            "PATH": "/opt/app/bin:/usr/bin:/bin",
            "PYTHONPATH": "/opt/app",
            "PYTHONUNBUFFERED": "1",
            "SLEEP": box.forever,
        },
        workdir="/opt/app",
        labels={
            forks.PROGRAM: "python3 -P -m preload job",
            forks.COMMANDS: "job",
        },
    )
    yield box
    for container in box.started:
        container.kill()
    servers._servers.clear()


def run(box: Box, program: str, **options: object) -> list[str]:
    """The lines that a job prints."""
    box.log.write_text("")
    container = box.start("job", program, **options)  # type: ignore[arg-type]
    assert container.wait(30) == 0, box.log.read_text()
    return box.log.read_text().splitlines()


def server_processes(servers: forks.ForkServers) -> list[int]:
    """Process ids of the keepers."""
    return [server.pid for server in servers._servers.values() if server]
