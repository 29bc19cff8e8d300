"""The Bayesian search: better than chance, within the ranges, and the same for the same seed."""

from collections.abc import Callable, Mapping
from statistics import median
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from local.sagemaker.tuning.plan import Plan, plan
from local.sagemaker.tuning.search import Known, suggest
from tests.unit.local.sagemaker.quick_training import number, tuning_request


def ranges(**kinds: list[dict[str, Any]]) -> dict[str, Any]:
    return {"ParameterRanges": {f"{kind}ParameterRanges": items for kind, items in kinds.items()}}


SPACE = ranges(
    Continuous=[
        number("eta", 0.001, 1, "Logarithmic"),
        number("share", 0, 1),
    ],
    Integer=[number("depth", 1, 12)],
    Categorical=[{"Name": "kind", "Values": ["good", "bad"]}],
)
Score = Callable[[Mapping[str, str]], float]


def made(**config: Any) -> Plan:
    return plan(tuning_request(**{**SPACE, **config}))


def bowl(texts: Mapping[str, str]) -> float:
    eta, share, depth = float(texts["eta"]), float(texts["share"]), int(texts["depth"])
    far = (eta / 0.03 - 1) ** 2 / (eta / 0.03) + 4 * (share - 0.7) ** 2 + (depth - 5) ** 2 / 20
    return -far - (texts["kind"] == "bad")


def search(chosen: Plan, score: Score = bowl, trials: int = 25, parallel: int = 4) -> list[Known]:
    found: list[Known] = []
    for trial in range(trials):
        told = max(0, trial - parallel + 1)
        earlier = [*found[:told], *(Known(known.texts) for known in found[told:])]
        texts = suggest(chosen, trial, earlier)
        found.append(Known(texts, score(texts)))
    return found


def best(found: list[Known]) -> float:
    return max(known.gain for known in found if known.gain is not None)


def test_it_finds_better_hyperparameters_than_chance() -> None:
    seeds = range(5)
    ours = [best(search(made(RandomSeed=seed))) for seed in seeds]
    chance = [best(search(made(RandomSeed=seed, Strategy="Random"))) for seed in seeds]
    assert median(ours) > median(chance)
    assert sum(mine > theirs for mine, theirs in zip(ours, chance, strict=True)) >= 4


def test_the_same_seed_tries_the_same_and_another_seed_something_else() -> None:
    first, second = made(RandomSeed=1), made(RandomSeed=2)
    assert search(first, trials=10) == search(first, trials=10) != search(second, trials=10)


def test_nothing_is_tried_twice_while_there_is_something_new() -> None:
    few = ranges(
        Integer=[number("n", 1, 4)],
        Categorical=[{"Name": "kind", "Values": ["a", "b", "c"]}],
    )
    chosen = plan(tuning_request(RandomSeed=0, **few))
    start = [Known({"n": "1", "kind": kind}, 0.0) for kind in "abc"]
    earlier = start + [Known({"n": "2", "kind": kind}, 1.0) for kind in "abc"]
    for _ in range(6):
        texts = suggest(chosen, len(earlier), earlier)
        assert texts not in [known.texts for known in earlier]
        earlier.append(Known(texts, 2.0))
    assert suggest(chosen, len(earlier), earlier)


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.one_of(st.none(), st.floats(-1e300, 1e300), st.just(1.0)), min_size=6, max_size=12),
    st.integers(0, 2**32 - 1),
)
def test_any_objectives_lead_to_hyperparameters_of_the_ranges(gains: list[float | None], seed: int) -> None:
    chosen = made(RandomSeed=seed)
    start = search(chosen, trials=6)
    earlier = [Known(start[trial % 6].texts, gain) for trial, gain in enumerate(gains)]
    texts = suggest(chosen, len(earlier), earlier)
    assert all(parameter.value(texts[parameter.name]) is not None for parameter in chosen.space)
