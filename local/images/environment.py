"""The Python environment of an image: made once for the same requirements, then shared."""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from local.images.dockerfile import BuildError


@dataclass(frozen=True)
class Installation:
    """One call of pip with the text of its files."""

    options: tuple[str, ...]
    packages: tuple[str, ...]
    requirements: tuple[str, ...]
    constraints: tuple[str, ...]


def provide(store: Path, installations: Sequence[Installation], progress: Callable[[str], None]) -> Path:
    """Return an environment that holds all that is installed, in the order given; raises BuildError."""
    key = _key(installations)
    ready = store / key
    if ready.is_dir():
        return ready
    store.mkdir(parents=True, exist_ok=True)
    # Two builds of the same requirements: the second waits and finds the work done.
    with (store / f"{key}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready.is_dir():
            started = time.monotonic()
            progress(f"Making the Python environment {key} …")
            with tempfile.TemporaryDirectory(dir=store, prefix=f"{key}.") as temporary:
                venv = Path(temporary, "venv")
                _make(venv, installations)
                venv.rename(ready)
            progress(f"Made the Python environment {key} in {time.monotonic() - started:.0f} s.")
    return ready


def _key(installations: Sequence[Installation]) -> str:
    interpreter = (str(Path(sys.executable).resolve()), sys.version, sysconfig.get_platform())
    content = json.dumps([interpreter, [asdict(installation) for installation in installations]])
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def _make(venv: Path, installations: Sequence[Installation]) -> None:
    # Relocatable, because it gets its place by a rename once it is whole.
    _uv("venv", "--relocatable", "--python", str(Path(sys.executable).resolve()), str(venv))
    for number, installation in enumerate(installations):
        arguments = [*installation.options, *installation.packages]
        for option, texts in (("-r", installation.requirements), ("-c", installation.constraints)):
            for index, text in enumerate(texts):
                file = venv.parent / f"{number}{option}{index}.txt"
                file.write_text(text)
                arguments += [option, str(file)]
        _uv("pip", "install", "--python", str(venv / "bin/python"), "--compile-bytecode", *arguments)


def _uv(*arguments: str) -> None:
    program = shutil.which("uv", path=f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}")
    if program is None:
        raise BuildError("The program uv, which installs Python packages, is missing; run make setup.")
    unwanted = ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
    environment = {name: value for name, value in os.environ.items() if name not in unwanted}
    verbosity = [] if arguments[0] == "pip" else ["--quiet"]
    # uv shows its own progress on standard error, where Docker shows that of a build.
    done = subprocess.run([program, *arguments, *verbosity], env=environment, stdout=2, check=False)
    if done.returncode:
        raise BuildError(
            f"The image's Python packages could not be installed (uv ended with {done.returncode})."
        )
