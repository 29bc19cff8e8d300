"""Regrets and sign counts, by which the tuning benchmark judges."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.tuning.regret import Pairs, Scale, tail

# Eighths, which differ by more than rounding does.
numbers = st.integers(-8000, 8000).map(lambda eighths: eighths / 8)


def test_the_best_known_score_has_no_regret_and_a_typical_random_one_a_regret_of_one() -> None:
    scale = Scale.of([0.7, 0.9, 0.8], [0.6, 0.7, 0.8], maximize=True)
    assert scale.regret(0.9) == 0
    assert scale.regret(0.7) == pytest.approx(1)
    assert scale.regret(0.8) == pytest.approx(0.5)


def test_regret_of_an_error_counts_downwards() -> None:
    scale = Scale.of([12.0, 10.0, 14.0], [14.0, 12.0, 13.0], maximize=False)
    assert scale.regret(10) == 0
    assert scale.regret(11.5) == pytest.approx(0.5)


def test_a_data_set_on_which_nothing_can_be_found_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing is to be found"):
        Scale.of([1.0, 1.0, 0.9], [1.0, 1.0, 0.9], maximize=True)


@given(st.lists(numbers, min_size=3, unique=True), st.booleans())
def test_no_regret_is_below_zero(scores: list[float], maximize: bool) -> None:
    scale = Scale.of(scores, sorted(scores)[:2], maximize=maximize)
    if maximize:
        assert all(scale.regret(score) >= 0 for score in scores)


def test_pairs_count_wins_and_losses_and_leave_draws_out() -> None:
    pairs = Pairs([0.1, 0.2, 0.3, 0.4], [0.2, 0.2, 0.25, 0.9])
    assert (pairs.won, pairs.lost) == (2, 1)
    assert pairs.difference == pytest.approx(-0.05)
    assert not pairs.better
    assert not pairs.worse


def test_losing_always_is_worse_by_more_than_noise_and_losing_once_is_not() -> None:
    assert Pairs([0.2] * 10, [0.1] * 10).worse
    assert not Pairs([0.2], [0.1]).worse
    assert not Pairs([0.1] * 10, [0.1] * 10).worse


@pytest.mark.parametrize(
    ("tosses", "heads", "chance"), [(10, 0, 1.0), (10, 10, 2**-10), (4, 3, 5 / 16), (0, 0, 1.0)]
)
def test_the_tail_of_a_fair_coin(tosses: int, heads: int, chance: float) -> None:
    assert tail(tosses, heads) == pytest.approx(chance)


@given(st.lists(st.tuples(numbers, numbers), min_size=1))
def test_two_sides_are_not_both_worse(pairs: list[tuple[float, float]]) -> None:
    ours, theirs = zip(*pairs, strict=True)
    assert not (Pairs(ours, theirs).worse and Pairs(theirs, ours).worse)
