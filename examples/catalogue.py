"""What each example is: its app, its data, and a request whose answer can be checked."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from examples.airtime import data as airtime
from examples.body_mass import data as body_mass
from examples.departures import data as departures
from examples.flights import data as flights
from examples.flights.demo.platform import DemoFailed
from examples.penguins import data as penguins
from examples.tumours import data as tumours

ROWS = 20


@dataclass(frozen=True)
class Example:
    """`plausible` judges one value of an answer; images of others take rows without a header.

    `needs` is a program that the machine must have, as containers without Docker have those of the machine.
    """

    app: str
    project: str
    write: Callable[[Path], Sequence[Path]]
    target: str
    plausible: Callable[[float], bool]
    header: bool = True
    last: bool = False
    needs: str = ""

    @property
    def missing(self) -> str:
        """Why the example cannot run on this machine; empty if it can."""
        lacks = self.needs and not shutil.which(self.needs)
        return f"this machine has no {self.needs} (make system installs it)" if lacks else ""

    def request(self, data: Sequence[Path]) -> str:
        """Some rows of the data without their target, as CSV."""
        rows = pl.read_csv(data[-1], infer_schema=False).drop(self.target)
        rows = rows.tail(ROWS) if self.last else rows.head(ROWS)
        return rows.write_csv(include_header=self.header)

    def check(self, answered: Sequence[str]) -> None:
        """Raise DemoFailed unless there is a plausible answer for each row."""
        if len(answered) != ROWS:
            raise DemoFailed(f"{ROWS} rows were answered with {len(answered)} lines: {answered[:3]}")
        for line in answered:
            if not all(self.plausible(float(value)) for value in line.split(",")):
                raise DemoFailed(f"{line!r} is no plausible answer")


def _probability(value: float) -> bool:
    return 0 <= value <= 1


EXAMPLES = {
    "flights": Example(
        "app.py", "flights", lambda directory: flights.write(directory, range(1, 4)), "late", _probability
    ),
    "penguins": Example(
        "examples/penguins",
        "penguins",
        lambda directory: [penguins.write(directory)],
        "species",
        _probability,
    ),
    "airtime": Example(
        "examples/airtime",
        "airtime",
        lambda directory: [airtime.write(directory)],
        "air_time",
        lambda minutes: 10 < minutes < 700,
    ),
    "departures": Example(
        "examples/departures",
        "departures",
        lambda directory: [departures.write(directory)],
        "flights",
        lambda flights_a_day: 50 < flights_a_day < 600,
        last=True,
    ),
    "tumours": Example(
        "examples/tumours",
        "tumours",
        lambda directory: [tumours.write(directory)],
        "benign",
        _probability,
        header=False,
    ),
    "body_mass": Example(
        "examples/body_mass",
        "body-mass",
        lambda directory: [body_mass.write(directory)],
        "body_mass_g",
        lambda grams: 1500 < grams < 8000,
        header=False,
        needs="Rscript",
    ),
}
