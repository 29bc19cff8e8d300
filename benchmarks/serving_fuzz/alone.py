"""Whether a row gets the same digits alone, among others of its request, and among other requests."""

import asyncio

from benchmarks.serving.load import post
from benchmarks.serving_fuzz.case import CSV, Case, Columns
from benchmarks.serving_fuzz.client import answers
from benchmarks.serving_fuzz.forms import csv_text
from benchmarks.serving_fuzz.generated import Generator

ROWS = 300


def differing(port: int, columns: Columns, seed: int) -> int:
    """How many of ROWS rows have another prediction, bit by bit, in some other company."""
    generator = Generator(columns, seed)
    rows = [generator.row() for _ in range(ROWS)]
    single = [Case(str(place), post(csv_text([row]), CSV), None) for place, row in enumerate(rows)]
    together = Case("together", post(csv_text(rows), CSV), None)
    one_by_one = asyncio.run(_texts(port, single, 1))
    at_once = asyncio.run(_texts(port, single, 64))
    lines = asyncio.run(_texts(port, [together], 1))["together"].splitlines()
    if len(lines) != ROWS:
        return ROWS
    return sum(
        not one_by_one[case.family].strip() == at_once[case.family].strip() == line
        for case, line in zip(single, lines, strict=True)
    )


async def _texts(port: int, cases: list[Case], connections: int) -> dict[str, bytes]:
    return {case.family: answer.body async for case, answer in answers(port, cases, connections)}
