"""Where triggers, window and deployment, each right alone, do not fit the rest of the project."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from declaration.algorithms import Algorithm, BuiltIn
from declaration.algorithms.learner import Learner
from declaration.bounds import side_problems
from declaration.data import Data
from declaration.deployment import Deployment
from declaration.durations import spoken
from declaration.endpoint import Endpoint
from declaration.errors import Problem, one_of
from declaration.explain import shown
from declaration.gate import Gate
from declaration.metrics import metrics_for
from declaration.notify import Notified
from declaration.triggers import Every, OnNewData, Trigger
from declaration.watching import OnDrift, OnQuality
from declaration.window import Everything, Last, LearnFrom, WarmStart

# The algorithms whose models take up where they ended.
_GO_ON = ("XGBoost()", "LightGBM()", "MLP()")


def triggers(where: str, data: Data, train: Algorithm, given: Sequence[Trigger]) -> Iterator[Problem]:
    """Triggers that stand twice, or that count what the project does not read."""
    for kind in (OnNewData, OnDrift, OnQuality):
        if sum(isinstance(trigger, kind) for trigger in given) > 1:
            rule = f"a project heeds that in one way, so only one {kind.__name__} is allowed"
            yield Problem(where, shown(given), rule, "keep one of them")
    schedules = [trigger for trigger in given if isinstance(trigger, Every)]
    if len({each.schedule_expression for each in schedules}) < len(schedules):
        yield Problem(where, shown(schedules), "each schedule may stand once", "remove the repeated one")
    elif len({each.cooldown_seconds for each in schedules}) > 1:
        rule = "all schedules ask for the same training, so they have one cooldown"
        yield Problem(where, shown(schedules), rule, "write the same cooldown for each")
    for index, trigger in enumerate(given):
        if isinstance(trigger, OnNewData) and trigger.thresholds and _untabled(train):
            name = trigger.thresholds[0]
            rule = "its algorithm reads its own channels, so nobody knows how much in them is new"
            fix = "leave it out, every upload below data/ then starts a training"
            yield Problem(f"{where}[{index}].{name}", shown(getattr(trigger, name)), rule, fix)
        if isinstance(trigger, OnDrift):
            yield from _features(f"{where}[{index}].features", data, trigger)


def watching(
    where: str, data: Data, train: Algorithm, endpoint: object, given: Sequence[Trigger]
) -> Iterator[Problem]:
    """Triggers that watch calls which nobody records, or which the training says nothing about."""
    for index, trigger in enumerate(given):
        if not isinstance(trigger, OnDrift | OnQuality):
            continue
        name = type(trigger).__name__
        place, itself = f"{where}[{index}]", f"{name}(...)"
        yield from _unrecorded(place, itself, endpoint)
        if train.family != "own" and not (isinstance(train, BuiltIn) and train.reads_tables):
            learner = type(train).__name__
            rule = f"it reads the rows of calls, and what calls of {learner} hold only its own server knows"
            fix = "leave it out, OnNewData and Every work with every algorithm"
            yield Problem(place, itself, rule, fix)
        elif train.family != "own" and data.prepare is not None:
            rule = f"calls of {type(train).__name__} hold what {shown(data.prepare)} has made already"
            fix = "leave it or prepare out, or choose an algorithm of our image, which prepares calls itself"
            yield Problem(place, itself, rule, fix)


def _unrecorded(where: str, itself: str, endpoint: object) -> Iterator[Problem]:
    if not isinstance(endpoint, Endpoint):
        other = "nothing serves here" if endpoint is None else f"{type(endpoint).__name__} records none"
        fix = "write endpoint=Endpoint(calls_per_minute=...)"
        yield Problem(where, itself, f"it reads recorded calls and {other}", fix)
    elif endpoint.scale_to_zero:
        rule = "it reads recorded calls, and an endpoint that scales to zero records none"
        yield Problem(where, itself, rule, "leave scale_to_zero out")
    elif not endpoint.captures:
        rule = "it reads recorded calls, and capture_percent=0 records none"
        yield Problem(where, itself, rule, "write capture_percent=100")
    if getattr(endpoint, "predict", None) is not None:
        rule = "the answers are made by endpoint.predict, and only those of the model itself can be compared"
        yield Problem(where, itself, rule, "leave it or endpoint.predict out")


def _features(where: str, data: Data, trigger: OnDrift) -> Iterator[Problem]:
    for column in trigger.features:
        if column == data.target:
            rule = "the target is what is predicted, so no call has it"
            yield Problem(where, repr(column), rule, "leave it out, what is predicted is always compared")
        elif column in data.drop:
            yield Problem(where, repr(column), "Data drops that column", f"take {column!r} out of drop")
        elif column == data.time and data.problem == "forecast":
            rule = "time goes on, so no call of a forecast is like the training in it"
            yield Problem(where, repr(column), rule, "leave it out, what is predicted is always compared")
        elif column in (data.time, data.group):
            role = "orders" if column == data.time else "groups"
            rule = f"it only {role} the rows, and no model sees it"
            yield Problem(where, repr(column), rule, "leave it out")


def quality(where: str, data: Data, gates: Sequence[Gate], given: Sequence[Trigger]) -> Iterator[Problem]:
    """A metric that the problem does not have, a bound that is not there or that no model misses."""
    for index, trigger in enumerate(given):
        if not isinstance(trigger, OnQuality):
            continue
        place, gate = f"{where}[{index}]", trigger.judged_as(gates)
        metric = trigger.metric or (gate.metric if gate else None)
        if isinstance(metric, str) and metric not in metrics_for(data.problem):
            if trigger.metric is not None:
                rule = f"a {data.problem} problem is judged by {one_of(metrics_for(data.problem))}"
                yield Problem(f"{place}.metric", repr(metric), rule, "choose one of these metrics")
            continue
        if metric == "mase":
            # https://otexts.com/fpp3/accuracy.html: it is scaled by the steps of the training series.
            rule = "mase is an error over the steps of the series in training, which calls do not hold"
            fix = "write OnQuality('wape', at_most=...)"
            yield Problem(f"{place}.metric", "'mase'", rule, fix)
            continue
        problems = tuple(_bound(place, gate, trigger))
        yield from problems
        if not problems and metric is not None:
            yield from _unmissable(place, trigger.bound(gates))


def _bound(where: str, gate: Gate | None, trigger: OnQuality) -> Iterator[Problem]:
    if trigger.bounded and gate:
        yield from side_problems(f"{where}.", "OnQuality", gate.judged_by, trigger.at_least, trigger.at_most)
    elif not trigger.bounded and not gate and trigger.metric is not None:
        rule = f"no gate has the metric {shown(trigger.metric)}, so there is no bound to take from it"
        fix = f"write for example OnQuality({shown(trigger.metric)}, at_least=0.7), or at_most"
        yield Problem(f"{where}.at_least", "nothing", rule, fix)


def _unmissable(where: str, bound: Gate) -> Iterator[Problem]:
    metric = bound.judged_by
    side = "at_least" if metric.higher_is_better else "at_most"
    if bound.threshold == (metric.lowest if metric.higher_is_better else metric.highest):
        rule = f"no model is worse than that in {metric.name}, so nothing would ever happen"
        yield Problem(f"{where}.{side}", f"{bound.threshold:g}", rule, f"write OnQuality({side}=...)")


def looks(where: str, drift: OnDrift | None, given: OnQuality | None) -> Iterator[Problem]:
    """Two intervals for the one job that looks at calls and labels."""
    if drift and given and given.every is not None and given.look_seconds != drift.look_seconds:
        rule = "one job looks for both, so OnQuality has the interval of OnDrift"
        yield Problem(f"{where}, every", shown(given.every), rule, "leave every out of OnQuality")


def learnt_from(
    where: str, data: Data, train: Algorithm, *, tuned: bool, given: LearnFrom
) -> Iterator[Problem]:
    """A window over rows without time, and a warm start where no training goes on from a model."""
    name = type(given).__name__
    if given.span and given.by == "time" and data.time is None:
        fix = "write Data(..., time='day')"
        fix += ' or by="upload"' if isinstance(given, Last) else " or leave last out"
        rule = "the age of a row stands in the column that Data calls time, and there is none"
        yield Problem(where, shown(given), rule, fix)
    if _untabled(train) and not isinstance(given, Everything):
        rule = "its algorithm reads its own channels as they are"
        yield Problem(where, f"{name}(...)", rule, "leave it out")
    elif isinstance(given, WarmStart):
        if not (isinstance(train, Learner) and train.resumes):
            rule = f"only a model of {one_of(_GO_ON)} can be trained further"
            yield Problem(where, f"{name}(...)", rule, "write one of them or learn_from=Last(...)")
        if tuned:
            rule = "tuning compares trainings that begin from nothing"
            yield Problem(where, f"{name}(...)", rule, "leave tune or WarmStart out")


def deployed(where: str, deploy: Deployment, notify: Sequence[Notified]) -> Iterator[Problem]:
    """Links that nobody gets, and somebody who gets everything twice."""
    if deploy.link_seconds is not None and not notify:
        rule = "the link stands in the message about a new model, and nobody gets one"
        fix = "write notify='team@example.com'"
        valid = spoken(timedelta(seconds=deploy.link_seconds))
        yield Problem(f"{where}, deploy.link_valid", repr(valid), rule, fix)
    if len(set(notify)) < len(notify):
        rule = "each receiver may stand once"
        yield Problem(f"{where}, notify", shown(notify), rule, "remove the repeated one")


def _untabled(train: Algorithm) -> bool:
    return isinstance(train, BuiltIn) and not train.reads_tables
