"""The penguins whose weight is known, in grams."""

from pathlib import Path

import polars as pl

from examples.penguins.data import penguins


def write(directory: Path) -> Path:
    """Write body_mass.csv and return its path."""
    path = directory / "body_mass.csv"
    penguins().filter(pl.col("body_mass_g").is_not_null()).write_csv(path)
    return path
