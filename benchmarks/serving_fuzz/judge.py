"""Whether an answer is the one that a case must have, and the count of those that are not."""

import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from benchmarks.serving_fuzz.case import Case, Predicted, Refused
from benchmarks.serving_fuzz.client import Answer

_TOLERANCE = 1e-6
_EXAMPLES = 3
_TRACEBACK = re.compile(rb'Traceback \(most recent call last\)|File "[^"]*\.py", line|\.py:\d+')
_QUOTED = re.compile(rb'"[^"]*"')
_NUMBER = re.compile(rb"-?(?:nan|inf|[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?)")
Predict = Callable[[Sequence[Sequence[float]]], Sequence[float]]


@dataclass
class Tally:
    """What one server made of the cases; `examples` has a few requests of each kind of fault."""

    requests: int = 0
    status_5xx: int = 0
    tracebacks: int = 0
    hung: int = 0
    silent_wrong: int = 0
    refused_right: int = 0
    """Right rows that got no prediction."""
    unnamed: int = 0
    """Refusals that do not name the row and the column of a bad value."""
    smuggled: int = 0
    """More than one answer to one request."""
    statuses: Counter[int | None] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)

    def note(self, fault: str, case: Case, answer: Answer) -> None:
        """Count a fault, and keep what shows it."""
        setattr(self, fault, getattr(self, fault) + 1)
        kept = self.examples.setdefault(fault, [])
        if len(kept) < _EXAMPLES:
            kept.append(f"{case.family}: {case.wire[-300:]!r} -> {answer.status} {answer.body[:200]!r}")


class Judge:
    """Judges the answers of one server for one model."""

    def __init__(self, predict: Predict, tally: Tally) -> None:
        self._predict = predict
        self._tally = tally

    def judge(self, answered: Sequence[tuple[Case, Answer]]) -> None:
        """Count the faults of many answers at once: the library predicts their rows in one call."""
        rows = [
            row for case, _ in answered if isinstance(case.expected, Predicted) for row in case.expected.rows
        ]
        predicted = iter(self._predict(rows) if rows else [])
        for case, answer in answered:
            expected: list[float] = []
            if isinstance(case.expected, Predicted):
                expected = [float(next(predicted)) for _ in case.expected.rows]
            self._one(case, answer, expected)

    def _one(self, case: Case, answer: Answer, expected: list[float]) -> None:
        tally = self._tally
        tally.requests += 1
        tally.statuses[answer.status] += 1
        if answer.hung:
            tally.note("hung", case, answer)
            return
        if answer.more:
            tally.note("smuggled", case, answer)
        if answer.status is not None and answer.status >= 500:
            tally.note("status_5xx", case, answer)
        if _TRACEBACK.search(answer.body):
            tally.note("tracebacks", case, answer)
        good = answer.status is not None and answer.status < 300
        match case.expected:
            case Predicted() if good and not _same(numbers(answer.body), expected):
                tally.note("silent_wrong", case, answer)
            case Predicted() if not good:
                tally.note("refused_right", case, answer)
            case Refused() if good:
                tally.note("silent_wrong", case, answer)
            case Refused(row, column) if row is not None and _named(answer.body) != (row, column):
                tally.note("unnamed", case, answer)


def numbers(body: bytes) -> list[float]:
    """The numbers of an answer, in any of the formats that servers give: those that no quotes are around."""
    return [float(found) for found in _NUMBER.findall(_QUOTED.sub(b"", body))]


def _same(found: Sequence[float], expected: Sequence[float]) -> bool:
    return len(found) == len(expected) and bool(np.allclose(found, expected, rtol=0, atol=_TOLERANCE))


def _named(body: bytes) -> tuple[int | None, str | None]:
    """The row and the column that a refusal names."""
    try:
        fields = json.loads(body)
        return fields.get("row"), fields.get("column")
    except (ValueError, AttributeError):
        return None, None
