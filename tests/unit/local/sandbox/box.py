"""Starts containers for tests."""

import contextlib
import random
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypedDict, Unpack

from local import sandbox
from local.images import Image


class Options(TypedDict, total=False):
    """What a test wants of a container, instead of the defaults."""

    image: Image
    entrypoint: Sequence[str]
    ml: Path
    environment: Mapping[str, str]
    network: bool
    aws_endpoint: str
    limits: sandbox.Limits
    isolated: bool


class Box:
    """Starts containers of one image."""

    def __init__(self, directory: Path) -> None:
        self.files = directory / "files"
        self.ml = directory / "ml"
        self.log = directory / "log"
        for path in (self.files, self.ml):
            path.mkdir()
        self.log.touch()
        self.image = Image(digest="sha256:" + "0" * 64, files=self.files, venv=Path(sys.prefix))
        self.started: list[sandbox.Container] = []
        # A sleep of this many seconds can be recognised among the processes of the machine.
        self.forever = f"61.{random.randrange(10**9)}"  # noqa: S311

    def add(self, path: str, text: str = "") -> Path:
        """Put an executable file into the image."""
        file = self.files / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(0o755)
        return file

    def start(self, *command: str, **options: Unpack[Options]) -> sandbox.Container:
        defaults: Options = {"image": self.image, "ml": self.ml, "environment": {}}
        container = sandbox.start(command=command, log=self.log, **(defaults | options))
        self.started.append(container)
        return container

    def shell(self, script: str, **options: Unpack[Options]) -> str:
        """Run a shell script to its end and return what it printed."""
        self.log.write_text("")
        assert self.start("sh", "-c", script, **options).wait(30) is not None
        return self.log.read_text()

    def python(self, program: str, *arguments: str, **options: Unpack[Options]) -> sandbox.Container:
        return self.start("python3", "-c", program, *arguments, **options)

    def wait_for_log(self, text: str) -> None:
        self.eventually(lambda: text in self.log.read_text())

    def sleepers(self) -> int:
        """Number of this machine's processes that have `forever` in their command line."""
        found = 0
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                found += self.forever.encode() in path.read_bytes()
        return found

    def eventually(self, condition: Callable[[], bool]) -> None:
        """Wait until the condition holds; fails after a time that no working machine needs."""
        deadline = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < deadline, "it never happened: " + self.log.read_text()
            time.sleep(0.01)
