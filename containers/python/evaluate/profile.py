"""What the columns look like on the hold-out, and whether one of them gives the answer away."""

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import polars as pl
from markupsafe import Markup

from evaluate.contest import Contest
from evaluate.metrics import Array, auc
from tabular.encoding import Matrix
from tabular.schema import Feature, Problem

# A column that alone comes this far has most likely been written after the fact. An honest one may too, so
# the report asks and the gate does not reject.
_SUSPECT = 0.95
_BINS, _FOLDS, _BARS = 32, 2, 24
_WIDTH, _HEIGHT = 200, 52
_SCORES: dict[Problem, str] = {
    "binary": "AUC",
    "multiclass": "accuracy",
    "regression": "R²",
    "ranking": "R²",
    "forecast": "R²",
}


@dataclass(frozen=True)
class Column:
    """One feature: figures of the training rows, bars of the hold-out, and how well it predicts alone."""

    name: str
    type: str
    values: str
    missing: str
    chart: Markup
    alone: float
    suspect: bool


@dataclass(frozen=True)
class Profile:
    """All features and the warnings about those that give the answer away; `score` names what `alone` is."""

    columns: tuple[Column, ...]
    score: str
    warnings: tuple[str, ...]


def profile(contest: Contest) -> Profile:
    """Draw and score every feature."""
    schema = contest.schema
    truth, encoded = contest.truth, contest.encoded
    score = _SCORES[schema.problem]
    # With one class in nearly every row, accuracy is high without any column.
    base = float(np.bincount(truth.astype(int)).max() / len(truth)) if schema.problem == "multiclass" else 0.0
    columns, warnings = [], []
    for place, feature in enumerate(schema.features):
        bins = _bins(encoded[:, place], feature)
        alone = max(
            _alone(bins, truth, schema.problem, len(schema.classes)),
            _in_order(encoded[:, place], truth, schema.problem),
        )
        suspect = alone >= _SUSPECT and (1 - alone) < (1 - base) / 2
        if suspect:
            warnings.append(
                f"{feature.name} alone predicts {schema.target} nearly perfectly ({score} {alone:.3f}). "
                "If it is not known yet when a prediction is wanted, drop it: the model would fail in use."
            )
        columns.append(
            Column(
                feature.name, feature.type, _values(feature),
                f"{feature.missing:.1%}" if feature.missing else "",
                _bars(contest.holdout, encoded, place, feature), alone, suspect,
            )
        )  # fmt: skip
    return Profile(tuple(columns), score, tuple(warnings))


def _bins(values: Array, feature: Feature) -> Array:
    """A small number for each row: its category, or its quantile; 0 where the value is missing."""
    known = ~np.isnan(values)
    bins = np.zeros(len(values), int)
    if feature.type in ("category", "boolean"):
        bins[known] = 1 + values[known].astype(int)
    elif known.any():
        edges = np.unique(np.quantile(values[known], np.linspace(0, 1, _BINS + 1)[1:-1]))
        bins[known] = 1 + np.searchsorted(edges, values[known], side="right")
    return bins


def _alone(bins: Array, truth: Array, problem: Problem, classes: int) -> float:
    """What the mean target of each bin predicts on rows that the mean was not taken from."""
    size = int(bins.max()) + 1
    fold = np.arange(len(truth)) % _FOLDS
    wide = classes if problem == "multiclass" else 1
    answers = np.eye(wide)[truth.astype(int)] if wide > 1 else truth.astype(float)[:, None]
    guessed = np.empty((len(truth), wide))
    for part in range(_FOLDS):
        learning = fold != part
        if not learning.any():
            return 0.0
        overall = answers[learning].mean(axis=0)
        counts = np.bincount(bins[learning], minlength=size)[:, None]
        sums = np.stack(
            [np.bincount(bins[learning], answers[learning, each], size) for each in range(wide)], axis=1
        )
        # A bin with few rows is drawn to the overall mean.
        guessed[~learning] = ((sums + overall) / (counts + 1))[bins[~learning]]
    if problem == "multiclass":
        return float((guessed.argmax(axis=1) == truth).mean())
    if problem == "binary":
        area = auc(truth.astype(bool), guessed[:, 0])
        return area if np.isfinite(area) else 0.5
    spread = float(((truth - truth.mean()) ** 2).sum())
    return max(0.0, 1 - float(((truth - guessed[:, 0]) ** 2).sum()) / spread) if spread else 0.0


def _in_order(values: Array, truth: Array, problem: Problem) -> float:
    """What the values themselves predict, larger ones meaning more or less of the target throughout."""
    known = ~np.isnan(values)
    if problem == "multiclass" or known.sum() < len(values) / 2:
        return 0.0
    if problem == "binary":
        area = auc(truth[known].astype(bool), values[known])
        return max(area, 1 - area) if np.isfinite(area) else 0.5
    if np.ptp(values[known]) == 0 or np.ptp(truth[known]) == 0:
        return 0.0
    return float(np.corrcoef(values[known], truth[known])[0, 1] ** 2)


def _bars(table: pl.DataFrame, encoded: Matrix, place: int, feature: Feature) -> Markup:
    """A histogram, or the most frequent categories, of the hold-out."""
    values = encoded[:, place]
    known = values[~np.isnan(values)]
    if feature.type in ("category", "boolean"):
        names = feature.categories or ("false", "true")
        counts = np.bincount(known.astype(int), minlength=len(names))
        order = np.argsort(-counts, kind="stable")[:_BARS] if feature.type == "category" else np.arange(2)
        bars = [(int(counts[code]), names[code]) for code in order]
    elif len(known):
        low, high = np.quantile(known, [0.005, 0.995])
        if feature.type == "integer" and high - low < _BARS:
            edges = np.arange(low - 0.5, high + 1)
        else:
            edges = np.linspace(low, high if high > low else low + 1, _BARS + 1)
        counts = np.histogram(np.clip(known, edges[0], edges[-1]), edges)[0]
        bars = [
            (int(count), _range(left, right, feature))
            for count, left, right in zip(counts, edges, edges[1:], strict=False)
        ]
    else:
        bars = []
    return _small(bars, table.height, feature.name)


def _small(bars: list[tuple[int, str]], rows: int, name: str) -> Markup:
    head = Markup('<svg viewBox="0 0 {} {}" preserveAspectRatio="none" role="img" aria-label="{}">').format(
        _WIDTH, _HEIGHT, f"distribution of {name}"
    )
    tallest = max((count for count, _ in bars), default=0) or 1
    # Few bars do not become blocks.
    step = min(_WIDTH / max(1, len(bars)), 26)
    parts = [
        Markup(
            '<rect class="bar" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"><title>{}</title></rect>'
        ).format(
            place * step, _HEIGHT * (1 - count / tallest), max(step - 1.2, 0.8), _HEIGHT * count / tallest,
            f"{text}: {count / max(1, rows):.1%}",
        )
        for place, (count, text) in enumerate(bars)
    ]  # fmt: skip
    return head + Markup("").join(parts) + Markup("</svg>")


def _range(left: float, right: float, feature: Feature) -> str:
    if feature.type == "datetime":
        return f"{_day(left)} to {_day(right)}"
    if feature.type == "integer" and right - left == 1:
        return f"{left + 0.5:.0f}"
    return f"{left:,.4g} to {right:,.4g}"


def _values(feature: Feature) -> str:
    """What the training rows hold, in a few words."""
    if feature.type == "category":
        return f"{len(feature.categories)} categories"
    if feature.type == "boolean":
        return f"{feature.mean:.1%} true"
    if feature.minimum is None or feature.maximum is None:
        return "no value"
    if feature.type == "datetime":
        return f"{_day(feature.minimum)} to {_day(feature.maximum)}"
    return f"{_short(feature.minimum)} to {_short(feature.maximum)}"


def _short(value: float) -> str:
    # A year is no quantity: thousands are set apart from 10,000 on.
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"


def _day(number: float) -> str:
    return f"{datetime.fromtimestamp(number * 86400, UTC):%-d %b %Y}"
