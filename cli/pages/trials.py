"""The page of a tuning job: its history, where the good trials lie, and which hyperparameters mattered."""

import logging
import math
from collections.abc import Callable, Sequence
from itertools import accumulate
from pathlib import Path
from statistics import median

from markupsafe import Markup

from cli import output
from cli.pages import page
from cli.pages.charts import Axis, Chart, Upright, parallel, round_axis
from cli.tuning import Range, Trial, TuningJob

# With fewer trials the importances are noise.
FEWEST = 8


def write(file: Path, job: TuningJob) -> None:
    """Draw the trials that have a result, of which there must be one."""
    scored = [trial for trial in job.trials if trial.objective is not None]
    varied = [each for each in job.ranges if len({_text(trial, each) for trial in scored}) > 1]
    best = job.best
    page.write(
        file,
        "tuning.html",
        job=job,
        scored=len(scored),
        best=best,
        history=_history(job, scored),
        parallel=_parallel(job, varied, scored) if varied else None,
        importances=importances(job, varied, scored) if varied and len(scored) >= FEWEST else [],
    )


def importances(job: TuningJob, varied: Sequence[Range], scored: Sequence[Trial]) -> list[tuple[str, float]]:
    """What share of the variance between the trials each hyperparameter explains, the largest first.

    By functional ANOVA: Hutter, Hoos & Leyton-Brown, An Efficient Approach for Assessing Hyperparameter
    Importance (2014), as Optuna has it.
    """
    import optuna
    from optuna.distributions import (
        BaseDistribution,
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    def distribution(each: Range) -> BaseDistribution:
        if each.low is None or each.high is None:
            return CategoricalDistribution(each.values)
        if each.integer:
            return IntDistribution(int(each.low), int(each.high), log=each.logarithmic)
        return FloatDistribution(each.low, each.high, log=each.logarithmic)

    def value(each: Range, trial: Trial) -> str | int | float:
        text = _text(trial, each)
        if each.low is None or each.high is None:
            return text
        # A service rounds as it likes; Optuna wants its values within the range.
        number = min(max(float(text), each.low), each.high)
        return int(number) if each.integer else number

    optuna.logging.set_verbosity(logging.WARNING)
    study = optuna.create_study(direction="maximize" if job.maximize else "minimize")
    distributions = {each.name: distribution(each) for each in varied}
    for trial in scored:
        values = {each.name: value(each, trial) for each in varied}
        study.add_trial(
            optuna.trial.create_trial(params=values, distributions=distributions, value=trial.objective)
        )
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
    return list(optuna.importance.get_param_importances(study, evaluator=evaluator).items())


def _history(job: TuningJob, scored: Sequence[Trial]) -> Markup:
    """Each trial's objective, and the best so far; hopeless trials are drawn at the edge."""
    near = _near(job, scored)
    count = len(scored)
    marks = sorted({1, count, *range(5, count - 1, max(5, round(count / 40) * 5))})
    x = Axis(0.5, count + 0.5, "trial", [(mark, str(scored[mark - 1].number)) for mark in marks])
    chart = Chart(x, round_axis(min(near), max(near), job.metric), "Tuning history", width=1080, height=320)
    pick: Callable[[float, float], float] = max if job.maximize else min
    best = list(accumulate(near, pick))
    steps = [(1.0, best[0])]
    for place in range(1, count):
        steps += [(place + 1.0, best[place - 1]), (place + 1.0, best[place])]
    chart.line(steps, "two")
    winner = job.best
    for place, (trial, value) in enumerate(zip(scored, near, strict=True), start=1):
        css = "best" if winner and trial.name == winner.name else ""
        chart.dot((place, value), css, _title(trial))
    return chart.svg()


def _near(job: TuningJob, scored: Sequence[Trial]) -> list[float]:
    """Objectives no further from the best than six times the median is."""
    values = [trial.objective or 0.0 for trial in scored]
    best = max(values) if job.maximize else min(values)
    away = [abs(value - best) for value in values]
    reach = 6 * median(away) or max(away)
    return [min(max(value, best - reach), best + reach) for value in values]


def _parallel(job: TuningJob, varied: Sequence[Range], scored: Sequence[Trial]) -> Markup:
    near = _near(job, scored)
    low, high = min(near), max(near)
    heights = [(value - low) / ((high - low) or 1) for value in near]
    ends = Upright(job.metric, heights, ((0.0, f"{low:.4g}"), (1.0, f"{high:.4g}")))
    order = sorted(range(len(near)), key=lambda trial: job.quality(near[trial]))
    strengths = [0.0] * len(near)
    for rank, trial in enumerate(order):
        strengths[trial] = rank / max(1, len(order) - 1)
    return parallel(
        [*(_upright(each, scored) for each in varied), ends], strengths, [_title(trial) for trial in scored]
    )


def _upright(each: Range, scored: Sequence[Trial]) -> Upright:
    """The whole range that was searched, on its own scale."""
    texts = [_text(trial, each) for trial in scored]
    if each.low is None or each.high is None:
        last = max(1, len(each.values) - 1)
        places = [each.values.index(text) / last for text in texts]
        return Upright(each.name, places, [(n / last, value) for n, value in enumerate(each.values)])
    scale: Callable[[float], float] = math.log if each.logarithmic else float
    low, high = scale(each.low), scale(each.high)
    places = [(scale(float(text)) - low) / ((high - low) or 1) for text in texts]
    middle = math.exp((low + high) / 2) if each.logarithmic else (low + high) / 2
    ticks = ((0.0, f"{each.low:,.3g}"), (0.5, f"{middle:,.3g}"), (1.0, f"{each.high:,.3g}"))
    return Upright(each.name, places, ticks)


def _text(trial: Trial, each: Range) -> str:
    return trial.hyperparameters[each.name]


def _title(trial: Trial) -> str:
    values = ", ".join(f"{name}={value}" for name, value in trial.hyperparameters.items())
    return f"trial {trial.number}: {output.figure(trial.objective)} with {values}"
