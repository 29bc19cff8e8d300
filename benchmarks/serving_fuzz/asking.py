"""Sends cases to a server and has the answers judged."""

import asyncio
from collections.abc import Iterable, Sequence

import numpy as np
import xgboost
from rich.console import Console
from rich.progress import Progress

from benchmarks.serving.model import TrainedModel
from benchmarks.serving.processes import Running
from benchmarks.serving_fuzz import handmade_bodies, handmade_values, wire
from benchmarks.serving_fuzz.case import Case, Columns, Predicted
from benchmarks.serving_fuzz.client import Answer, answers
from benchmarks.serving_fuzz.generated import Generator
from benchmarks.serving_fuzz.judge import Judge, Tally

CONNECTIONS = 16
_BATCH = 500
console = Console(highlight=False, width=150)


def columns_of(model: TrainedModel) -> Columns:
    """The columns that a request must carry."""
    return Columns.read(model.ml / "model" / "schema.json")


def by_hand(columns: Columns) -> list[Case]:
    """The hand-made cases, but for the large ones."""
    row = Generator(columns, 1).row()
    body = (",".join(cell.text for cell in row) + "\n").encode()
    return [
        *handmade_values.cases(columns),
        *handmade_bodies.cases(columns),
        *wire.cases(body, Predicted([[cell.value for cell in row]])),
    ]


def ask(
    server: Running,
    model: TrainedModel,
    cases: Iterable[Case],
    tally: Tally,
    title: str,
    *,
    connections: int = CONNECTIONS,
) -> None:
    """Send all cases and judge the answers."""
    judge = Judge(_Prediction(model), tally)

    async def run(progress: Progress) -> None:
        task = progress.add_task(title)
        waiting: list[tuple[Case, Answer]] = []
        async for answered in answers(server.port, cases, connections):
            waiting.append(answered)
            if len(waiting) >= _BATCH:
                # Aside, or the answers that come meanwhile would seem late.
                await asyncio.to_thread(judge.judge, waiting)
                progress.advance(task, len(waiting))
                waiting = []
        judge.judge(waiting)

    with Progress(console=console, transient=True) as progress:
        asyncio.run(run(progress))


class _Prediction:
    """The training library's predictions, with the types of the columns as it learnt them."""

    def __init__(self, model: TrainedModel) -> None:
        kinds = [column.kind for column in columns_of(model).asked]
        self._types = ["c" if kind == "category" else "q" for kind in kinds]
        self._booster = model.booster
        # What the library imports at its first prediction takes a while.
        self([[0.0] * len(kinds)])

    def __call__(self, rows: Sequence[Sequence[float]]) -> Sequence[float]:
        matrix = np.array(rows, dtype=np.float64).astype(np.float32)
        data = xgboost.DMatrix(matrix, feature_types=self._types, enable_categorical=True)
        return [float(value) for value in self._booster.predict(data, validate_features=False)]
