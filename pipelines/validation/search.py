"""The rules of a tuning job's search, which botocore's model does not know.

https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-how-it-works.html
https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-limits.html
"""

import math
from collections.abc import Iterator

from pipelines.validation.steps import Json, at, plain_items, texts_at

Found = Iterator[tuple[str, str]]

_MAX_PARALLEL = 100
_MAX_RANGES = 30
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_HyperbandStrategyConfig.html
_MAX_RESOURCE = 20_000
_CONFIG = "HyperParameterTuningJobConfig"
_NUMERIC = ("IntegerParameterRanges", "ContinuousParameterRanges")
_CATEGORICAL = "CategoricalParameterRanges"


def search_problems(request: Json) -> Found:
    """What is wrong with the strategy, the limits, the ranges and the objective."""
    config, definition = request[_CONFIG], request["TrainingJobDefinition"]
    names = list(_names(config))
    for place, problem in (
        *_limits(config),
        *_strategy(config, warm="WarmStartConfig" in request),
        *_ranges(config, names),
    ):
        yield f"{_CONFIG}.{place}", problem
    yield from _objective(config, definition)
    for name in names:
        if name in (at(definition, "StaticHyperParameters") or {}):
            yield "TrainingJobDefinition.StaticHyperParameters", f"{name!r} is also searched for"


def _limits(config: Json) -> Found:
    strategy, limits = at(config, "Strategy"), at(config, "ResourceLimits") or {}
    parallel, trials = limits.get("MaxParallelTrainingJobs"), limits.get("MaxNumberOfTrainingJobs")
    if isinstance(parallel, int) and parallel > _MAX_PARALLEL:
        yield "ResourceLimits.MaxParallelTrainingJobs", f"it is {parallel}, allowed are 1 to {_MAX_PARALLEL}"
    place = "ResourceLimits.MaxNumberOfTrainingJobs"
    if strategy == "Grid":
        categories = plain_items(at(config, "ParameterRanges", _CATEGORICAL))
        points = math.prod(len(each["Values"]) for each in categories)
        if isinstance(trials, int) and trials != points:
            yield place, f"it is {trials}, but the grid has {points} points"
    elif trials is None and isinstance(strategy, str):
        yield place, f"the strategy {strategy} needs it"


def _strategy(config: Json, *, warm: bool) -> Found:
    strategy = at(config, "Strategy")
    numeric = [kind for kind in _NUMERIC if at(config, "ParameterRanges", kind)]
    if strategy == "Grid" and numeric:
        yield f"ParameterRanges.{numeric[0]}", "the strategy Grid searches categorical ranges only"
    # https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-warm-start.html
    if warm and strategy in ("Grid", "Hyperband"):
        yield "Strategy", f"{strategy} takes no warm start"
    if strategy == "Hyperband":
        yield from _hyperband(config)
    elif "StrategyConfig" in config and isinstance(strategy, str):
        yield "StrategyConfig", f"the strategy {strategy} takes none"


def _hyperband(config: Json) -> Found:
    if at(config, "TrainingJobEarlyStoppingType") == "Auto":
        yield "TrainingJobEarlyStoppingType", "Hyperband stops trainings itself, so it must be Off"
    dealt = at(config, "StrategyConfig", "HyperbandStrategyConfig") or {}
    low, high = dealt.get("MinResource", 1), dealt.get("MaxResource")
    if high is None:
        yield "StrategyConfig", "the strategy Hyperband needs MaxResource, the most epochs of a trial"
    elif isinstance(low, int) and isinstance(high, int) and not low <= high <= _MAX_RESOURCE:
        place = "StrategyConfig.HyperbandStrategyConfig"
        yield place, f"it is {low} to {high}, allowed are 1 to {_MAX_RESOURCE:,}"


def _ranges(config: Json, names: list[str]) -> Found:
    if not 1 <= len(names) <= _MAX_RANGES:
        yield "ParameterRanges", f"it has {len(names)} hyperparameters, allowed are 1 to {_MAX_RANGES}"
    for name in dict.fromkeys(name for name in names if names.count(name) > 1):
        yield "ParameterRanges", f"{name!r} stands there {names.count(name)} times"
    for kind in _NUMERIC:
        for searched in plain_items(at(config, "ParameterRanges", kind)):
            yield from _interval(searched, f"ParameterRanges.{kind}[{searched['Name']!r}]")


def _interval(searched: Json, place: str) -> Found:
    """https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-define-ranges.html"""
    least, most, scale = searched["MinValue"], searched["MaxValue"], searched.get("ScalingType")
    if not isinstance(least, str) or not isinstance(most, str):
        return
    try:
        low, high = float(least), float(most)
    except ValueError:
        yield place, f"{least!r} to {most!r} are not two numbers"
        return
    if not low <= high:
        yield place, f"MinValue {low:g} is above MaxValue {high:g}"
    elif scale == "Logarithmic" and low <= 0:
        yield place, f"a logarithmic scale begins above 0, not at {low:g}"
    elif scale == "ReverseLogarithmic" and not 0 <= low <= high < 1:
        yield place, f"a reverse logarithmic scale lies in 0 <= x < 1, not {low:g} to {high:g}"


def _objective(config: Json, definition: Json) -> Found:
    """The service finds the objective by its regular expression; first-party images bring their own."""
    if "HyperParameterTuningJobObjective" not in config:
        yield _CONFIG, "HyperParameterTuningJobObjective is missing"
    known = list(texts_at(definition, "AlgorithmSpecification", "MetricDefinitions", "Name"))
    name = at(config, "HyperParameterTuningJobObjective", "MetricName")
    if known and isinstance(name, str) and name not in known:
        yield f"{_CONFIG}.HyperParameterTuningJobObjective", f"{name!r} is none of {', '.join(known)}"


def _names(config: Json) -> Iterator[str]:
    for kind in (*_NUMERIC, _CATEGORICAL, "AutoParameters"):
        yield from texts_at(at(config, "ParameterRanges", kind), "Name")
