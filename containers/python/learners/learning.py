"""What every algorithm is given, and what it gives back."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from tabular.encoding import Matrix
from tabular.schema import Problem, Schema

if TYPE_CHECKING:
    from learners.progress import Progress

Array = np.ndarray[Any, np.dtype[Any]]
Labels = np.ndarray[tuple[int], np.dtype[np.float32]]

# Figures of the training rows draw a curve and nothing else: so many rows are enough.
_SAMPLE = 10_000


@dataclass(frozen=True)
class Recent:
    """Rows that no model learns from, but that a forecast goes on from once it is in use."""

    features: Matrix
    labels: Labels


@dataclass(frozen=True)
class Training:
    """All the rows, in the order of time where they have one, and which of them find out how long to learn.

    `features` is float32 (rows, features), NaN where a value is missing; `labels` float32 (rows,), a class's
    place or a number. `groups` is None, or for a ranking the number of each row's query group: rows of a
    group are neighbours. `learning` and `validation` are positions of rows. With `refit` the model that is
    handed back has learnt from all rows, else from those of `learning`. `champion` is the model of the same
    algorithm and the same columns to go on from; it has fewer categories where new ones came since.
    """

    schema: Schema
    features: Matrix
    labels: Labels
    groups: Array | None
    learning: Array
    validation: Array
    seed: int
    threads: int
    refit: bool = True
    recent: Recent | None = None
    champion: "Model | None" = None

    @property
    def everything(self) -> Array:
        """The positions of all rows."""
        return np.arange(len(self.labels))

    @property
    def sample(self) -> Array:
        """Those rows of `learning` that the training metrics are computed on."""
        if self.groups is not None:
            return self.learning
        return self.learning[:: -(-len(self.learning) // _SAMPLE)]


class Model(Protocol):
    """Predicts from a float32 matrix (rows, features) as tabular.encoding makes it."""

    def predict(self, matrix: Matrix) -> Array:
        """Probability of the positive class (n,), of each class (n, classes), or the value or score (n,)."""

    def contributions(self, matrix: Matrix) -> Array | None:
        """SHAP values (n, features) before the link; of several classes the mean of their sizes."""

    def save(self, directory: Path) -> Sequence[str]:
        """Write the model's files, the same bytes for the same model, and name them."""


@dataclass(frozen=True)
class Learnt:
    """A model; `rounds` it took, its validation metrics, and the curve of each `train-…`, `validation-…`."""

    model: Model
    rounds: int
    metrics: dict[str, float]
    curve: dict[str, list[float]]


class Learner(Protocol):
    """A module of this package; `Settings` is a frozen dataclass of the algorithm's own hyperparameters."""

    Settings: type[Any]
    PROBLEMS: tuple[Problem, ...]
    LIBRARIES: tuple[str, ...]

    def learn(self, data: Training, settings: Any, progress: "Progress") -> Learnt:
        """Learn, report each round to `progress`, and go on from its checkpoint where there is one."""

    def load(self, directory: Path, schema: Schema) -> Model:
        """The model that `save` wrote; its files were verified before."""
