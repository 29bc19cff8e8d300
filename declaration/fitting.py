"""Where the parts of a project, each right alone, do not fit each other."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from typing import Any

from declaration.algorithms import Algorithm, BuiltIn, Forecast, LightGBM, XGBoost
from declaration.algorithms.hardware import Hardware
from declaration.code import Code
from declaration.data import Data
from declaration.errors import Problem, Refusal, one_of
from declaration.explain import shown
from declaration.gate import Gate
from declaration.metrics import metrics_for
from declaration.ranges import Categorical
from declaration.rollout import Linear
from declaration.tuning import MAX_RANGES, Tuning

_MAX_GATES = 10
# Only the first gate looks at the reigning model and at parts of the hold-out.
_FIRST_ALONE = ("margin", "confidence", "slices", "slice_tolerance", "fair")


def no_rollout(train: object) -> object:
    """The algorithm itself; refuses the rollout that has the name of a family of models."""
    if isinstance(train, Linear):
        rule = "Linear moves traffic to a new model and learns none"
        raise Refusal(rule, "did you mean ElasticNet()")
    return train


def algorithm(where: str, data: Data, train: Algorithm) -> Iterator[Problem]:
    """A problem that the algorithm does not learn, or data that its disk does not hold."""
    name = type(train).__name__
    if isinstance(train, BuiltIn):
        if train.reads_tables and not train.solves(data.problem):
            rule = f"with these hyperparameters it learns no {data.problem} problem"
            fix = f"change its hyperparameters or Data(..., problem={data.problem!r})"
            yield Problem(f"{where}, train", f'BuiltIn("{train.name}", ...)', rule, fix)
    else:
        learners = {"forecast": (Forecast,), "ranking": (XGBoost, LightGBM)}.get(data.problem)
        if learners and not isinstance(train, learners):
            able = one_of([f"{each.__name__}()" for each in learners])
            rule = f"a {data.problem} problem is learnt by {able}"
            yield Problem(f"{where}, train", f"{name}(...)", rule, f"write train={learners[0].__name__}()")
        elif isinstance(train, Forecast) and not learners:
            rule = f"it learns time series and the problem is {data.problem}"
            fix = 'write Data(..., problem="forecast", time=...) or choose another algorithm'
            yield Problem(f"{where}, train", "Forecast(...)", rule, fix)
    compute = train.compute
    if compute.local_disk_gb is not None and data.volume_gb > compute.local_disk_gb:
        rule = f"{compute.instance_type}, which trains, has local disks of {compute.local_disk_gb:,} GB alone"
        fix = f"write volume_gb={compute.local_disk_gb} or name a larger instance"
        yield Problem(f"{where}, data.volume_gb", f"{data.volume_gb:,}", rule, fix)


def gates(where: str, data: Data, given: Gate | Sequence[Gate]) -> Iterator[Problem]:
    """Gates that the data cannot answer, or that ask the same twice."""
    if isinstance(given, Gate):
        yield from _gate(f"{where}, gate", data, given)
        return
    if not 1 <= len(given) <= _MAX_GATES:
        rule = f"a project has 1 to {_MAX_GATES} gates"
        fix = 'write for example gate=Gate("auc", at_least=0.7)'
        yield Problem(f"{where}, gate", f"{len(given)} gates", rule, fix)
    for index, gate in enumerate(given):
        yield from _gate(f"{where}, gate[{index}]", data, gate)
        if gate.name in (earlier.name for earlier in given[:index]):
            rule = "another gate has that metric, and each may stand once"
            yield Problem(f"{where}, gate[{index}].metric", repr(gate.name), rule, "remove one of the two")
        if index:
            yield from _comparisons(f"{where}, gate[{index}]", gate)


def _gate(where: str, data: Data, gate: Gate) -> Iterator[Problem]:
    fitting = metrics_for(data.problem)
    if gate.function is None and gate.name not in fitting:
        rule = f"a {data.problem} problem is judged by {one_of(fitting)}"
        other = gate.judged_by.problems[0]
        fix = f'write Data(..., problem="{other}") or choose one of these metrics'
        yield Problem(f"{where}.metric", repr(gate.name), rule, fix)
    columns = [("slices", column) for column in gate.slices] + [("fair", each.column) for each in gate.fair]
    for field, column in columns:
        if column == data.target:
            rule = "the target is what is predicted, so it cannot divide the rows"
            yield Problem(f"{where}.{field}", repr(column), rule, "name another column")
        elif column in data.drop:
            fix = f"take {column!r} out of drop"
            yield Problem(f"{where}.{field}", repr(column), "Data drops that column", fix)
    if gate.fair and data.problem != "binary":
        rule = f"fairness is measured on yes or no, and the problem is {data.problem}"
        yield Problem(f"{where}.fair", shown(gate.fair), rule, "leave fair out, slices show every group")


def _comparisons(where: str, gate: Gate) -> Iterator[Problem]:
    defaults = {each.name: each.default for each in fields(Gate)}
    for name in _FIRST_ALONE:
        value = getattr(gate, name)
        if value != defaults[name]:
            rule = "only the first gate compares models and groups of rows, the others are thresholds"
            yield Problem(f"{where}.{name}", shown(value), rule, f"move {name} to the first gate")


def modules(where: str, code: Code | None) -> Iterator[Problem]:
    """Modules of the user's functions that would overwrite each other, as all travel in one folder."""
    names = [file.name for file in code.files] if code else []
    for name in sorted({name for name in names if names.count(name) > 1}):
        rule = "functions come from two files of that name, and all files travel in one folder"
        yield Problem(f"{where}, code", repr(name), rule, "rename one of the files")


def prediction(where: str, train: Algorithm, predict: Callable[..., Any] | None) -> Iterator[Problem]:
    """A function for requests, where another server than ours answers them."""
    if predict and train.family != "own":
        name = type(train).__name__
        rule = f"the model of {name} is served by its own image, which does not know of it"
        fix = "leave it out, and answer so in that image"
        yield Problem(f"{where}, endpoint.predict", shown(predict), rule, fix)


def tuning(where: str, train: Hardware, given: Tuning | None) -> Iterator[Problem]:
    """Ranges that the algorithm does not have, or a strategy that it cannot follow."""
    if given is None:
        return
    name = type(train).__name__
    ranges = given.ranges or train.ranges
    if not ranges:
        rule = f"{name} has no ranges of its own"
        fix = 'write for example tune=Tuning(30, ranges={"alpha": Continuous(0.001, 1.0, scale="log")})'
        yield Problem(f"{where}, tune", str(given.trials), rule, fix)
    if len(ranges) > MAX_RANGES:
        rule = f"SageMaker tunes at most {MAX_RANGES} hyperparameters"
        yield Problem(f"{where}, tune.ranges", f"{len(ranges)} ranges", rule, "keep those that matter most")
    yield from train.range_problems(f"{where}, tune.ranges", given.ranges)
    if given.strategy == "grid":
        yield from _grid(where, given)
    if given.strategy == "hyperband" and not train.iterative:
        rule = f"{name} learns in one go, so there is nothing that Hyperband could stop"
        yield Problem(f"{where}, tune.strategy", "'hyperband'", rule, 'write strategy="bayesian"')


def _grid(where: str, given: Tuning) -> Iterator[Problem]:
    loose = [name for name, each in given.ranges.items() if not isinstance(each, Categorical)]
    example = 'write for example ranges={"max_depth": Categorical(4, 6, 8)}'
    if loose or not given.ranges:
        rule = "a grid tries every listed value, so each range must be Categorical"
        yield Problem(f"{where}, tune.ranges", ", ".join(map(repr, loose)) or "nothing", rule, example)
    elif given.points is not None and given.points > given.trials:
        rule = f"the grid has {given.points:,} points"
        fix = f"write trials={given.points} or leave out values"
        yield Problem(f"{where}, tune.trials", str(given.trials), rule, fix)
