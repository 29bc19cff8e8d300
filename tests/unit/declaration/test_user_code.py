"""A user's functions: which ones can travel, and in which files."""

import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from declaration import Data, DeclarationError, Gate, Project

CHECKOUT = Path(__file__).parents[3]
FEATURES = """
import json
import shapes
from shapes import square

def prepare(table):
    return table

def profit(truth, predicted, price=2.0):
    return price

def outer():
    def inner(table):
        return table
    return inner

class Several:
    @staticmethod
    def prepare(table):
        return table
"""


@pytest.fixture
def features(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The module of a user, with one beside it that it imports and one that it does not."""
    (tmp_path / "users_features.py").write_text(FEATURES)
    (tmp_path / "shapes.py").write_text("import users_features\n\ndef square(x):\n    return x * x\n")
    (tmp_path / "unrelated.py").write_text("X = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield importlib.import_module("users_features")
    for name in ("users_features", "shapes"):
        sys.modules.pop(name, None)


def test_a_function_travels_with_its_file_and_those_that_it_imports(
    features: ModuleType, tmp_path: Path
) -> None:
    profit = Gate(features.profit, at_least=100)
    project = Project("p", data=Data("y", prepare=features.prepare), gate=[Gate("auc", at_least=0.6), profit])
    code = project.code
    assert code is not None
    assert code.files == (tmp_path / "users_features.py", tmp_path / "shapes.py")
    assert code.prepare == "users_features:prepare"
    assert code.metrics == ("users_features:profit",)
    assert profit.expression == "users_features:profit>=100.0"
    assert profit.judged_by.higher_is_better
    assert not Gate(features.profit, at_most=3).judged_by.higher_is_better
    assert hash(project) == hash(project)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for a package of the user's."""
    folder = tmp_path / "users_package"
    folder.mkdir()
    (folder / "__init__.py").write_text("def clean(table):\n    return table\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield folder
    for name in [name for name in sys.modules if name.startswith("users_package")]:
        sys.modules.pop(name)


def module(folder: Path, name: str, code: str = "") -> ModuleType:
    (folder / f"{name}.py").write_text(f"{code}\ndef clean(table, *_):\n    return table\n")
    return importlib.import_module(f"{folder.name}.{name}")


def test_a_module_of_a_package_travels_by_its_own_name(package: Path) -> None:
    code = Project("p", data=Data("y", prepare=module(package, "cleaning").clean)).code
    assert code is not None
    assert code.prepare == "cleaning:clean"
    assert code.files == (package / "cleaning.py",)


@pytest.mark.parametrize("code", ["from . import other", "from users_package.other import clean as c"])
def test_a_module_that_needs_its_package_is_refused(package: Path, code: str) -> None:
    module(package, "other")
    with pytest.raises(DeclarationError, match=r"needing\.py imports from its own package users_package"):
        Data("y", prepare=module(package, "needing", code).clean)


def test_a_function_of_a_package_itself_is_refused(package: Path) -> None:
    with pytest.raises(DeclarationError, match="stands in the package users_package itself"):
        Data("y", prepare=importlib.import_module("users_package").clean)


def test_files_that_would_overwrite_each_other_are_refused(features: ModuleType, package: Path) -> None:
    twin = module(package, "users_features").clean
    with pytest.raises(
        DeclarationError, match=r"'users_features\.py' was given, but functions come from two"
    ):
        Project("p", data=Data("y", prepare=twin), gate=Gate(features.profit, at_least=1))


def test_without_functions_nothing_travels() -> None:
    assert Project("p", data=Data("y")).code is None


@pytest.mark.parametrize(
    ("find", "rule"),
    [
        (lambda features: features.outer(), "inner stands inside outer"),
        (lambda features: features.Several.prepare, "prepare stands inside Several"),
    ],
)
def test_a_function_within_another_thing_is_refused(features: ModuleType, find: object, rule: str) -> None:
    assert callable(find)
    with pytest.raises(DeclarationError, match=rule):
        Data("y", prepare=find(features))


IMAGE = sorted(path.parent.name for path in (CHECKOUT / "containers/python").glob("*/__init__.py"))


@pytest.mark.parametrize("name", IMAGE)
def test_a_module_that_would_hide_one_of_the_image_is_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / f"{name}.py").write_text("def clean(table):\n    return table\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, name, raising=False)
    module = importlib.import_module(name)
    with pytest.raises(DeclarationError, match=f"has a package {name} of its own; rename {name}.py"):
        Data("y", prepare=module.clean)
    monkeypatch.delitem(sys.modules, name)


def test_a_function_in_the_file_that_declares_is_refused(tmp_path: Path) -> None:
    program = tmp_path / "app.py"
    program.write_text(
        "from declaration import Data\n\ndef clean(table):\n    return table\n\nData('y', prepare=clean)\n"
    )
    ended = subprocess.run(
        [sys.executable, program],
        env={"PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stderr.startswith(
        f"{program}:6: Data, prepare: clean was given, but clean stands in the file"
    )
    assert len(ended.stderr.splitlines()) == 1
