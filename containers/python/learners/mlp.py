"""Neural networks by scikit-learn; predicted by numpy.

A training that is killed and goes on from its checkpoint ends with the same bytes: weights and Adam's moments
are kept, and each epoch draws the order of its rows from a seed of its own. One thread multiplies: the order
in which several add up is not fixed, and batches are too small to gain from them.
https://scikit-learn.org/stable/modules/neural_networks_supervised.html
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from evaluate.metrics import metrics
from learners import rounds
from learners.arrays import listed, numbered, packed, unpacked
from learners.bounds import within
from learners.dense import Design, design, linked
from learners.learning import Array, Learnt, Training
from learners.progress import Progress
from tabular.encoding import Matrix
from tabular.schema import Problem, Schema

PROBLEMS: tuple[Problem, ...] = ("binary", "multiclass", "regression")
LIBRARIES = ("scikit-learn", "polars", "numpy")
FILE = "model.npz"

_WEIGHTS, _INTERCEPTS = "weights", "intercept"


@dataclass(frozen=True)
class Settings:
    """The network's size, Adam's step and the L2 penalty, and how many times it sees each row at most."""

    hidden_layers: int = within(2, 1, 16)
    hidden_size: int = within(128, 1, 8192)
    alpha: float = within(0.0001, 0)
    learning_rate: float = within(0.001, 0, 1)
    batch_size: int = within(256, 1)
    epochs: int = within(100, 1)
    early_stopping: int = within(10, 1)


@dataclass(frozen=True)
class Model:
    """Weights and intercepts of each layer; a regression's output is times `scale` plus `mean`."""

    problem: Problem
    design: Design
    weights: Sequence[Array]
    intercepts: Sequence[Array]
    mean: float = 0.0
    scale: float = 1.0

    def predict(self, matrix: Matrix) -> Array:
        """As learners.learning.Model says."""
        values = self.design.product(matrix, self.weights[0]) + self.intercepts[0]
        for weights, intercepts in zip(self.weights[1:], self.intercepts[1:], strict=True):
            values = np.maximum(values, 0) @ weights + intercepts
        return linked(self.problem, values * self.scale + self.mean)

    def contributions(self, matrix: Matrix) -> None:
        """None: there is no exact formula for a network."""

    def save(self, directory: Path) -> Sequence[str]:
        """Write model.npz."""
        own = {"mean_of_target": np.array(self.mean), "scale_of_target": np.array(self.scale)}
        layers = numbered(_WEIGHTS, self.weights) | numbered(_INTERCEPTS, self.intercepts)
        (directory / FILE).write_bytes(packed({**own, **layers, **self.design.arrays()}))
        return (FILE,)


def learn(data: Training, settings: Settings, progress: Progress) -> Learnt:
    """Learn in epochs until the validation rows gain nothing, then as long on all rows."""

    champion = _widened(data.champion, data.schema) if isinstance(data.champion, Model) else None

    def begin(rows: Array, compare: bool, state: bytes | None) -> "_Growing":
        return _Growing(data, settings, rows, compare, state, champion)

    # The limits are imported with the rest of scikit-learn's requirements, and only to learn.
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    with threadpool_limits(1), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Got `batch_size` less than 1 or larger than sample size")
        return rounds.learn(data, begin, settings.epochs, settings.early_stopping, progress)


def load(directory: Path, schema: Schema) -> Model:
    """Read model.npz, arrays of numbers alone."""
    arrays = unpacked((directory / FILE).read_bytes())
    return Model(
        schema.problem,
        Design(**{name: arrays[name] for name in Design.__dataclass_fields__}),
        listed(_WEIGHTS, arrays),
        listed(_INTERCEPTS, arrays),
        float(arrays["mean_of_target"]),
        float(arrays["scale_of_target"]),
    )


class _Growing:
    """One scikit-learn estimator, a call of partial_fit per epoch."""

    def __init__(
        self,
        data: Training,
        settings: Settings,
        rows: Array,
        compare: bool,
        state: bytes | None,
        champion: Model | None,
    ) -> None:
        self._data = data
        self._compared = {"train": data.sample, "validation": data.validation} if compare else {}
        matrix, labels = data.features[rows], data.labels[rows].astype(np.float64)
        if champion is not None:
            # Its weights are good for rows in the form that it was taught.
            self._design, self._mean, self._scale = champion.design, champion.mean, champion.scale
        else:
            regression = data.schema.problem == "regression"
            self._design = design(matrix, data.schema)
            self._mean = float(labels.mean()) if regression else 0.0
            self._scale = float(labels.std()) or 1.0 if regression else 1.0
        self._rows = self._design.rows(matrix).astype(np.float32)
        self._labels = (labels - self._mean) / self._scale
        self._estimator = _estimator(data, settings)
        self._epoch = 0
        self._best: Model | None = None
        if state is None and champion is not None:
            state = packed(_begun(champion))
        if state is not None:
            self._restore(state)

    def grow(self) -> None:
        self._estimator.random_state = (self._data.seed + 7919 * self._epoch) % 2**32
        self._estimator.partial_fit(self._rows, self._labels, **self._classes)
        self._epoch += 1

    def figures(self) -> dict[str, float]:
        problem, data = self._data.schema.problem, self._data
        model = self._now()
        return {
            f"{name}-{metric}": value
            for name, rows in self._compared.items()
            for metric, value in metrics(
                problem, data.labels[rows], model.predict(data.features[rows])
            ).items()
        }

    def remember(self) -> None:
        self._best = self._now()

    def model(self, rounds: int) -> Model:
        return self._now() if self._best is None or rounds == self._epoch else self._best

    def state(self) -> bytes:
        adam = self._estimator._optimizer
        now, best = self._now(), self._best
        arrays = {"epoch": np.array(self._epoch), "steps": np.array(adam.t)}
        arrays |= numbered(_WEIGHTS, now.weights) | numbered(_INTERCEPTS, now.intercepts)
        arrays |= numbered("first", adam.ms) | numbered("second", adam.vs)
        if best is not None:
            arrays |= numbered("best_weights", best.weights) | numbered("best_intercepts", best.intercepts)
        return packed(arrays)

    def _restore(self, state: bytes) -> None:
        # One row makes the estimator's arrays, whose content then is replaced.
        self._estimator.random_state = 0
        self._estimator.partial_fit(self._rows[:1], self._labels[:1], **self._classes)
        arrays = unpacked(state)
        self._epoch, adam = int(arrays["epoch"]), self._estimator._optimizer
        self._estimator.coefs_ = listed(_WEIGHTS, arrays)
        self._estimator.intercepts_ = listed(_INTERCEPTS, arrays)
        adam.t, adam.ms, adam.vs = int(arrays["steps"]), listed("first", arrays), listed("second", arrays)
        best = listed("best_weights", arrays), listed("best_intercepts", arrays)
        if best[0]:
            self._best = self._model(*best)

    @property
    def _classes(self) -> dict[str, Any]:
        classes = self._data.schema.classes
        return {"classes": np.arange(len(classes))} if classes else {}

    def _now(self) -> Model:
        # Copies, as the estimator changes its own in place.
        found = self._estimator
        return self._model(
            [weights.copy() for weights in found.coefs_], [values.copy() for values in found.intercepts_]
        )

    def _model(self, weights: Sequence[Array], intercepts: Sequence[Array]) -> Model:
        return Model(self._data.schema.problem, self._design, weights, intercepts, self._mean, self._scale)


def _widened(champion: Model, schema: Schema) -> Model:
    """The model with indicators for the categories that came since, which so far say nothing."""
    before = champion.design
    sizes = np.array([len(schema.features[place].categories) for place in before.categories], dtype=np.int64)
    weights, at = champion.weights[0], len(before.numbers) + len(before.holed)
    rows = [weights[:at]]
    for old, new in zip(before.sizes.tolist(), sizes.tolist(), strict=True):
        rows += [weights[at : at + old], np.zeros((new - old, weights.shape[1]), weights.dtype)]
        at += old
    wider = replace(before, sizes=sizes)
    return replace(champion, design=wider, weights=[np.vstack(rows), *champion.weights[1:]])


def _begun(champion: Model) -> dict[str, Array]:
    """The state before the first epoch: the weights of the model, and nothing of how it learnt them."""
    still = [np.zeros_like(each) for each in (*champion.weights, *champion.intercepts)]
    return {
        "epoch": np.array(0),
        "steps": np.array(0),
        **numbered(_WEIGHTS, champion.weights),
        **numbered(_INTERCEPTS, champion.intercepts),
        **numbered("first", still),
        **numbered("second", still),
    }


def _estimator(data: Training, settings: Settings) -> Any:
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    kind = MLPClassifier if data.schema.classes else MLPRegressor
    return kind(
        hidden_layer_sizes=(settings.hidden_size,) * settings.hidden_layers,
        alpha=settings.alpha,
        learning_rate_init=settings.learning_rate,
        batch_size=settings.batch_size,
    )
