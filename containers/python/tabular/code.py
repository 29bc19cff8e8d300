"""The user's own functions, which travel as files: an error in one is a sentence with its name and line."""

import importlib.util
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tabular.contract import DataError

# Where the modules are: in the channel of a job, beside a schema, in an artifact.
DIRECTORY = "code"


@dataclass(frozen=True)
class Function:
    """A function of a user's module; called, it raises DataError for whatever it raises."""

    name: str
    path: Path
    _call: Callable[..., Any]

    @property
    def title(self) -> str:
        """As the user knows it: features.py, prepare."""
        return f"{self.path.name}, {self.name}"

    def __call__(self, *arguments: Any) -> Any:
        """Call it."""
        try:
            return self._call(*arguments)
        except Exception as error:
            raise self.blame(error) from error

    def blame(self, error: Exception) -> DataError:
        """The sentence for an error that came of the function, at once or of what it had planned."""
        return DataError(f"{self.title}{_line(error, self.path)}: {_shown(error)}")


def load(directory: Path, reference: str) -> Function:
    """The function `module:name` of a directory's *.py; DataError when it cannot be had."""
    module_name, _, name = reference.partition(":")
    path = directory / f"{module_name}.py"
    if not path.is_file():
        raise DataError(f"the code has no file {path.name}, which should hold the function {name}")
    # The bytecode of what stands beside a model would be code that training did not write.
    sys.dont_write_bytecode = True
    # For the modules beside it; last, as none of them may stand in for one of ours.
    if str(directory) not in sys.path:
        sys.path.append(str(directory))
    # By a name of its own: a user's prepare.py is not our package prepare.
    spec = importlib.util.spec_from_file_location(f"user.{module_name}", path)
    if spec is None or spec.loader is None:
        raise DataError(f"{path.name} is not a Python module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise DataError(f"{path.name}{_line(error, path)} cannot be imported: {_shown(error)}") from error
    function = getattr(module, name, None)
    if not callable(function):
        raise DataError(f"{path.name} has no function {name!r}")
    return Function(name, path, function)


def _line(error: Exception, path: Path) -> str:
    if isinstance(error, SyntaxError):
        return f", line {error.lineno}"
    lines = [
        frame.lineno for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename) == path
    ]
    return f", line {lines[-1]}" if lines else ""


def _shown(error: Exception) -> str:
    first = next(iter(str(error).splitlines()), "")
    return f"{type(error).__name__}: {first}" if first else type(error).__name__
