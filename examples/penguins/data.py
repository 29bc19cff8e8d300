"""The penguins of Palmer Station: 344 rows, two categories, some values missing.

Source: the package palmerpenguins, whose file is read as it is.
"""

from importlib.resources import files
from pathlib import Path

import polars as pl


def write(directory: Path) -> Path:
    """Write penguins.csv and return its path."""
    path = directory / "penguins.csv"
    penguins().write_csv(path)
    return path


def penguins() -> pl.DataFrame:
    """All penguins, with an empty value where the source says NA."""
    source = files("palmerpenguins") / "data" / "penguins.csv"
    return pl.read_csv(source.read_bytes(), null_values="NA")
