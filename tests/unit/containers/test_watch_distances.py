"""What the distances of two samples obey, and the rule that judges them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats  # type: ignore[import-untyped]

from watch import distances
from watch.verdict import Test, judge

SEEDS = st.integers(0, 2**32 - 1)
COUNTS = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 500), min_size=2)


def normal(seed: int, rows: int, mean: float = 0.0) -> distances.Array:
    return np.random.default_rng(seed).normal(mean, 1, rows)


def test_equal_samples_are_not_apart() -> None:
    values = normal(0, 2000)
    found = distances.numbers(values, values)
    assert found is not None
    assert found.ks == 0
    assert found.p == 1
    assert -0.05 < found.psi < 0


@settings(max_examples=30)
@given(SEEDS)
def test_the_index_of_samples_of_one_distribution_is_small_however_few_they_are(seed: int) -> None:
    values = normal(seed, 20_200)
    for rows in (100, 200):
        found = distances.numbers(values[:20_000], values[20_000 : 20_000 + rows])
        assert found is not None
        # About (a chi-square of 19 degrees - 19) / rows.
        assert found.psi < 60 / rows


def test_the_index_has_the_mean_zero_where_nothing_changed() -> None:
    chance = np.random.default_rng(0)
    found = [
        distances.psi(chance.multinomial(20_000, [0.05] * 20), chance.multinomial(500, [0.05] * 20))
        for _ in range(400)
    ]
    spread = np.std(found) / np.sqrt(len(found))
    # Half a value in each bin draws it a little to zero.
    assert abs(np.mean(found)) < 4 * spread + 0.003


@settings(max_examples=50)
@given(SEEDS, st.floats(0.1, 3))
def test_what_is_apart_stays_so_on_any_scale(seed: int, mean: float) -> None:
    one, other = normal(seed, 1000), normal(seed + 1, 500, mean)
    plain = distances.numbers(one, other)
    stretched = distances.numbers(np.exp(one), np.exp(other))
    assert plain is not None
    assert stretched is not None
    assert stretched.ks == pytest.approx(plain.ks, abs=0.005)
    assert stretched.psi == pytest.approx(plain.psi, abs=0.02)


def test_a_client_that_rounds_to_float32_has_not_drifted() -> None:
    values = np.random.default_rng(0).integers(0, 50, 2000) / 10
    rounded = values.astype(np.float32).astype(float)
    found = distances.numbers(values, rounded)
    assert found is not None
    assert found.ks == 0


def test_a_column_that_was_constant_shows_new_values_on_either_side() -> None:
    constant = np.full(1000, 3.5)
    for other in (2.0, 5.0):
        found = distances.numbers(constant, np.where(np.arange(1000) % 5 == 0, other, 3.5))
        assert found is not None
        assert found.psi > 0.3
        assert found.p < 1e-6


def test_few_values_say_nothing() -> None:
    few = np.array([1.0] * 49 + [np.nan] * 1000)
    assert distances.numbers(normal(0, 1000), few) is None
    assert distances.categories({"a": 1000}, {"a": 49}) is None


@given(COUNTS, COUNTS, st.floats(0, 0.2))
def test_the_order_of_categories_does_not_matter(
    before: dict[str, int], now: dict[str, int], unseen: float
) -> None:
    found = distances.categories(before, now, unseen)
    turned = distances.categories(dict(reversed(before.items())), dict(reversed(now.items())), unseen)
    if found is None or turned is None:
        assert found is turned
    else:
        assert turned.psi == pytest.approx(found.psi)
        assert turned.p == pytest.approx(found.p)
        assert 0 <= found.p <= 1


def test_expected_new_categories_are_no_change() -> None:
    before = {"a": 900, "b": 900}
    now = {"a": 900, "b": 900, "c": 90}
    surprising, expected = distances.categories(before, now), distances.categories(before, now, 0.05)
    assert surprising is not None
    assert expected is not None
    assert surprising.psi > 0.1 > expected.psi
    assert distances.unknown(90, 1890, 0.05, 1800) > 0.1
    assert distances.unknown(90, 1890, 0.0, 1800) < 1e-9


@given(st.integers(1, 300), st.integers(1, 300), st.data())
def test_missing_values_are_compared_exactly(rows: int, asked: int, data: st.DataObject) -> None:
    before, now = data.draw(st.integers(0, rows)), data.draw(st.integers(0, asked))
    p = distances.missing(before, rows, now, asked)
    assert 0 <= p <= 1
    assert p == pytest.approx(distances.missing(now, asked, before, rows))


@settings(max_examples=25)
@given(SEEDS)
def test_what_is_usual_is_the_furthest_of_the_own_blocks(seed: int) -> None:
    blocks = np.repeat(np.arange(10), 300)
    values = normal(seed, 3000) + (blocks == 4) * 2

    def apart(one: distances.Array, other: distances.Array) -> float | None:
        found = distances.numbers(one, other)
        return found.ks if found else None

    usual = distances.natural(values, blocks, apart)
    assert usual == apart(values[blocks != 4], values[blocks == 4])
    assert distances.natural(values[blocks < 7], blocks[blocks < 7], apart) is None


def one(p: float, **more: float | None) -> Test:
    given = {"effect": 1.0, "least": 0.1, "far": 1.0, "natural": None, **more}
    return Test("x", "values", p, **given)  # type: ignore[arg-type]


def test_a_change_must_be_improbable_large_and_unusual() -> None:
    assert judge([one(1e-9)], 0.01)[0].drifted
    assert judge([one(1e-9, natural=0.5)], 0.01)[0].drifted
    assert not judge([one(0.02)], 0.01)[0].drifted
    assert not judge([one(1e-9, effect=0.09)], 0.01)[0].drifted
    assert not judge([one(1e-9, far=0.5, natural=0.5)], 0.01)[0].drifted
    assert judge([], 0.01) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40), st.floats(0.0001, 0.2))
def test_a_verdict_on_many_is_never_easier_than_on_one(chances: list[float], alpha: float) -> None:
    outcomes = judge([one(p) for p in chances], alpha)
    for p, outcome in zip(chances, outcomes, strict=True):
        assert outcome.adjusted >= p
        assert outcome.drifted <= judge([one(p)], alpha)[0].drifted
    if all(p > alpha for p in chances):
        assert not any(outcome.drifted for outcome in outcomes)


def test_many_columns_that_hang_together_do_not_add_up() -> None:
    chance, alpha, alarms = np.random.default_rng(0), 0.05, 0
    for _ in range(500):
        common = chance.normal()
        shifted = 0.8 * common + 0.6 * chance.normal(size=30)
        chances = 2 * stats.norm.sf(np.abs(shifted))
        alarms += any(outcome.drifted for outcome in judge([one(p) for p in chances], alpha))
    # Without the adjustment about half of these looks would raise an alarm.
    assert alarms / 500 <= alpha
