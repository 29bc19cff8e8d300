"""What is loaded before the first job."""

import importlib
import pkgutil
import sys
from collections.abc import Iterable, Iterator


def load(packages: Iterable[str]) -> None:
    """Import every module of the packages, and so the libraries; a library that is missing is told of."""
    for name in _modules(packages):
        try:
            importlib.import_module(name)
        except ImportError as error:
            print(f"preload: {name} is not loaded: {error}", file=sys.stderr, flush=True)


def _modules(packages: Iterable[str]) -> Iterator[str]:
    for package in packages:
        directory = importlib.import_module(package).__path__
        for module in pkgutil.walk_packages(directory, f"{package}."):
            if not module.name.endswith("__main__"):
                yield module.name
