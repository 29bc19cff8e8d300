"""Learning in rounds: how many on the validation rows, and then as many on all rows."""

from collections.abc import Callable
from typing import Protocol

import numpy as np

from evaluate.metrics import metrics
from learners.learning import Array, Learnt, Model, Training
from learners.progress import Progress


class Growing(Protocol):
    """A model that learns round by round."""

    def grow(self) -> None:
        """Learn one round."""

    def figures(self) -> dict[str, float]:
        """`train-…` and `validation-…` metrics after this round, by the names of a gate."""

    def remember(self) -> None:
        """This round is the best so far."""

    def state(self) -> bytes:
        """What a new process needs to go on."""

    def model(self, rounds: int) -> Model:
        """The model after its best round, which was the one of this number, or after the last one."""


# Rows to learn from, whether to compare with the validation rows, and a state to go on from.
Begin = Callable[[Array, bool, bytes | None], Growing]


def learn(data: Training, begin: Begin, most: int, patience: int, progress: Progress) -> Learnt:
    """At most `most` rounds, until `patience` of them are no better; the state of either phase is kept."""
    saved = progress.resume()
    found = saved.metrics if saved else None
    if found is None:
        growing = begin(data.learning, True, saved.state if saved else None)
        while progress.rounds < most and not progress.stalled(patience):
            growing.grow()
            if progress.record(growing.figures()):
                growing.remember()
            progress.keep(progress.rounds, None, growing.state)
        model = growing.model(progress.best + 1)
        found = validated(data, model)
        saved = None
    rounds = progress.best + 1
    progress.conclude(found)
    if data.refit:
        # The latest rows are the most like those to come: a model that never saw them would start out old.
        growing = begin(data.everything, False, saved.state if saved else None)
        for number in range(saved.rounds if saved else 0, rounds):
            growing.grow()
            progress.keep(number + 1, found, growing.state)
        model = growing.model(rounds)
    return Learnt(model, rounds, found, progress.curve)


def validated(data: Training, model: Model) -> dict[str, float]:
    """All metrics of the problem on the validation rows."""
    rows = data.validation
    groups = None if data.groups is None else np.unique(data.groups[rows], return_inverse=True)[1]
    predicted = model.predict(data.features[rows])
    return metrics(data.schema.problem, data.labels[rows], predicted, groups=groups)
