"""Builds an image from a Dockerfile without running containers."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from local.images import dockerfile, environment, run, tree
from local.images.context import Context
from local.images.dockerfile import BuildError, Instruction
from local.images.ignore import ignored
from local.images.image import SYSTEM_DIRECTORIES
from local.images.store import ImageStore, Record

# Base images whose content is a plain Linux with Python, which every container has here.
_PLAIN_BASES = ("debian", "ubuntu", "python", "scratch")
# Instructions that change nothing of what runs.
_WITHOUT_EFFECT = ("EXPOSE", "HEALTHCHECK", "MAINTAINER", "STOPSIGNAL", "VOLUME")


@dataclass
class Build:
    """The image while the instructions are followed one by one."""

    context: Context
    files: Path
    arguments: dict[str, str]
    """Values of ARG: those given by --build-arg, and defaults once declared."""
    progress: Callable[[str], None]
    variables: dict[str, str] = field(default_factory=lambda: {"PATH": ":".join(SYSTEM_DIRECTORIES)})
    declared: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    workdir: str = "/"
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    installations: list[environment.Installation] = field(default_factory=list)
    venv_paths: list[str] = field(default_factory=list)
    not_followed: list[str] = field(default_factory=list)

    def follow(self, instruction: Instruction) -> None:
        """Do what an instruction says, or note that it can't be done."""
        handler = _HANDLERS.get(instruction.name)
        if handler:
            handler(self, instruction)
        elif instruction.name not in _WITHOUT_EFFECT:
            self.not_followed.append(str(instruction))

    def _words(self, value: str) -> list[str]:
        return dockerfile.words(value, self.declared | self.variables)

    def _env(self, instruction: Instruction) -> None:
        self.variables |= dockerfile.assignments(instruction.value, self.declared | self.variables)

    def _label(self, instruction: Instruction) -> None:
        self.labels |= dockerfile.assignments(instruction.value, self.declared | self.variables)

    def _arg(self, instruction: Instruction) -> None:
        for word in instruction.value.split():
            name, equals, _ = word.partition("=")
            if name in self.arguments:
                self.declared[name] = self.arguments[name]
            elif equals:
                self.declared |= dockerfile.assignments(instruction.value, self.declared | self.variables)

    def _workdir(self, instruction: Instruction) -> None:
        directory = tree.inside(self.files, self._words(instruction.value)[0], self.workdir)
        directory.mkdir(parents=True, exist_ok=True)
        self.workdir = "/" + directory.relative_to(self.files).as_posix().removeprefix(".")

    def _copy(self, instruction: Instruction) -> None:
        words = instruction.exec_form()
        words = tuple(self._words(instruction.value)) if words is None else words
        unknown = [flag for flag in instruction.flags if not flag.startswith(("--chown=", "--link"))]
        remote = [word for word in words[:-1] if "://" in word or word.startswith(("<<", "git@"))]
        archive = instruction.name == "ADD" and any(
            re.search(r"\.(tar|tgz|tar\.\w+)$", word) for word in words
        )
        if unknown or remote or archive:
            self.not_followed.append(str(instruction))
            return
        if len(words) < 2:
            raise BuildError(f"{str(instruction).capitalize()} needs a source and a destination.")
        count = self.context.copy(words[:-1], words[-1], self.files, self.workdir)
        self.progress(f"{instruction.name} {instruction.value}: {count} file{'s'[: count != 1]}")

    def _entrypoint(self, instruction: Instruction) -> None:
        self.entrypoint = instruction.argv()

    def _cmd(self, instruction: Instruction) -> None:
        self.command = instruction.argv()

    def _run(self, instruction: Instruction) -> None:
        for step in run.steps(instruction):
            if isinstance(step, run.Install):
                self._install(step)
            elif isinstance(step, run.MakeVenv):
                self.venv_paths.append(step.path)
            elif isinstance(step, run.MakeDirectory):
                tree.inside(self.files, step.path, self.workdir).mkdir(parents=True, exist_ok=True)
            elif (
                isinstance(step, run.MakeExecutable)
                and (path := tree.inside(self.files, step.path, self.workdir)).is_file()
            ):
                path.chmod(0o755)
            else:
                what = getattr(step, "command", None) or getattr(step, "path", "")
                self.not_followed.append(f"line {instruction.line}: RUN {what}")

    def _install(self, step: run.Install) -> None:
        def text(name: str) -> str:
            return requirements(self.files, name, self.workdir)

        packages = tuple(step.packages)
        files = tuple(map(text, step.requirements)), tuple(map(text, step.constraints))
        self.installations.append(environment.Installation(step.options, packages, *files))

    def finish(self, store: ImageStore) -> Record:
        """Make the Python environment and return the image, its files still in their temporary place."""
        venv = environment.provide(store.environments, self.installations, self.progress)
        for path in self.venv_paths:
            link = tree.inside(self.files, path, self.workdir)
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(venv)
        digest, size = tree.digest(self.files)
        _compile(venv, self.files)
        return Record(
            files=digest,
            size=size,
            python=venv.name,
            entrypoint=self.entrypoint,
            command=self.command,
            environment=self.variables,
            workdir=self.workdir,
            warnings=tuple(self.not_followed),
            labels=self.labels,
        )


_HANDLERS: Mapping[str, Callable[[Build, Instruction], None]] = {
    "ENV": Build._env,
    "ARG": Build._arg,
    "LABEL": Build._label,
    "WORKDIR": Build._workdir,
    "COPY": Build._copy,
    "ADD": Build._copy,
    "ENTRYPOINT": Build._entrypoint,
    "CMD": Build._cmd,
    "RUN": Build._run,
}


def build(
    store: ImageStore,
    directory: Path,
    *,
    dockerfile_name: str = "Dockerfile",
    arguments: Mapping[str, str] | None = None,
    target: str | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Record:
    """Build the context `directory`, put the image into the store and return it; raises BuildError."""
    path = directory / dockerfile_name
    if not path.is_file():
        raise BuildError(f"There is no file {dockerfile_name} in {directory}.")
    before, stage = _stage(dockerfile.parse(path.read_text()), target)
    with store.workspace() as workspace:
        files = workspace / "files"
        files.mkdir()
        context = Context(directory, ignored(directory, dockerfile_name))
        building = Build(context, files, dict(arguments or {}), progress)
        for instruction in before:
            building._arg(instruction)
        _check_base(building, stage[0])
        building.declared.clear()  # an ARG before FROM is for FROM alone
        for instruction in stage[1:]:
            building.follow(instruction)
        record = building.finish(store)
        store.add(record, files)
    return record


def _stage(
    instructions: list[Instruction], target: str | None
) -> tuple[list[Instruction], list[Instruction]]:
    """Return the ARGs before the first FROM, and the stage to build: the target, or the last."""
    starts = [index for index, instruction in enumerate(instructions) if instruction.name == "FROM"]
    if not starts or any(instruction.name != "ARG" for instruction in instructions[: starts[0]]):
        raise BuildError("The Dockerfile must begin with FROM.")
    names = [instructions[start].value.lower().split()[-1] for start in starts]
    if target is not None and target.lower() not in names:
        raise BuildError(f"The Dockerfile has no stage {target}; its stages are {', '.join(names)}.")
    chosen = names.index(target.lower()) if target else len(starts) - 1
    return instructions[: starts[0]], instructions[starts[chosen] : [*starts, len(instructions)][chosen + 1]]


def _check_base(building: Build, instruction: Instruction) -> None:
    base = building._words(instruction.value)[0]
    name, _, tag = base.rpartition("/")[2].partition(":")
    python = re.match(r"3\.\d+", tag) if name == "python" else None
    ours = f"{sys.version_info.major}.{sys.version_info.minor}"
    if name not in _PLAIN_BASES or (python and python[0] != ours):
        building.not_followed.append(f"{instruction} (its content is not fetched; Python is {ours})")


def requirements(files: Path, name: str, workdir: str, depth: int = 0) -> str:
    """Return the text of a requirements file of the image, with the files that it includes."""
    path = tree.inside(files, name, workdir)
    if not path.is_file() or depth > 10:
        raise BuildError(
            f"RUN pip install: there is no file {name} in the image at this point; COPY it first."
        )
    lines = []
    for line in path.read_text().splitlines():
        included = re.match(r"\s*(?:-r|--requirement)[ =]\s*(\S+)", line)
        parent = "/" + path.parent.relative_to(files).as_posix()
        lines.append(requirements(files, included[1], parent, depth + 1) if included else line)
    return "\n".join(lines) + "\n"


def _compile(venv: Path, files: Path) -> None:
    """Write bytecode next to the image's Python files: containers can't, and start faster with it."""
    if next(files.rglob("*.py"), None) is None:
        return
    # Never compared with the source again: the store's files don't change.
    options = ["-q", "-q", "--invalidation-mode", "unchecked-hash"]
    environment = {"PATH": os.environ.get("PATH", "")}
    subprocess.run(
        [venv / "bin/python", "-I", "-m", "compileall", *options, files], env=environment, check=False
    )
