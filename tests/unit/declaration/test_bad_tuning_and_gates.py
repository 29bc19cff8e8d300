"""Wrong tuning, gates, columns and functions, each refused with one sentence."""

# What mypy sees is a mistake here on purpose.
# mypy: disable-error-code="arg-type,list-item,call-arg,dict-item"

import functools
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from declaration import (
    Categorical,
    Continuous,
    Data,
    Fair,
    Gate,
    Integer,
    Project,
    RandomForest,
    Script,
    Tuning,
    XGBoost,
)
from tests.unit.declaration.refusals import Bad, refused_with

DATA = Data("y")
AUC = Gate("auc", at_least=0.7)
DEPTHS = {"max_depth": Categorical(*range(1, 20)), "eta": Categorical(0.1, 0.2)}


def project(**fields: Any) -> Project:
    return Project("p", **{"data": DATA, **fields})


def tuned(**ranges: Any) -> Project:
    return project(tune=Tuning(ranges=ranges))


def gate(**fields: Any) -> Gate:
    return Gate("auc", at_least=0.7, **fields)


def local(table: Any) -> Any:
    return table


def profit(truth: Any, predicted: Any) -> float:
    return float((truth * predicted).sum())


def accuracy(truth: Any, predicted: Any) -> float:
    return float((truth == predicted).mean())


BAD: list[Bad] = [
    # Data
    (lambda: Data("y", problem="ranking"), "Data, group", "nothing", "ranked together", "group='query'"),
    (lambda: Data("y", group="q"), "Data, group", "'q'", "a binary problem has no groups", '"ranking"'),
    (lambda: Data("y", problem="forecast"), "Data, time", "nothing", "orders the values", "time='day'"),
    (lambda: Data("y", series=["s"]), "Data, series", "('s',)", "has no series", '"forecast"'),
    (lambda: Data("y", problem="ranking", group="y"), "Data, group", "'y'", "the target cannot", "another"),
    (
        lambda: Data("y", problem="forecast", time="t", series=["t"]),
        "Data, series",
        "'t'",
        "the time cannot also tell series apart",
        "take 't' out of series",
    ),
    (
        lambda: Data("y", problem="forecast", time="t", series=["s", "s"]),
        "Data, series",
        "('s', 's')",
        "each column may stand once",
        "remove the repeated one",
    ),
    (lambda: Data("y", problem="forecast", time="t", series="s"), "series", "'s'", "a list", "['store']"),
    (
        lambda: Data("y", problem="ranking", group="q", drop=["q"]),
        "Data, drop",
        "'q'",
        "any column but the group",
        "take 'q' out of drop",
    ),
    (lambda: Data("y", problem="rank"), "Data, problem", "'rank'", "'forecast'", "did you mean 'ranking'?"),
    # Functions
    (lambda: Data("y", prepare="prepare"), "prepare", "'prepare'", "a function (table)", "features.prepare"),
    (
        lambda: Data("y", prepare=lambda table: table),
        "prepare",
        "<lambda>",
        "has no name",
        "write it with def",
    ),
    (lambda: Data("y", prepare=len), "prepare", "len", "a function (table)", "write def ...(table)"),
    (lambda: Data("y", prepare=refused_with), "prepare", "refused_with", "takes declare, where", "(table)"),
    (lambda: Data("y", prepare=statistics.mean), "prepare", "mean", "is a library", "of your own"),
    (lambda: Data("y", prepare=functools.partial(local)), "prepare", "partial", "a function (table)", "def"),
    (lambda: Gate(local, at_least=1), "Gate, metric", "local", "local takes table", "def local(truth, pre"),
    (lambda: Gate(accuracy, at_least=1), "Gate, metric", "accuracy", "is a metric already", "'accuracy'"),
    (lambda: Gate(profit), "Gate, at_least", "nothing", "either at_least or at_most", "Gate(profit, at_l"),
    (
        lambda: Gate(profit, at_least=1, at_most=2),
        "Gate, at_least",
        "at_most=2",
        "either at_least",
        "Gate(pr",
    ),
    (
        lambda: Data("y", prepare=profit),
        "prepare",
        "profit",
        "profit takes truth, predicted",
        "profit(table)",
    ),
    # Gate
    (lambda: Gate("ndgc", at_least=0.5), "Gate, metric", "'ndgc'", "'ndcg'", "did you mean 'ndcg'?"),
    (lambda: Gate("ndcg", at_most=1), "Gate, at_most", "1", "better when higher", "at_least=1"),
    (lambda: Gate("mase", at_least=1), "Gate, at_least", "1", "better when lower", "at_most=1"),
    (lambda: Gate("wape", at_most=-1), "Gate, at_most", "-1", "from 0 up", "choose a number"),
    (lambda: Gate("map"), "Gate, at_least", "nothing", "from 0 to 1", 'Gate("map", at_least=0.7)'),
    (lambda: Gate(5, at_least=1), "Gate, metric", "5", "a function (truth, predicted)", "metric='auc'"),
    (lambda: gate(confidence=90), "Gate, confidence", "90", "from 0.5 to 0.999", "confidence=0.9"),
    (lambda: gate(confidence=1), "Gate, confidence", "1", "from 0.5 to 0.999", "confidence=0.9"),
    (lambda: gate(slices="carrier"), "Gate, slices", "'carrier'", "a list", "['carrier']"),
    (lambda: gate(slices=["a", 5]), "Gate, slices[1]", "5", "a column name", "['carrier']"),
    (lambda: gate(slices=["a", "a"]), "Gate, slices", "('a', 'a')", "stand once", "remove one"),
    (lambda: gate(slices=list("abcdefghijk")), "Gate, slices", "11 columns", "at most 10", "matter most"),
    (lambda: gate(slice_tolerance=-1), "Gate, slice_tolerance", "-1", "from 0 up", "slice_tolerance=0.02"),
    (lambda: gate(fair=["sex"]), "Gate, fair[0]", "'sex'", "Fair(...)", "[Fair('sex'"),
    (lambda: gate(fair=Fair("sex", "equalized_odds")), "Gate, fair", "Fair(", "a list", "[Fair('sex'"),
    (
        lambda: gate(fair=[Fair("s", "equalized_odds"), Fair("s", "equalized_odds", at_most=0.2)]),
        "Gate, fair",
        "Fair(",
        "each column and measure may stand once",
        "remove the repeated one",
    ),
    (lambda: Fair("sex"), "Fair, measure", "nothing", "'equal_opportunity'", "measure='demographic_parity'"),
    (lambda: Fair("sex", "equal_odds"), "measure", "'equal_odds'", "'equalized_odds'", "mean 'equal"),
    (lambda: Fair("sex", "equalized_odds", at_most=2), "Fair, at_most", "2", "from 0 to 1", "at_most=0.1"),
    (lambda: Fair("sex", "equalized_odds", 0.2), "Fair, value 3", "0.2", "by name: column", "at_most=0.2"),
    (lambda: project(gate=[]), 'Project "p", gate', "0 gates", "1 to 10 gates", "gate=Gate("),
    (lambda: project(gate=[AUC, "f1"]), 'Project "p", gate[1]', "'f1'", "Gate(...)", "gate=Gate("),
    (
        lambda: project(gate=[AUC, Gate("rmse", at_most=5)]),
        "gate[1].metric",
        "'rmse'",
        "binary",
        '"regression"',
    ),
    (lambda: project(gate=[AUC, AUC]), "gate[1].metric", "'auc'", "may stand once", "remove one"),
    (
        lambda: project(gate=[AUC, Gate("f1", at_least=0.5, slices=["a"])]),
        'Project "p", gate[1].slices',
        "('a',)",
        "only the first gate compares",
        "move slices to the first gate",
    ),
    (
        lambda: project(gate=[AUC, Gate("f1", at_least=0.5, margin=0.1)]),
        'Project "p", gate[1].margin',
        "0.1",
        "only the first gate compares",
        "move margin to the first gate",
    ),
    (
        lambda: project(gate=gate(slices=["y"])),
        "gate.slices",
        "'y'",
        "the target is what is predicted",
        "ano",
    ),
    (
        lambda: project(data=Data("y", drop=["sex"]), gate=gate(fair=[Fair("sex", "equalized_odds")])),
        'Project "p", gate.fair',
        "'sex'",
        "Data drops that column",
        "take 'sex' out of drop",
    ),
    (
        lambda: project(
            data=Data("y", problem="regression"),
            gate=Gate("r2", at_least=0.5, fair=[Fair("sex", "equalized_odds")]),
        ),
        'Project "p", gate.fair',
        "Fair(",
        "the problem is regression",
        "leave fair out",
    ),
    (
        lambda: project(data=Data("y", problem="ranking", group="q"), gate=AUC),
        'Project "p", gate.metric',
        "'auc'",
        "a ranking problem is judged by ndcg or map",
        'problem="binary"',
    ),
    # Ranges
    (lambda: Continuous(1, 0.1), "Continuous, high", "0.1", "greater than low", "Continuous(0.1, 1"),
    (lambda: Continuous(0.1), "Continuous, high", "nothing", "a number", "high=0.3"),
    (lambda: Continuous(0, 1, scale="log"), "Continuous, low", "0", "no place for zero", 'scale="linear"'),
    (lambda: Continuous(0, 1, scale="reverse-log"), "scale", "'reverse-log'", "high < 1", '"linear"'),
    (
        lambda: Continuous(0, 1, scale="logarithm"),
        "scale",
        "'logarithm'",
        "'linear', 'log'",
        "scale='linear'",
    ),
    (lambda: Continuous("0", 1), "Continuous, low", "'0'", "a number", "low=0.01"),
    (lambda: Continuous(0, float("inf")), "Continuous, high", "inf", "a number", "high=0.3"),
    (lambda: Integer(1.5, 3), "Integer, low", "1.5", "a whole number", "low=3"),
    (lambda: Integer(3, 3), "Integer, high", "3", "greater than low, which is 3", "Categorical(3)"),
    (lambda: Integer(0, 3, scale="log"), "Integer, low", "0", "no place for zero", 'scale="linear"'),
    (lambda: Integer(0, 3, scale="reverse-log"), "scale", "'reverse-log'", "'linear' or 'log'", "'linear'"),
    (Categorical, "Categorical, values", "nothing", "at least one value", "Categorical("),
    (lambda: Categorical(["a", "b"]), "values[0]", "['a', 'b']", "a text, a number", "without a list"),
    (lambda: Categorical("a", "a"), "Categorical, values", "('a', 'a')", "may stand once", "remove"),
    (lambda: Categorical(*range(31)), "Categorical, values", "31 values", "at most 30", "leave some out"),
    (lambda: Categorical("x" * 257), "values[0]", "'xxx", "at most 256 characters", "shorten it"),
    # Tuning
    (lambda: Tuning(0), "Tuning, trials", "0", "from 1 to 750", "trials=30"),
    (lambda: Tuning(30, 4), "Tuning, value 2", "4", "by name: trials, parallel", "parallel=4"),
    (lambda: Tuning(parallel=101), "Tuning, parallel", "101", "from 1 to 100", "parallel=4"),
    (lambda: Tuning(strategy="bayes"), "Tuning, strategy", "'bayes'", "'hyperband'", "mean 'bayesian'?"),
    (lambda: Tuning(ranges={"a": (1, 2)}), "ranges['a']", "(1, 2)", "Integer(...)", "Integer(3, 10)"),
    (lambda: Tuning(ranges=[Integer(1, 2)]), "Tuning, ranges", "[Integer(", "a dict of names", "{"),
    (lambda: Tuning(ranges={5: Integer(1, 2)}), "Tuning, ranges[5]", "5", "a text", "Integer(3, 10)"),
    (lambda: Tuning(warm_start="a"), "Tuning, warm_start", "'a'", "a list", "['flights-tune-1']"),
    (lambda: Tuning(warm_start=["a_b"]), "warm_start[0]", "'a_b'", "letters, digits and hyphens", "tune-1"),
    (lambda: Tuning(warm_start=list("abcdef")), "warm_start", "6 tuning jobs", "at most 5", "keep the best"),
    (lambda: Tuning(warm_start=["a", "a"]), "warm_start", "('a', 'a')", "may stand once", "remove"),
    (lambda: project(tune=0), "tune", "0", "from 1 to 750 or Tuning(...)", "tune=30"),
    (lambda: project(tune=True), "tune", "True", "a whole number", "tune=30"),
    (lambda: project(tune="30"), "tune", "'30'", "a whole number", "tune=30"),
    (lambda: tuned(max_dept=Integer(1, 2)), "tune.ranges", "'max_dept'", "rounds, max_depth", "max_depth?"),
    (
        lambda: tuned(seed=Integer(1, 2)),
        "tune.ranges",
        "'seed'",
        "varies the hyperparameters",
        "leave it out",
    ),
    (lambda: tuned(max_depth=Integer(1, 99)), "['max_depth']", "99", "from 1 to 30", "narrow the range"),
    (lambda: tuned(max_depth=Continuous(1, 2.5)), "['max_depth']", "Continuous(", "whole", "Integer(1, 2)"),
    (lambda: tuned(eta=Continuous(0, 1)), "['eta']", "0.0", "greater than 0 and at most 1", "narrow"),
    (lambda: tuned(eta=Categorical(0.1, "a")), "['eta']", "'a'", "a number", "narrow the range"),
    (
        lambda: project(tune=Tuning(strategy="grid")),
        'Project "p", tune.ranges',
        "nothing",
        "each range must be Categorical",
        "Categorical(4, 6, 8)",
    ),
    (
        lambda: project(tune=Tuning(strategy="grid", ranges={"eta": Continuous(0.1, 1)})),
        'Project "p", tune.ranges',
        "'eta'",
        "each range must be Categorical",
        "Categorical(4, 6, 8)",
    ),
    (
        lambda: project(tune=Tuning(strategy="grid", ranges=DEPTHS)),
        'Project "p", tune.trials',
        "30",
        "the grid has 38 points",
        "trials=38",
    ),
    (
        lambda: project(train=RandomForest(), tune=Tuning(strategy="hyperband")),
        'Project "p", tune.strategy',
        "'hyperband'",
        "RandomForest learns in one go",
        'strategy="bayesian"',
    ),
    (
        lambda: project(train=Script(Path(__file__).name, framework="sklearn"), tune=30),
        'Project "p", tune',
        "30",
        "Script has no ranges of its own",
        "ranges={",
    ),
    (
        lambda: project(
            train=Script(Path(__file__).name, framework="sklearn"),
            tune=Tuning(ranges={f"x{i}": Integer(0, 9) for i in range(31)}),
        ),
        'Project "p", tune.ranges',
        "31 ranges",
        "at most 30 hyperparameters",
        "matter most",
    ),
]


@pytest.mark.parametrize(
    ("declare", "where", "given", "rule", "fix"), BAD, ids=[f"{i}-{bad[1]}" for i, bad in enumerate(BAD)]
)
def test_refused_with_one_sentence(
    declare: Callable[[], object], where: str, given: str, rule: str, fix: str
) -> None:
    refused_with(declare, where, given, rule, fix)


def test_a_tuning_never_runs_more_at_a_time_than_there_are() -> None:
    assert Tuning(2).parallel == 2
    assert project(train=XGBoost(), tune=3).tuning == Tuning(3, parallel=3)
