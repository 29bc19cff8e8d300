"""What app.py declares, read without the CDK: its `deploy` gives the projects to us instead."""

import contextlib
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated

import typer

from cli import checkout
from cli.errors import CommandError

if TYPE_CHECKING:
    from declaration import Project

App = Annotated[
    Path | None,
    typer.Option(
        "--app", help="Another app.py, or its folder; by default the checkout's.", show_default=False
    ),
]


def program(app: Path | None) -> Path:
    """The file that declares the projects; raises CommandError when it is not there."""
    given = app or checkout.root()
    file = given / "app.py" if given.is_dir() else given
    if not file.is_file():
        raise CommandError(f"There is no {file}: name an app.py or its folder with --app.")
    return file.resolve()


def project(app: Path | None, name: str | None) -> "Project":
    """The declared project of this name, or the only one; raises CommandError."""
    found = projects(program(app))
    names = ", ".join(each.name for each in found)
    chosen = [each for each in found if name in (None, each.name)]
    if not chosen:
        what = f"no project {name}, only {names}" if found else "no project: call deploy(...) in it"
        raise CommandError(f"{program(app)} declares {what}.")
    if len(chosen) > 1:
        raise CommandError(f"Several projects are declared ({names}): choose one with --project.")
    return chosen[0]


def projects(file: Path) -> "list[Project]":
    """The projects that an app.py deploys; raises CommandError with the sentences of a wrong declaration."""
    from declaration import DeclarationError

    found: list[Project] = []
    try:
        with _deploying_to(found), _importing_from(file.parent):
            runpy.run_path(str(file), run_name="__main__")
    except DeclarationError as error:
        raise CommandError(str(error)) from error
    except SystemExit as error:
        if error.code not in (None, 0):
            raise CommandError(f"{file} ended early: {error.code}.") from error
    except Exception as error:
        raise CommandError(f"{file} fails with {type(error).__name__}: {error}.") from error
    return found


@contextlib.contextmanager
def _deploying_to(found: "list[Project]") -> Iterator[None]:
    """Stand in for the package `stacks`, whose import takes seconds and whose `deploy` writes templates."""
    stand_in = ModuleType("stacks")
    stand_in.deploy = lambda *projects: found.extend(projects)  # type: ignore[attr-defined]
    before = {name: sys.modules.pop(name) for name in list(sys.modules) if name.split(".")[0] == "stacks"}
    sys.modules["stacks"] = stand_in
    try:
        yield
    finally:
        del sys.modules["stacks"]
        sys.modules.update(before)


@contextlib.contextmanager
def _importing_from(folder: Path) -> Iterator[None]:
    """Find modules beside app.py, as Python does for the file that it is started with."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
