"""The forms in which a batch transform may write predictions."""

from pathlib import Path

import numpy as np
import pytest

from evaluate import predictions
from tabular.contract import DataError
from tabular.schema import Schema, Split


def schema(problem: str, classes: tuple[str, ...] = ()) -> Schema:
    return Schema(problem, "late", classes, None, (), (), Split(0, 0), ())  # type: ignore[arg-type]


BINARY = schema("binary", ("no", "yes"))
SEVERAL = schema("multiclass", ("a", "b", "c"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.1\n0.9\n0.4\n", [0.1, 0.9, 0.4]),
        ("0.1,0.9,0.4", [0.1, 0.9, 0.4]),
        ("0.9,0.1\n0.1,0.9\n0.6,0.4\n", [0.1, 0.9, 0.4]),
        ('{"score": 0.1}\n{"score": 0.9, "predicted_label": 1}\n{"score": 0.4}', [0.1, 0.9, 0.4]),
        ('{"predictions": [{"score": 0.1}, {"score": 0.9}]}{"score": 0.4}', [0.1, 0.9, 0.4]),
        ('{\n "predictions": [\n  {"score": 0.1},\n  0.9,\n  {"score": 0.4}\n ]\n}', [0.1, 0.9, 0.4]),
        ('{"scores": [0.1, 0.9, 0.4]}', [0.1, 0.9, 0.4]),
        ('{"probabilities": [0.9, 0.1]}\n[0.1, 0.9]\n{"score": [0.6, 0.4]}', [0.1, 0.9, 0.4]),
        ("[[0.9, 0.1], [0.1, 0.9], [0.6, 0.4]]", [0.1, 0.9, 0.4]),
        ("[0.1, 0.9, 0.4]", [0.1, 0.9, 0.4]),
        ('{"predicted_label": "no"}\n{"predicted_label": "yes"}\n{"predicted_label": "no"}', [0, 1, 0]),
        ("yes\nno\nno\n", [1, 0, 0]),
    ],
)  # fmt: skip
def test_binary_forms(tmp_path: Path, text: str, expected: list[float]) -> None:
    (tmp_path / "features.csv.out").write_text(text)
    assert predictions.read(tmp_path, BINARY, 3).tolist() == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.2,0.3,0.5\n0.8,0.1,0.1\n", [2, 0]),
        ("2\n0\n", [2, 0]),
        ("c\na\n", [2, 0]),
        ('{"score": [0.2, 0.3, 0.5], "predicted_label": 2}\n{"score": [0.8, 0.1, 0.1]}', [2, 0]),
        ('{"predictions": [{"score": [0.2, 0.3, 0.5]}, {"score": [0.8, 0.1, 0.1]}]}', [2, 0]),
    ],
)
def test_multiclass_forms(tmp_path: Path, text: str, expected: list[int]) -> None:
    (tmp_path / "features.csv.out").write_text(text)
    found = predictions.read(tmp_path, SEVERAL, 2)
    assert found.shape == (2, 3)
    assert np.argmax(found, axis=1).tolist() == expected


def test_files_follow_each_other_by_name(tmp_path: Path) -> None:
    (tmp_path / "b.out").write_text("3\n")
    (tmp_path / "a.out").write_text("1\n2\n")
    assert predictions.read(tmp_path, schema("regression"), 3).tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("problem", "text", "sentence"),
    [
        (BINARY, "0.1\n0.9\n", "holds 2 predictions, but the hold-out has 3 rows: the batch transform must"),
        (BINARY, "0.1\nmaybe\n0.2\n", "x.out, line 2: 'maybe' is neither a number nor a class of the target"),
        (BINARY, '{"score": 0.1}\n{"score": }\n', "x.out, line 2: this is no JSON"),
        (BINARY, '{"guess": 0.1}\n', "x.out: the JSON object has guess, but none of probabilities"),
        (SEVERAL, "0.5\n1\n2\n", "not all of them are places of a class"),
        (SEVERAL, "0.5,0.5\n", "holds 1 predictions"),
    ],
)
def test_what_does_not_fit_is_one_sentence(tmp_path: Path, problem: Schema, text: str, sentence: str) -> None:
    (tmp_path / "x.out").write_text(text)
    with pytest.raises(DataError) as error:
        predictions.read(tmp_path, problem, 3)
    assert sentence in str(error.value)


def test_an_empty_input_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"holds no \.out file"):
        predictions.read(tmp_path, BINARY, 3)
