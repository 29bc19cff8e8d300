"""Which columns move the prediction, and which way, on a sample of the hold-out.

SHAP values where the model gives them: Lundberg & Lee, A Unified Approach to Interpreting Model Predictions
(2017). Else by how much a metric falls when a column is shuffled: Breiman, Random Forests (2001), section 10.
"""

from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from evaluate.contest import Contest
from evaluate.metrics import LOWER_IS_BETTER, NAMES, Array, metrics
from tabular.artifact import Artifact
from tabular.encoding import Matrix

_SAMPLE = 1000
_SHOWN = 12
_DOTS = 360
_ROW, _LEFT, _RIGHT, _WIDTH = 34, 150, 12, 1080
_SHADES = 6


@dataclass(frozen=True)
class Importance:
    """A column's share of all movement; the shares of all columns add up to 1."""

    name: str
    share: float


@dataclass(frozen=True)
class Explanation:
    """Columns by importance, most important first, how it was measured, and each row's SHAP values if any."""

    importances: tuple[Importance, ...]
    measure: str
    swarm: Markup | None


def explain(contest: Contest) -> Explanation | None:
    """None for a model that only a batch transform can ask."""
    model = contest.challenger.model
    if model is None:
        return None
    step = max(1, -(-contest.holdout.height // _SAMPLE))
    encoded = contest.encoded[::step]
    contributions = model.model.contributions(encoded)
    if contributions is None:
        lost = _permuted(model, contest, encoded, step)
        return Explanation(
            _shares(contest, lost),
            f"Share of what {NAMES[contest.schema.problem][0]} loses when the column is shuffled",
            None,
        )
    order = _shares(contest, np.abs(contributions).mean(axis=0))
    # Sizes without a direction, as of several classes, make no swarm.
    signed = bool((contributions < 0).any())
    swarm = _swarm(order, contest, encoded, contributions) if signed else None
    return Explanation(order, "Share of all movement (mean |SHAP|)", swarm)


def _shares(contest: Contest, moved: Array) -> tuple[Importance, ...]:
    total = float(moved.sum()) or 1.0
    found = zip(contest.schema.names, (moved / total).tolist(), strict=True)
    return tuple(Importance(*each) for each in sorted(found, key=lambda each: (-each[1], each[0])))


def _permuted(model: Artifact, contest: Contest, encoded: Matrix, step: int) -> Array:
    problem, rows = contest.schema.problem, contest.challenger.rows
    name, chance = NAMES[problem][0], np.random.default_rng(0)
    units = None if rows.units is None else np.unique(rows.units[::step], return_inverse=True)[1]
    scale = None if rows.scale is None else rows.scale[::step]

    def value(matrix: Matrix) -> float:
        predicted = np.asarray(model.model.predict(matrix))
        return metrics(problem, rows.truth[::step], predicted, groups=units, scale=scale)[name]

    sign = -1 if name in LOWER_IS_BETTER else 1
    whole, lost = value(encoded), np.zeros(encoded.shape[1])
    for column in range(encoded.shape[1]):
        shuffled = encoded.copy()
        shuffled[:, column] = chance.permutation(shuffled[:, column])
        lost[column] = max(0.0, sign * (whole - value(shuffled)))
    return lost


def _swarm(order: tuple[Importance, ...], contest: Contest, encoded: Matrix, contributions: Array) -> Markup:
    """A row of dots per column: to the right they push the prediction up; dark dots are high values."""
    names = [each.name for each in order[:_SHOWN]]
    places = [contest.schema.names.index(name) for name in names]
    dots = slice(None, None, max(1, -(-len(encoded) // _DOTS)))
    values, pushes = encoded[dots][:, places], contributions[dots][:, places]
    reach = float(np.quantile(np.abs(pushes), 0.998)) or 1.0
    height = _ROW * len(names) + 30
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    parts = [
        Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="SHAP values">').format(_WIDTH, height),
        Markup('<line class="axis" x1="{0:.1f}" y1="4" x2="{0:.1f}" y2="{1}"/>').format(middle, height - 24),
    ]
    for row, name in enumerate(names):
        centre = _ROW * row + _ROW / 2 + 4
        parts.append(
            Markup('<line class="grid" x1="{}" y1="{:.1f}" x2="{}" y2="{:.1f}"/>').format(
                _LEFT, centre, _WIDTH - _RIGHT, centre
            )
        )
        parts.append(
            Markup('<text class="label" x="{}" y="{:.1f}" text-anchor="end">{}</text>').format(
                _LEFT - 12, centre + 4, name if len(name) <= 20 else f"{name[:19]}…"
            )
        )
        across = middle + np.clip(pushes[:, row] / reach, -1, 1) * (_WIDTH - _RIGHT - _LEFT) / 2
        up = centre - _spread(across)
        parts += _dots(across, up, _shade(values[:, row]))
    parts.append(
        Markup('<text class="label" x="{:.1f}" y="{}" text-anchor="middle">{}</text>').format(
            middle, height - 6, "pushes the prediction down  ←   → pushes it up"
        )
    )
    return Markup("").join(parts) + Markup("</svg>")


def _spread(across: Array) -> Array:
    """How far each dot is moved off the line, so that dots at the same place make a bulge."""
    bins = np.round(across / 4.5).astype(int)
    order = np.argsort(bins, kind="stable")
    _, first, counts = np.unique(bins[order], return_index=True, return_counts=True)
    number = np.empty(len(across), int)
    number[order] = np.arange(len(across)) - np.repeat(first, counts)
    tallest = max(1, int(counts.max()))
    step = min(3.2, (_ROW / 2 - 3) / ((tallest + 1) // 2))
    off: Array = np.where(number % 2 == 0, 1, -1) * ((number + 1) // 2) * step
    return off


def _shade(values: Array) -> Array:
    """0 for a missing value, else 1 (lowest) to _SHADES (highest) by rank."""
    known = ~np.isnan(values)
    shades = np.zeros(len(values), int)
    distinct, place = np.unique(values[known], return_inverse=True)
    shades[known] = 1 + np.round(place / max(1, len(distinct) - 1) * (_SHADES - 1)).astype(int)
    return shades


def _dots(across: Array, up: Array, shades: Array) -> list[Markup]:
    """One path per shade: lines of no length, whose round ends are the dots."""
    return [
        Markup('<path class="swarm shade{}" d="{}"/>').format(
            shade,
            "".join(f"M{x:.0f} {y:.1f}h0" for x, y in zip(across[chosen], up[chosen], strict=True)),
        )
        for shade in range(_SHADES + 1)
        if (chosen := shades == shade).any()
    ]
