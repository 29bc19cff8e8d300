"""What users bring along: a script, an image, and functions in a module of their own."""

import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

FUNCTIONS = """
def prepare(table):
    return table


def profit(truth, predicted):
    return float((truth * predicted).sum())


def predict(model, rows):
    return model.predict(rows)
"""


@dataclass(frozen=True)
class Brought:
    script: str
    image: str
    functions: ModuleType


def bring(directory: Path, module_name: str = "brought_functions") -> Brought:
    """The files in a directory, with the functions imported by the name of their module."""
    script, image, functions = (
        directory / "script" / "learn.py",
        directory / "image",
        directory / f"{module_name}.py",
    )
    for folder in (script.parent, image):
        folder.mkdir(parents=True)
    script.write_text("print('validation-auc=0.9')\n")
    (script.parent / ".hidden").write_text("a secret\n")
    (script.parent / "settings.json").write_text("{}\n")
    (image / "Dockerfile").write_text("FROM scratch\n")
    functions.write_text(FUNCTIONS)
    specification = importlib.util.spec_from_file_location(functions.stem, functions)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[functions.stem] = module
    specification.loader.exec_module(module)
    return Brought(str(script), str(image), module)
