"""A first-party algorithm is accepted as AWS documents it, and refused with one sentence otherwise."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from declaration import DeclarationError
from declaration.builtin import BuiltIn, Channel, catalog
from declaration.builtin.conditions import holds
from declaration.builtin.hyperparameters import Hyperparameter
from declaration.ranges import Categorical, Continuous, Integer, Range
from tests.unit.declaration.builtin_samples import IMAGES, JUMPSTART, SAMPLES, built


def refused(make: Callable[[], object]) -> list[str]:
    with pytest.raises(DeclarationError) as caught:
        make()
    return [str(problem) for problem in caught.value.problems]


def the_refusal(make: Callable[[], object]) -> str:
    """The only sentence of a refusal."""
    sentences = refused(make)
    assert len(sentences) == 1, sentences
    assert "\n" not in sentences[0]
    return sentences[0]


@pytest.mark.parametrize("name", SAMPLES)
def test_a_valid_declaration_is_accepted_and_survives_its_own_notation(name: str) -> None:
    algorithm = built(name)
    assert all(isinstance(each, str | int | float) for each in algorithm.hyperparameters.values())
    # What stands in the request is taken again as it is.
    assert replace(algorithm, instances=1) == algorithm
    assert isinstance(hash(algorithm), int)


def test_every_algorithm_has_a_sample() -> None:
    assert {built(name).name for name in SAMPLES} == set(catalog.names())


REQUIRED = [
    (name, required)
    for name in SAMPLES
    for required, each in built(name).algorithm.hyperparameters.items()
    if each.required or (each.required_if and required in SAMPLES[name]["hyperparameters"])
]


@pytest.mark.parametrize(("name", "required"), REQUIRED)
def test_a_missing_required_hyperparameter_is_named(name: str, required: str) -> None:
    rest = {key: each for key, each in SAMPLES[name]["hyperparameters"].items() if key != required}
    sentences = refused(lambda: BuiltIn(**SAMPLES[name] | {"hyperparameters": rest}))
    full = built(name).name
    # A mode that is missing also leaves open which of the others have a meaning.
    assert any(each.startswith(f'BuiltIn "{full}", {required}: nothing was given') for each in sentences)


def wrong_values(each: Hyperparameter) -> Iterator[Any]:
    """Values beside what a hyperparameter takes: another type, another word, outside its bounds."""
    yield from (None, {"a": 1}, object())
    if each.type != "text" or each.values or each.pattern:
        yield "§"
    if each.type == "text":
        yield 5
    if each.type == "boolean":
        yield from (1, 0)
    if each.type in ("integer", "number"):
        yield from (True, "1")
        yield from (() if each.min is None else (each.min - 1,))
        yield from (() if each.max is None else (each.max + 1,))
        yield from (() if each.above is None else (each.above,))
        yield from (() if each.below is None else (each.below,))
        if each.values:
            yield 10_000
    if each.type == "integer":
        yield 2.5
    if each.type == "list":
        yield from ([], [[1]], [object()])


WRONG = [
    (name, key, value)
    for name in SAMPLES
    for key, each in built(name).algorithm.hyperparameters.items()
    for value in wrong_values(each)
    if value not in each.also or isinstance(value, bool)
    if holds(each.only_if, SAMPLES[name]["hyperparameters"])
]


def test_a_wrong_value_of_any_hyperparameter_is_refused_with_one_sentence() -> None:
    assert len(WRONG) > 2_000
    for name, key, value in WRONG:
        sentences = refused(partial(built, name, {key: value}))
        where = f'BuiltIn "{built(name).name}", {key}: '
        found = [each for each in sentences if each.startswith(where)]
        assert len(found) == 1, (name, key, value, sentences)
        assert "it must be" in found[0]


EDGES = [
    (name, key, edge)
    for name in SAMPLES
    for key, each in built(name).algorithm.hyperparameters.items()
    if holds(each.only_if, SAMPLES[name]["hyperparameters"]) and each.type in ("integer", "number")
    for edge in (each.min, each.max, *each.also, *each.values)
    if edge is not None
]


def test_the_bounds_themselves_are_accepted() -> None:
    assert len(EDGES) > 300
    for name, key, edge in EDGES:
        assert built(name, {key: edge}).hyperparameters[key] == edge


REFUSED: list[tuple[Callable[[], object], str, str]] = [
    (lambda: BuiltIn("kmean"), 'BuiltIn "kmean", name: ', "did you mean 'kmeans'?"),
    (lambda: built("kmeans", {"kk": 1}), "'kk': 1 was given, but kmeans has no such", "did you mean 'k'?"),
    (lambda: built("kmeans", {"k": "10"}), "'10' was given", "write 10 without quotation marks."),
    (lambda: built("kmeans", {"k": 10.0}), "a whole number from 1 up", "write 10."),
    (lambda: built("kmeans", {"init_method": "kmean++"}), "'kmeans++'", "did you mean 'kmeans++'?"),
    (lambda: built("xgboost", {"eval_metric": ["acu"]}), "eval_metric", "did you mean 'auc'?"),
    (lambda: built("xgboost", {"objective": "multi:softmax"}), "if objective is multi:softmax", "num_class"),
    (
        lambda: built("knn", {"dimension_reduction_type": "sign"}),
        "dimension_reduction_target: nothing",
        "add",
    ),
    (
        lambda: built("linear-learner", {"momentum": 2}),
        "a number from 0 to 1 or 'auto'",
        "\"momentum\": 'auto'",
    ),
    (lambda: built("linear-learner", {"use_bias": "TRUE"}), "True or False", "write True."),
    (
        lambda: built("blazingtext, words", {"word_ngrams": 2}),
        "only if mode is supervised",
        "leave word_ngrams",
    ),
    (lambda: built("semantic-segmentation", {"lr_scheduler": "step"}), "lr_scheduler_step: nothing", "add"),
    (lambda: built("seq2seq", {"rnn_num_hidden": 3}), "an even whole number from 2 up", "1024"),
    (lambda: built("forecasting-deepar", {"time_freq": "5x"}), "followed by M, W, D, H or min", "AWS's page"),
    (
        lambda: BuiltIn("kmeans", [10]),  # type: ignore[arg-type]
        "hyperparameters: [10]",
        "dict of hyperparameters",
    ),
    (
        lambda: built("kmeans", channels=None),
        "channels: nothing was given",
        '{"train": "s3://bucket/train/"}',
    ),
    (lambda: built("kmeans", channels=3), "channels: 3", "a dict of channel names"),
    (
        lambda: built("kmeans", channels={"train": "s3://data/", "tests": "s3://data/"}),
        "reads the",
        "'test'?",
    ),
    (lambda: built("kmeans", channels={"train": "data/train"}), "channels['train']: 'data/train'", "s3://"),
    (lambda: built("kmeans", channels={"train": 7}), "an S3 address such as s3://", "write for example"),
    (
        lambda: built("kmeans", channels={"train": Channel("s3://data/", content_type="text/cvs")}),
        "content_type: 'text/cvs'",
        "did you mean 'text/csv'?",
    ),
    (
        lambda: built(
            "seq2seq",
            channels={n: Channel("s3://data/", mode="Pipe") for n in ("train",)}
            | {"validation": "s3://data/", "vocab": "s3://data/"},
        ),
        "mode: 'Pipe'",
        'mode="File"',
    ),
    (
        lambda: built("blazingtext, words", channels={"train": "s3://data/", "validation": "s3://data/"}),
        "read only if mode is supervised",
        "leave it out",
    ),
    (
        lambda: BuiltIn(**SAMPLES["image-classification, files"] | {"hyperparameters": IMAGES}),
        "resize: nothing was given, but image-classification needs a whole number from 1 up with the channel",
        'add "resize"',
    ),
    (lambda: built("image-classification", on="cpu"), "learns on GPUs alone", "leave on out"),
    (
        lambda: built("seq2seq", instance="ml.m5.xlarge"),
        "GPUs alone, of the families p2, p3",
        "leave instance",
    ),
    (lambda: built("linear-learner", instance="ml.p4d.24xlarge"), "families p2, p3, g4dn or g5", "of them"),
    (lambda: built("lda", on="gpu"), "learns on CPUs alone", "leave on out"),
    (lambda: built("randomcutforest", instance="ml.g5.xlarge"), "CPUs alone", "leave instance out"),
    (lambda: built("lda", instances=2), "learns on one instance", "instances=1"),
    (lambda: built("blazingtext", instances=2), "learns on one instance", "instances=1"),
    (lambda: built("xgboost", on="gpu", instances=2), "learns on one instance", "instances=1"),
    (lambda: built("lightgbm", jumpstart=None), "jumpstart: nothing was given", "JumpStart(image="),
    (lambda: built("kmeans", jumpstart=JUMPSTART), "an image of its own", "leave jumpstart out"),
]


@pytest.mark.parametrize(("make", "said", "fix"), REFUSED)
def test_a_refusal_is_one_sentence_with_the_fix(make: Callable[[], object], said: str, fix: str) -> None:
    sentence = the_refusal(make)
    assert said in sentence
    assert fix in sentence


@given(st.dictionaries(st.text(max_size=8), st.none() | st.booleans() | st.floats() | st.text(max_size=8)))
def test_whatever_is_given_the_answer_is_a_declaration_or_sentences(hyperparameters: dict[str, Any]) -> None:
    try:
        BuiltIn("xgboost", {"num_round": 10, **hyperparameters})
    except DeclarationError as error:
        assert all("\n" not in str(problem) for problem in error.problems)


def test_ranges_for_tuning_are_held_against_the_hyperparameters() -> None:
    algorithm = built("xgboost")
    good: dict[str, Range] = {
        "max_depth": Integer(3, 10),
        "eta": Continuous(0.1, 0.3),
        "booster": Categorical("gbtree", "dart"),
    }
    assert not list(algorithm.range_problems("tune.ranges", good))
    bad: dict[str, Range] = {
        "depth": Integer(1, 2),
        "max_depth": Continuous(1, 2),
        "eta": Continuous(0.1, 3),
        "booster": Categorical("x"),
    }
    assert [str(each).split(" was given")[0] for each in algorithm.range_problems("tune.ranges", bad)] == [
        "tune.ranges['depth']: Integer(low=1, high=2, scale='linear')",
        "tune.ranges['max_depth']: Continuous(low=1.0, high=2.0, scale='linear')",
        "tune.ranges['eta']: Continuous(low=0.1, high=3.0, scale='linear')",
        "tune.ranges['booster']: Categorical('x')",
    ]
