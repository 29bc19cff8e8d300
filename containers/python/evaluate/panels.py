"""Which charts show how good a model is, by the kind of its problem."""

from dataclasses import dataclass

from markupsafe import Markup

from evaluate import binary, forecasts, other
from evaluate.contest import Contest


@dataclass(frozen=True)
class Panel:
    """One chart, what it tells, and its legend as (colour, text)."""

    title: str
    lead: str
    chart: Markup
    legend: tuple[tuple[str, str], ...] = ()
    wide: bool = False


def panels(contest: Contest, operating: binary.Operating | None) -> list[Panel]:
    """The charts in the order in which they are read."""
    if operating:
        return _binary(contest, operating)
    match contest.schema.problem:
        case "multiclass":
            return [Panel("Confusion", "Each row adds up to 100%", other.confusion(contest))]
        case "ranking":
            lead = "1 is the best order that the query's rows can have"
            return [Panel("Order within a query", lead, other.by_query(contest), wide=True)]
    return [
        *_forecast(contest),
        Panel(
            "Predicted against true",
            "On the diagonal the prediction is right",
            other.predicted_against_true(contest),
        ),
        Panel("Errors", "How far predictions are off", other.errors(contest)),
    ]


def _binary(contest: Contest, operating: binary.Operating) -> list[Panel]:
    rivals: tuple[tuple[str, str], ...] = (("challenger", "this model"),)
    if contest.champion:
        rivals = (*rivals, ("champion", "champion"))
    negative, positive = contest.schema.classes
    target = contest.schema.target
    sides = (("positive", f"{target} = {positive}"), ("negative", f"{target} = {negative}"))
    return [
        Panel("ROC", "Found positives against false alarms", binary.roc(contest, operating), rivals),
        Panel(
            "Precision and recall",
            "How many alarms are right, as more are found",
            binary.precision_recall(contest, operating),
            rivals,
        ),
        Panel("Calibration", "Does 30% mean three in ten?", binary.calibration(contest), rivals),
        Panel("Predictions by class", "The further apart, the better", binary.distribution(contest), sides),
    ]


def _forecast(contest: Contest) -> list[Panel]:
    drawn = forecasts.largest(contest) if contest.schema.problem == "forecast" else None
    if drawn is None:
        return []
    name, chart = drawn
    legend = [("observed", "actual"), ("challenger", "this model")]
    legend += [("champion", "champion")] if contest.champion else []
    lead = (
        f"{name}, the largest of the series"
        if contest.schema.series
        else "The hold-out, all forecast at once"
    )
    return [Panel("Actual and forecast", lead, chart, tuple(legend), wide=True)]
