"""Rows that arrive in the same turn of the event loop are predicted in one call, without waiting for more.

Most of the cost of a prediction is the same for one row and for fifty.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import numpy as np

from serve.codecs import Matrix
from serve.model import Predict
from serve.refusal import busy

_MOST_WAITING = 200_000

Deliver = Callable[[Any], None]


class Batch:
    """Collects rows until the turn ends; `deliver` gets the predictions of its rows, or the exception."""

    def __init__(self, predict: Predict, loop: asyncio.AbstractEventLoop) -> None:
        self._predict = predict
        self._loop = loop
        self._waiting: list[tuple[Matrix, Deliver]] = []
        self._rows = 0

    def add(self, rows: Matrix, deliver: Deliver) -> None:
        """Predict these rows at the end of this turn; raises Refusal when too many wait."""
        if self._rows + len(rows) > _MOST_WAITING:
            raise busy("too many rows are waiting")
        if not self._waiting:
            self._loop.call_soon(self._flush)
        self._waiting.append((rows, deliver))
        self._rows += len(rows)

    def _flush(self) -> None:
        waiting, self._waiting, self._rows = self._waiting, [], 0
        try:
            if len(waiting) == 1:
                predictions = self._predict(waiting[0][0])
            else:
                predictions = self._predict(np.concatenate([rows for rows, _ in waiting]))
        except Exception as error:  # noqa: BLE001  each request is answered, whatever happened
            for _, deliver in waiting:
                deliver(error)
            return
        start = 0
        for rows, deliver in waiting:
            deliver(predictions[start : start + len(rows)])
            start += len(rows)
