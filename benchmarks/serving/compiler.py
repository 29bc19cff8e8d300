"""A C compiler: the machine's own, or the one that comes as a wheel."""

import shutil
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from benchmarks.serving import peer_environment
from benchmarks.serving.paths import PEERS, STATE


class NoCompilerError(RuntimeError):
    """There is no C compiler, and none can be installed."""


def build(name: str, sources: Sequence[Path], *definitions: str) -> Path:
    """The program of these sources, newly compiled where one of them is newer; raises NoCompilerError."""
    program = STATE / "bin" / name
    if program.is_file() and program.stat().st_mtime > max(source.stat().st_mtime for source in sources):
        return program
    program.parent.mkdir(parents=True, exist_ok=True)
    command = [*_compiler(), "-O2", "-o", str(program), *map(str, sources), *definitions, "-lm"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)
    if done.returncode:
        raise NoCompilerError(f"{name} does not compile: {done.stderr.strip()[:2000]}")
    return program


@cache
def _compiler() -> tuple[str, ...]:
    for name in ("cc", "gcc", "clang"):
        if found := shutil.which(name):
            return (found,)
    why = peer_environment.missing(packages=peer_environment.COMPILER)
    if why:
        raise NoCompilerError(f"there is no cc, gcc or clang, and ziglang cannot be installed: {why}")
    return (str(PEERS / "bin" / "python"), "-m", "ziglang", "cc")
