"""What the algorithms share: bounds of hyperparameters, and the design of linear models and networks."""

from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from learners import ALGORITHMS, bounds, learner
from learners.arrays import packed, unpacked
from learners.dense import design, linked
from tabular.contract import DataError
from tabular.schema import Feature, Schema, Split

SCHEMA = Schema(
    "binary",
    "y",
    ("no", "yes"),
    None,
    (
        Feature("number", "number"),
        Feature("kind", "category", ("a", "b", "c")),
        Feature("flag", "boolean"),
        Feature("none", "category", ()),
    ),
    (),
    Split(1, 1),
    (),
)
NAMES = sorted({name for each in ALGORITHMS for name in learner(each).Settings.__dataclass_fields__})


@given(
    st.sampled_from(ALGORITHMS),
    st.dictionaries(
        st.sampled_from(NAMES),
        st.text(max_size=8) | st.floats().map(str) | st.integers().map(str) | st.just("1e400"),
        max_size=3,
    ),
)
def test_no_text_makes_anything_but_settings_or_one_sentence(name: str, given_texts: dict[str, str]) -> None:
    settings = learner(name).Settings
    try:
        read = bounds.read(settings, given_texts)
    except DataError as error:
        assert "\n" not in str(error).replace("\\n", "")
        assert any(hyperparameter in str(error) for hyperparameter in given_texts)
    else:
        for hyperparameter in given_texts:
            assert isinstance(asdict(read)[hyperparameter], int | float | str)


@given(
    arrays(
        np.float32,
        (12, 4),
        elements=st.floats(-(2.0**99), 2.0**99, width=32, allow_subnormal=False) | st.just(float("nan")),
    ),
    st.lists(st.sampled_from([0.0, 1.0, 2.0, float("nan")]), min_size=12, max_size=12),
)
def test_the_design_without_indicators_is_the_design(values: object, codes: list[float]) -> None:
    matrix = np.array(values, dtype=np.float32)
    matrix[:, 1], matrix[:, 3] = codes, np.nan
    made = design(matrix[:6], SCHEMA)
    weights = np.random.default_rng(0).normal(size=(made.columns, 2))
    whole = made.rows(matrix).toarray()
    assert np.isfinite(whole).all()
    assert whole.shape == (12, made.columns)
    product = made.product(matrix, weights)
    np.testing.assert_allclose(product, whole @ weights, rtol=1e-9, atol=1e-9 * (1 + np.abs(whole).max()))


@pytest.mark.parametrize("problem", ["binary", "multiclass"])
def test_extreme_scores_are_probabilities(problem: str) -> None:
    scores = np.array([[-1e9, 0.0, 1e9], [0.0, 0.0, 0.0]])
    chances = linked(problem, scores)
    assert ((chances >= 0) & (chances <= 1)).all()


def test_arrays_of_objects_are_not_packed_nor_unpacked() -> None:
    with pytest.raises(ValueError, match="allow_pickle=False"):
        packed({"x": np.array([object()])})
    with pytest.raises(ValueError, match="allow_pickle"):
        unpacked(b"\x80\x04N.")
    kept = unpacked(packed({"x": np.arange(3)}))
    np.testing.assert_array_equal(kept["x"], [0, 1, 2])
