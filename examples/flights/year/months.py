"""What a month brings: its flights as a file, those that are asked about with their truth, and bad files."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from examples.flights import data

TARGET = "late"
# What is asked of the model in service: so many flights of a month, in calls of so many.
ASKED, IN_ONE_CALL = 2_000, 20
NAMES = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November", "December",
)  # fmt: skip


@dataclass(frozen=True)
class Call:
    """Some flights of one call, without their truth; `id` is what their labels are joined by."""

    id: str
    rows: pl.DataFrame

    @property
    def body(self) -> str:
        """The call as CSV with a header."""
        return csv(self.rows.drop(TARGET))


@dataclass(frozen=True)
class Month:
    """The flights of one month, 1 to 12."""

    number: int
    flights: pl.DataFrame

    @property
    def name(self) -> str:
        """What people call it."""
        return NAMES[self.number - 1]

    @property
    def file(self) -> str:
        """The name of its file."""
        return f"flights-2013-{self.number:02}.csv"

    def calls(self) -> Iterator[Call]:
        """Flights from all over the month, as they are asked about."""
        every = max(1, self.flights.height // ASKED)
        asked = self.flights.gather_every(every)[:ASKED]
        for first in range(0, asked.height, IN_ONE_CALL):
            yield Call(f"{self.number:02}-{first:05}", asked[first : first + IN_ONE_CALL])

    def labels(self) -> str:
        """The truth about what was asked, as CSV."""
        parts = [
            call.rows.select(inference_id=pl.lit(call.id), row=pl.int_range(pl.len()), late=pl.col(TARGET))
            for call in self.calls()
        ]
        return csv(pl.concat(parts))

    def bad_drops(self) -> Mapping[str, str]:
        """Files that should not be learnt from, by what is wrong with them."""
        some = self.flights.gather_every(4)
        metric = some.with_columns(
            temp=((pl.col("temp") - 32) / 1.8).round(2),
            dewp=((pl.col("dewp") - 32) / 1.8).round(2),
            distance=(pl.col("distance") * 1.609344).round(0).cast(pl.Int64),
        )
        half = pl.int_range(pl.len()) % 2 == 0
        emptied = [name for name in some.columns if name not in (TARGET, "time_hour")]
        holes = some.with_columns(pl.when(half).then(pl.col(name)).alias(name) for name in emptied)
        return {"other-units.csv": csv(metric), "half-empty.csv": csv(holes)}


def written(directory: Path, every: int) -> list[Month]:
    """The twelve months, of which each `every`th flight is kept."""
    months = []
    for number, path in enumerate(data.write(directory, range(1, 13)), start=1):
        flights = pl.read_csv(path, infer_schema_length=None).gather_every(every)
        months.append(Month(number, flights))
    return months


def csv(rows: pl.DataFrame) -> str:
    """As CSV with a header."""
    text = io.StringIO()
    rows.write_csv(text)
    return text.getvalue()
