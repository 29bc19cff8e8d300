"""The hold-out of an example is found again in its raw files, and a difference is judged by its kind."""

from pathlib import Path

import polars as pl
import pytest

from examples import hold_out, library
from examples.parity import Parity

FEATURES = [
    {"name": "size", "type": "number", "categories": []},
    {"name": "kind", "type": "category", "categories": ["a", "b"]},
    {"name": "day", "type": "datetime", "categories": []},
]
RAW = "size,kind,day,good\n1.50,a,2020-01-02,yes\n,b,2020-01-03,no\n2,c,2020-01-04T12:00:00Z,yes\n"


def schema(held_out: int, cut: str | None = None) -> dict[str, object]:
    return {
        "features": FEATURES,
        "target": "good",
        "time": "day",
        "classes": ["no", "yes"],
        "preparation": None,
        "split": {"holdout_rows": held_out, "cut": cut},
    }


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "data.csv"
    path.write_text(RAW)
    return path


def held_out(directory: Path) -> Path:
    """The first two rows as Prepare would write them."""
    path = directory / "holdout.parquet"
    pl.DataFrame({"size": [1.5, None], "kind": ["a", "b"], "good": [1, 0]}).write_parquet(path)
    return path


def test_rows_are_found_by_their_values(data: Path, tmp_path: Path) -> None:
    found = hold_out.rows([data], schema(2), held_out(tmp_path))
    # As they were sent: no number was written anew.
    assert found["size"].to_list() == ["1.50", None]


def test_rows_are_found_by_their_time(data: Path, tmp_path: Path) -> None:
    found = hold_out.rows([data], schema(2, "2020-01-03 00:00:00"), held_out(tmp_path))
    assert found["kind"].to_list() == ["b", "c"]


def test_rows_that_are_missing_are_noticed(data: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="2 rows were found of 3 held out"):
        hold_out.rows([data], schema(3), held_out(tmp_path))


def test_texts_become_the_numbers_that_the_model_learnt_from(data: Path, tmp_path: Path) -> None:
    raw = pl.read_csv(data, infer_schema=False)
    matrix = library.matrix(tmp_path, raw, schema(0))
    assert [[str(value) for value in row] for row in matrix] == [
        ["1.5", "0.0", "18263.0"],
        ["nan", "1.0", "18264.0"],
        ["2.0", "nan", "18265.5"],
    ]


def test_a_model_of_no_known_library_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "weights.bin").write_bytes(b"")
    with pytest.raises(ValueError, match="known for"):
        library.predictions(tmp_path, pl.DataFrame(), schema(0))


@pytest.mark.parametrize(
    ("difference", "relative", "probability", "same"),
    [
        (9e-7, 1.0, True, True),
        (2e-6, 1e-9, True, False),
        (4e-5, 7e-8, False, True),
        (4e-5, 2e-6, False, False),
    ],
)
def test_a_probability_is_judged_as_it_is_and_a_value_by_the_largest(
    difference: float, relative: float, probability: bool, same: bool
) -> None:
    parity = Parity(1_000, "XGBoost", difference, relative, probability)
    assert parity.same is same
    assert ("of the largest value" in str(parity)) is not probability
