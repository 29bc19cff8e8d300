"""A user's own functions, and the files in which they travel to the jobs."""

import ast
import inspect
import sys
import sysconfig
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType
from typing import Any

from declaration.errors import Refusal
from declaration.rules import Rule

# Packages of the image, which a module of the same name would hide.
_TAKEN = frozenset({"evaluate", "learners", "preload", "prepare", "serve", "tabular", "train", "watch"})
_LIBRARIES = tuple(Path(sysconfig.get_path(kind)) for kind in ("stdlib", "purelib", "platlib"))
_MOVE = "move it to a file of its own next to app.py, such as features.py, and import it from there"


@dataclass(frozen=True)
class Code:
    """The modules that travel, and the functions in them as `module:name`."""

    files: tuple[Path, ...]
    prepare: str | None
    metrics: tuple[str, ...]
    predict: str | None = None

    @property
    def served(self) -> bool:
        """Whether a function goes with the model, to treat requests."""
        return self.prepare is not None or self.predict is not None


def code(
    prepare: Callable[..., Any] | None,
    metrics: Sequence[Callable[..., Any]],
    predict: Callable[..., Any] | None = None,
) -> Code | None:
    """What has to travel for these functions; None if there are none."""
    functions = [*([prepare] if prepare else []), *metrics, *([predict] if predict else [])]
    if not functions:
        return None
    files: dict[Path, None] = {}
    for function in functions:
        _collect(_file_of(function), files)
    return Code(
        tuple(files),
        reference(prepare) if prepare else None,
        tuple(map(reference, metrics)),
        reference(predict) if predict else None,
    )


def reference(function: Callable[..., Any]) -> str:
    """Where a function is found in the job: `features:prepare`."""
    return f"{_file_of(function).stem}:{function.__name__}"


class Function(Rule):
    """A plain function of a module whose file can travel alone, with so many arguments."""

    def __init__(self, *arguments: str) -> None:
        self.arguments = arguments

    @property
    def text(self) -> str:
        """What function it is."""
        return f"a function ({', '.join(self.arguments)}) from a file of its own next to app.py"

    def check(self, value: Any) -> Callable[..., Any]:
        """The function itself; raises Refusal."""
        if not isinstance(value, FunctionType):
            example = f"write def ...({', '.join(self.arguments)}) in such a file and give its name"
            raise Refusal(f"it must be {self.text}", example)
        if value.__name__ == "<lambda>":
            raise Refusal("a lambda has no name to be found by in the job", f"write it with def and {_MOVE}")
        if value.__qualname__ != value.__name__:
            raise Refusal(f"{value.__name__} stands inside {value.__qualname__.split('.')[0]}", _MOVE)
        _check_module(value)
        try:
            inspect.signature(value).bind(*self.arguments)
        except TypeError:
            taken = ", ".join(inspect.signature(value).parameters) or "nothing"
            rule = f"it is called with {', '.join(self.arguments)} and {value.__name__} takes {taken}"
            raise Refusal(rule, f"write def {value.__name__}({', '.join(self.arguments)})") from None
        return value


def _check_module(function: FunctionType) -> None:
    name = function.__module__
    module = sys.modules.get(name)
    path = getattr(module, "__file__", None)
    if name == "__main__" or path is None or _is_main(Path(path)):
        raise Refusal(f"{function.__name__} stands in the file that declares, which does not travel", _MOVE)
    if any(folder in Path(path).resolve().parents for folder in _LIBRARIES):
        rule = f"{name} is a library, not a file of yours"
        raise Refusal(rule, f"write a function of your own that calls {name}.{function.__name__}")
    if Path(path).name == "__init__.py":
        raise Refusal(f"{function.__name__} stands in the package {name} itself", _MOVE)
    if Path(path).stem in _TAKEN:
        rule = f"the image has a package {Path(path).stem} of its own"
        raise Refusal(rule, f"rename {Path(path).name}, for example to features.py")
    package = name.partition(".")[0] if "." in name else ""
    for imported in _imported(ast.parse(Path(path).read_bytes())):
        if imported in ("", package):
            rule = f"{Path(path).name} imports from its own package {package}, and only its file travels"
            raise Refusal(rule, "import what stands beside it by its plain name, or move it into the file")


def _is_main(path: Path) -> bool:
    main = getattr(sys.modules.get("__main__"), "__file__", None)
    return main is not None and Path(main).resolve() == path.resolve()


def _file_of(function: Callable[..., Any]) -> Path:
    return Path(str(sys.modules[function.__module__].__file__)).resolve()


def _collect(file: Path, files: dict[Path, None]) -> None:
    """A module and the modules beside it that it imports, each once."""
    if file in files:
        return
    files[file] = None
    for name in _imported(ast.parse(file.read_bytes())):
        beside = file.with_name(f"{name}.py")
        if beside.is_file():
            _collect(beside, files)


def _imported(tree: ast.AST) -> Iterator[str]:
    """The packages and modules that are imported; an empty name for the module's own package."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").partition(".")[0] if not node.level else ""
