"""The search itself: which hyperparameters to try next.

Bayesian search asks a Gaussian process, as AWS does; random trials and those of Hyperband are Optuna's.
Each suggestion is a function of the seed, the number of the trial and what is known of earlier trials, and of
nothing else: the same after a crash, and whatever the timing.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from local.sagemaker.tuning.plan import Plan
from local.sagemaker.tuning.ranges import Category, Number, Parameter, Space, Value

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial

_SPREAD, _LEAST_KNOWN = 6, 2
"""Trials of the start, and results that a model needs. Measured on surrogates of four real problems: of 96
searches of 30 trials, four at once, 68 end better than with Optuna's defaults, which wait for each result."""
_CANDIDATES = 96
"""For each trial of Hyperband."""
Texts = Mapping[str, str]
"""The tuned hyperparameters of a trial, as texts."""


@dataclass(frozen=True)
class Known:
    """An earlier trial: `gain` None while it runs, `epochs` that it had when a rule stopped it, else None."""

    texts: Texts
    gain: float | None = None
    epochs: int | None = None


def learns(plan: Plan) -> bool:
    """Whether a suggestion depends on the results of earlier trials."""
    return plan.strategy in ("Bayesian", "Hyperband")


def suggest(plan: Plan, number: int, earlier: Sequence[Known]) -> dict[str, str]:
    """The hyperparameters of the trial with that number (from 0), as texts."""
    if plan.strategy == "Grid":
        return _cell(plan.space, number)
    # What parent jobs have found is a better start than an even spread.
    if learns(plan) and number < _SPREAD and len(earlier) <= number:
        return _spread(plan, number)
    if plan.strategy == "Bayesian":
        return _promising(plan, number, earlier)
    # Optuna takes a quarter of a second to import, which only those pay who need it.
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    space = {parameter.name: _distribution(parameter) for parameter in plan.space}
    study = optuna.create_study(direction="maximize", sampler=_sampler(plan, number))
    study.add_trials([trial for known in earlier if (trial := _frozen(plan.space, space, known))])
    chosen = study.ask(space).params
    return {parameter.name: _text(parameter, chosen[parameter.name]) for parameter in plan.space}


def _promising(plan: Plan, number: int, earlier: Sequence[Known]) -> dict[str, str]:
    """What a Gaussian process expects the most of, and has not been tried."""
    import numpy as np

    from local.sagemaker.tuning import gaussian

    inside = [(known, point) for known in earlier if (point := _point(plan.space, known.texts))]
    told = [(point, known.gain) for known, point in inside if known.gain is not None]
    if len(told) < _LEAST_KNOWN:
        return _spread(plan, number)
    choices = [len(each.values) if isinstance(each, Category) else 0 for each in plan.space]
    running = [point for known, point in inside if known.gain is None]
    candidates = gaussian.ranked(
        np.random.default_rng([plan.seed, number]),
        np.array([point for point, _ in told]),
        np.array([gain for _, gain in told]),
        np.array(running).reshape(len(running), len(choices)),
        choices,
    )
    tried = [{each.name: known.texts[each.name] for each in plan.space} for known, _ in inside]
    proposed = (_texts(plan.space, candidate) for candidate in candidates)
    return next((texts for texts in proposed if texts not in tried), _texts(plan.space, candidates[0]))


def _texts(space: Space, shares: Iterable[float]) -> dict[str, str]:
    """The hyperparameters at these shares."""
    return {each.name: each.text(each.at(float(share))) for each, share in zip(space, shares, strict=True)}


def _point(space: Space, texts: Texts) -> list[float] | None:
    """The shares of a trial's hyperparameters; None for one of a parent job that lies outside the space."""
    values = [each.value(texts[each.name]) if each.name in texts else None for each in space]
    if any(value is None for value in values):
        return None
    return [each.share(value) for each, value in zip(space, values, strict=True) if value is not None]


def _sampler(plan: Plan, number: int) -> "BaseSampler":
    from optuna.samplers import RandomSampler, TPESampler

    seed = int(_random(plan.seed, number) * 2**32)
    if not learns(plan):
        return RandomSampler(seed)
    return TPESampler(
        multivariate=True,
        constant_liar=True,
        n_startup_trials=_SPREAD,
        n_ei_candidates=_CANDIDATES,
        seed=seed,
    )


def _spread(plan: Plan, number: int) -> dict[str, str]:
    """A trial of the start: the R sequence, from a point that the seed gives.

    extremelearning.com.au/unreasonable-effectiveness-of-quasirandom-sequences; a few of its points leave
    smaller gaps than as many random ones.
    """
    ratio = 2.0
    for _ in range(50):  # the root of x**(d+1) = x + 1
        ratio = (1 + ratio) ** (1 / (len(plan.space) + 1))
    chosen = {}
    for axis, parameter in enumerate(plan.space):
        share = (_random(plan.seed, f"axis {axis}") + (number + 1) * ratio ** -(axis + 1)) % 1
        chosen[parameter.name] = parameter.text(parameter.at(share))
    return chosen


def _random(seed: int, what: object) -> float:
    """A number from 0 to 1 that depends on the seed and on what it is for."""
    digest = hashlib.sha256(f"{seed}/{what}".encode()).digest()
    return int.from_bytes(digest[:4], "big") / 2**32


def _cell(space: Space, number: int) -> dict[str, str]:
    """The cell of the grid with that number, the last hyperparameter changing fastest."""
    chosen = {}
    for parameter in reversed(space):
        values = parameter.values if isinstance(parameter, Category) else ()
        number, place = divmod(number, len(values))
        chosen[parameter.name] = values[place]
    return {parameter.name: chosen[parameter.name] for parameter in space}


def _frozen(
    space: Space, distributions: Mapping[str, "BaseDistribution"], known: Known
) -> "FrozenTrial | None":
    """The trial as Optuna keeps it; None for one of a parent job that lies outside the space."""
    from optuna.trial import TrialState, create_trial

    params: dict[str, Any] = {}
    for parameter in space:
        value = parameter.value(known.texts[parameter.name]) if parameter.name in known.texts else None
        if value is None:
            return None
        params[parameter.name] = _inside(parameter, value)
    made: dict[str, Any] = {"params": params, "distributions": dict(distributions)}
    if known.gain is None:
        return create_trial(state=TrialState.RUNNING, **made)
    if known.epochs is not None:
        return create_trial(state=TrialState.PRUNED, intermediate_values={known.epochs: known.gain}, **made)
    return create_trial(value=known.gain, **made)


def _distribution(parameter: Parameter) -> "BaseDistribution":
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(parameter, Category):
        return CategoricalDistribution(parameter.values)
    log = parameter.scale != "Linear"
    if parameter.integer:
        return IntDistribution(int(parameter.low), int(parameter.high), log=log)
    low, high = parameter.low, parameter.high
    if parameter.scale == "ReverseLogarithmic":
        low, high = 1 - high, 1 - low
    return FloatDistribution(low, high, log=log)


def _inside(parameter: Parameter, value: Value) -> Value:
    """The value on the axis that Optuna searches: reverse-logarithmic is logarithmic from the other side."""
    if isinstance(parameter, Number) and parameter.scale == "ReverseLogarithmic":
        return min(max(1 - float(value), 1 - parameter.high), 1 - parameter.low)
    return value


def _text(parameter: Parameter, chosen: Any) -> str:
    if isinstance(parameter, Number) and parameter.scale == "ReverseLogarithmic":
        chosen = min(max(1 - float(chosen), parameter.low), parameter.high)
    return parameter.text(chosen)
