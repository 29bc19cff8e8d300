"""RUN: what can be done of it without a container, and what can't."""

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import dropwhile

from local.images.dockerfile import Instruction


@dataclass(frozen=True)
class Install:
    """`pip install`: options in uv's words, packages by name, and files of requirements and constraints."""

    options: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()


@dataclass(frozen=True)
class MakeVenv:
    """`python3 -m venv PATH`."""

    path: str


@dataclass(frozen=True)
class MakeDirectory:
    """`mkdir -p PATH`."""

    path: str


@dataclass(frozen=True)
class MakeExecutable:
    """`chmod +x PATH`."""

    path: str


@dataclass(frozen=True)
class NotFollowed:
    """A command that isn't run; `programs` it may bring are looked up on this machine."""

    command: str


Step = Install | MakeVenv | MakeDirectory | MakeExecutable | NotFollowed

_CONTROL = re.compile(r"[;&|]+")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_PIP = re.compile(r"(.*/)?pip(3(\.\d+)?)?")
_PYTHON = re.compile(r"(.*/)?python(3(\.\d+)?)?")
# Debian's names of what every environment has: Python itself and certificates.
_PYTHON_PACKAGES = re.compile(
    r"python(3(\.\d+)?)?(-(pip|venv|minimal|distutils|setuptools|wheel|dev))?|ca-certificates"
)
_WITHOUT_EFFECT = ("set", "true", ":", "echo", "ldconfig")
_CACHES = re.compile(r"(/var/lib/apt/lists|/var/cache|/tmp|/root/\.cache|~/\.cache)(/.*)?$")


def steps(instruction: Instruction) -> Iterator[Step]:
    """Yield what a RUN instruction asks for; commands without a lasting effect yield nothing."""
    exec_form = instruction.exec_form()
    commands = [list(exec_form)] if exec_form else _commands(instruction.value)
    if commands is None:
        yield NotFollowed(instruction.value)
        return
    for words in commands:
        argv = list(dropwhile(_ASSIGNMENT.match, words))
        if argv:
            yield from _step(argv)


def _commands(script: str) -> list[list[str]] | None:
    """Return the simple commands of a script joined by && or ;, or None if it is more than that."""
    lexer = shlex.shlex(script, posix=True, punctuation_chars=True)
    lexer.commenters = ""
    lexer.whitespace_split = True
    commands: list[list[str]] = [[]]
    try:
        for token in lexer:
            if token in ("&&", ";"):
                commands.append([])
            elif _CONTROL.fullmatch(token) or token in ("(", ")", "<", ">", ">>", "if", "for", "while"):
                return None
            else:
                commands[-1].append(token)
    except ValueError:
        return None
    return commands


def _step(words: list[str]) -> Iterator[Step]:
    program, *arguments = words
    paths = [argument for argument in arguments if not argument.startswith("-")]
    if _PYTHON.fullmatch(program) and arguments[:2] == ["-m", "venv"] and len(paths) == 2:
        yield MakeVenv(paths[1])
    elif _PYTHON.fullmatch(program) and arguments[:2] == ["-m", "compileall"]:
        return  # done for every image
    elif install := _install(program, arguments):
        yield install
    elif program in ("apt-get", "apt"):
        yield from _apt(arguments, words)
    elif program == "mkdir":
        yield from map(MakeDirectory, paths)
    elif (
        program == "chmod"
        and re.fullmatch(r"[au]*\+x|[75]{3}|0[75]{3}", (paths or [""])[0])
        and "-R" not in words
    ):
        yield from map(MakeExecutable, paths[1:])
    elif program not in _WITHOUT_EFFECT and not (program == "rm" and all(map(_CACHES.match, paths))):
        yield NotFollowed(shlex.join(words))


def _apt(arguments: list[str], words: list[str]) -> Iterator[Step]:
    names = [argument for argument in arguments if not argument.startswith("-")]
    if names[:1] != ["install"]:
        if names[:1] not in (["update"], ["clean"], ["autoremove"], ["upgrade"], ["dist-upgrade"]):
            yield NotFollowed(shlex.join(words))
        return
    missing = [name for name in names[1:] if not _PYTHON_PACKAGES.fullmatch(name) and not _installed(name)]
    if missing:
        yield NotFollowed(f"{words[0]} install {' '.join(missing)}")


def _installed(package: str) -> bool:
    """Whether this machine is a Debian that has the package, whose programs containers then have too."""
    if not shutil.which("dpkg-query"):
        return False
    query = ["dpkg-query", "-W", "-f=${db:Status-Status}", package.split("=")[0]]
    return subprocess.run(query, capture_output=True, text=True, check=False).stdout == "installed"


# pip's options: what uv calls them (None: it needs none), and whether they take a value.
_FLAGS = {
    "--require-hashes": "--require-hashes",
    "--no-deps": "--no-deps",
    "--upgrade": "--upgrade",
    "-U": "--upgrade",
    "--pre": "--prerelease=allow",
    "--no-index": "--no-index",
    "--no-cache-dir": None,
    "--break-system-packages": None,
    "--user": None,
    "--disable-pip-version-check": None,
    "--no-input": None,
    "--no-compile": None,
    "--prefer-binary": None,
    "--no-warn-script-location": None,
    "--quiet": None,
    "-q": None,
    "--system": None,
    "--no-cache": None,
    "--compile-bytecode": None,
}
_VALUES = {
    "--index-url": "--index-url",
    "-i": "--index-url",
    "--extra-index-url": "--extra-index-url",
    "--find-links": "--find-links",
    "-f": "--find-links",
    "--only-binary": "--only-binary",
    "--no-binary": "--no-binary",
    "--root-user-action": None,
    "--timeout": None,
    "--retries": None,
    "--trusted-host": "--allow-insecure-host",
}
_FILES = ("-r", "--requirement", "-c", "--constraint")


def _install(program: str, arguments: list[str]) -> Install | None:
    """Return what a call of pip or `uv pip` installs, or None if it is another program or can't be done."""
    if _PYTHON.fullmatch(program) and arguments[:2] == ["-m", "pip"]:
        arguments = arguments[2:]
    elif program == "uv" and arguments[:1] == ["pip"]:
        arguments = arguments[1:]
    elif not _PIP.fullmatch(program):
        return None
    if arguments[:1] != ["install"]:
        return None
    return _options(arguments[1:])


def _options(pending: list[str]) -> Install | None:
    options: list[str] = []
    packages: list[str] = []
    files: dict[str, list[str]] = {"-r": [], "-c": []}
    pending = pending[::-1]
    while pending:
        name, equals, value = (word := pending.pop()).partition("=")
        if word in _FLAGS:
            options += filter(None, [_FLAGS[word]])
        elif word.startswith("-") and name in (*_VALUES, *_FILES):
            value = value if equals else pending.pop() if pending else ""
            if name in _FILES:
                files["-r" if name in _FILES[:2] else "-c"].append(value)
            elif name in ("--find-links", "-f") and "://" not in value:
                return None
            elif _VALUES[name]:
                options.append(f"{_VALUES[name]}={value}")
        elif word.startswith(("-", ".", "/", "file:")):
            return None
        else:
            packages.append(word)
    return Install(tuple(options), tuple(packages), tuple(files["-r"]), tuple(files["-c"]))
