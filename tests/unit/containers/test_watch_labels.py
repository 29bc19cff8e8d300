"""Labels come late, twice, contradict each other or never: what becomes of them, and of the quality."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tabular.contract import DataError
from tabular.schema import Feature, Schema, Split
from watch import labels, quality
from watch.captured import SCORES
from watch.window import Rules

MOMENT = datetime(2026, 11, 1, 12)
IDS = st.sampled_from(["a", "b", "c"])
# One label: its call, its row, its value, and the hours after which it was known, if anybody said so.
LABEL = st.tuples(IDS, st.integers(0, 1), st.sampled_from(["0", "1"]), st.none() | st.integers(0, 3))


def schema(problem: Any = "binary", classes: tuple[str, ...] = ("0", "1")) -> Schema:
    return Schema(problem, "late", classes, None, (Feature("x", "number"),), (), Split(100, 20), ())


def put(directory: Path, name: str, content: str) -> None:
    path = directory / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")


def read(
    directory: Path, times: dict[str, datetime] | None = None, kind: Schema | None = None
) -> labels.Labels:
    return labels.read(directory, kind or schema(), (times or {}).get)


def csv(rows: list[tuple[str, int, str, int | None]]) -> str:
    lines = ["inference_id,row,late,labelled_at"]
    for call, row, value, hours in rows:
        known_at = "" if hours is None else (MOMENT + timedelta(hours=hours)).isoformat() + "Z"
        lines.append(f"{call},{row},{value},{known_at}")
    return "\n".join(lines) + "\n"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(
    files=st.lists(
        st.tuples(st.integers(0, 3), st.lists(LABEL, min_size=1, max_size=6)), min_size=1, max_size=4
    ),
    data=st.data(),
)
def test_the_order_in_which_files_come_does_not_matter(
    tmp_path_factory: pytest.TempPathFactory, files: list[Any], data: st.DataObject
) -> None:
    """The listing may have them in any order; what counts is when they were known, then when they came."""
    found = []
    for order in (range(len(files)), data.draw(st.permutations(range(len(files))))):
        directory = tmp_path_factory.mktemp("labels")
        times = {}
        for place in order:
            hours, rows = files[place]
            put(directory, f"{place}.csv", csv(rows))
            times[f"{place}.csv"] = MOMENT + timedelta(hours=hours)
        found.append(read(directory, times))
    assert found[0].table.equals(found[1].table)
    assert found[0].conflicts == found[1].conflicts
    # A file that comes a second time changes nothing.
    put(directory, "again.csv", csv(files[0][1]))
    times["again.csv"] = times["0.csv"]
    assert read(directory, times).conflicts == found[0].conflicts


@given(st.lists(LABEL, min_size=1, max_size=12))
def test_each_row_has_the_label_that_was_known_last(rows: list[tuple[str, int, str, int | None]]) -> None:
    told = [(each, line) for line, each in enumerate(rows)]
    expected = {
        key: max(
            (
                (-1 if hours is None else hours, line, value)
                for (call, row, value, hours), line in told
                if (call, row) == key
            )
        )[2]
        for key in {(call, row) for call, row, _, _ in rows}
    }
    table = pl.DataFrame(
        [
            (
                call,
                row,
                float(value),
                None if hours is None else MOMENT + timedelta(hours=hours),
                None,
                "f",
                line,
            )
            for (call, row, value, hours), line in told
        ],
        schema=labels._nothing().schema,
        orient="row",
    )
    found = labels._decided(table, ())
    assert {(call, row): f"{truth:.0f}" for call, row, truth, _ in found.table.iter_rows()} == expected


def test_the_newer_file_counts_where_no_label_says_when(tmp_path: Path) -> None:
    put(tmp_path, "a.csv", "inference_id,late\nx,1\n")
    put(tmp_path, "b.csv", "inference_id,late\nx,0\ny,0\n")
    times = {"a.csv": MOMENT + timedelta(days=1), "b.csv": MOMENT}
    found = read(tmp_path, times)
    assert found.table["truth"].to_list() == [1.0, 0.0]
    assert found.conflicts == 1
    assert found.table["known_at"].to_list() == [MOMENT + timedelta(days=1), MOMENT]


def test_every_form_of_a_label(tmp_path: Path) -> None:
    put(tmp_path, "2026/11/a.csv", "inference_id,late\n a ,1\n")
    put(
        tmp_path,
        "b.jsonl",
        '{"inference_id": "b", "late": 1, "row": 2}\n{"inference_id": "c", "late": "1.0"}\n',
    )
    truth = {"groundTruthData": {"data": "0\n1", "encoding": "CSV"}, "eventMetadata": {"eventId": "d"}}
    put(tmp_path, "c.jsonl", json.dumps({**truth, "eventVersion": "0"}) + "\n")
    moment = pl.Series([MOMENT], dtype=pl.Datetime("ms", "Europe/Berlin"))
    pl.DataFrame({"inference_id": [7], "late": [True], "labelled_at": moment}).write_parquet(
        tmp_path / "d.parquet"
    )
    put(tmp_path, "nothing.json", "[]")
    put(tmp_path, "_SUCCESS", "")
    kind = schema(classes=("0", "1"))
    found = read(tmp_path, kind=kind)
    rows = {(call, row): truth for call, row, truth, _ in found.table.iter_rows()}
    assert rows == {("a", 0): 1, ("b", 2): 1, ("c", 0): 1, ("d", 0): 0, ("d", 1): 1}
    assert found.rejected == (
        "d.parquet: 1 of 1 labels have no inference_id, or are not one of the classes of 'late'",
    )
    truths = read(tmp_path, kind=schema(classes=("false", "true")))
    assert [truth for call, _, truth, _ in truths.table.iter_rows() if call == "7"] == [1]


def test_what_is_no_label_is_named_and_leaves_the_rest(tmp_path: Path) -> None:
    put(tmp_path, "a.csv", "inference_id,late\nx,1\ny,perhaps\n,1\n")
    put(tmp_path, "b.csv", "id,late\nx,1\n")
    put(tmp_path, "c.parquet", "no parquet")
    put(tmp_path, "d.jsonl", '{"inference_id": "z"}\n')
    put(tmp_path, "e.csv", "inference_id,late,row\nz,1,first\n")
    put(tmp_path, "f.csv", "inference_id,late,labelled_at\nz,1,yesterday\n")
    put(tmp_path, "g.csv", "")
    found = read(tmp_path)
    assert found.table["inference_id"].to_list() == ["x"]
    assert found.rejected[0].startswith("a.csv: 2 of 3 labels")
    assert (
        found.rejected[1]
        == "b.csv is left out: it has no column 'inference_id'; it needs inference_id and late"
    )
    assert found.rejected[-1] == "and 2 more"
    assert "perhaps" not in str(found.rejected)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.jsonl", '{"inference_id": "a", "late": 1, "row": -1}', "a row in it is no whole number"),
        ("a.jsonl", '{"inference_id": "a", "late": 1, "row": 0.5}', "a row in it is no whole number"),
        ("a.csv", "inference_id,late,row\na,1,4294967296", "a row in it is no whole number"),
        ("a.csv", "inference_id,late,labelled_at\na,1,yesterday", "a labelled_at in it is no time"),
        (
            "a.jsonl",
            '{"inference_id": "a", "late": 1, "labelled_at": "0001-01-01T00:00:00+05:00"}',
            "a labelled_at in it is no time",
        ),
        ("a.txt", "inference_id,late\na,1", "labels are .csv, .parquet or .jsonl files"),
        ("a.csv.gz", "inference_id,late\na,1", "labels are .csv, .parquet or .jsonl files"),
    ],
)
def test_a_file_that_is_left_out_says_why(tmp_path: Path, name: str, content: str, sentence: str) -> None:
    put(tmp_path, name, content)
    put(tmp_path, "b.csv", "inference_id,late\nb,0\n")
    found = read(tmp_path)
    assert found.table["inference_id"].to_list() == ["b"]
    assert len(found.rejected) == 1
    assert found.rejected[0].startswith(f"{name} is left out: {sentence}")


def test_rows_as_programs_write_them_that_know_no_gaps_in_whole_numbers(tmp_path: Path) -> None:
    put(tmp_path, "A.CSV", "inference_id,late,row\na,1,2.0\nb,0,\n")
    gaps = pl.Series([1.0, None, float("nan")])
    table = pl.DataFrame({"inference_id": ["c", "d", "e"], "late": [1, 0, 1], "row": gaps})
    table.write_parquet(tmp_path / "b.parquet")
    put(tmp_path, "c.jsonl", '{"inference_id": "f", "late": 1, "row": "3"}\n')
    found = read(tmp_path)
    rows = {call: row for call, row, _, _ in found.table.iter_rows()}
    assert rows == {"a": 2, "b": 0, "c": 1, "d": 0, "e": 0, "f": 3}
    assert found.rejected == ()


def test_a_label_of_no_call_is_none(tmp_path: Path) -> None:
    put(tmp_path, "a.jsonl", '{"inference_id": null, "late": 1}\n')
    found = read(tmp_path)
    assert found.table.height == 0
    assert found.rejected[0].startswith("a.jsonl: 1 of 1 labels have no inference_id")


def test_a_correction_that_does_not_say_when_is_as_new_as_its_file(tmp_path: Path) -> None:
    put(tmp_path, "a.csv", csv([("x", 0, "1", 0), ("y", 0, "1", 48)]))
    put(tmp_path, "b.csv", "inference_id,late\nx,0\ny,0\n")
    found = read(tmp_path, {"a.csv": MOMENT, "b.csv": MOMENT + timedelta(days=1)})
    assert found.table["truth"].to_list() == [0.0, 1.0]
    assert found.conflicts == 2


def test_no_labels(tmp_path: Path) -> None:
    found = read(tmp_path)
    assert (found.table.height, found.conflicts, found.rejected) == (0, 0, ())


def predictions(scores: Any, version: str = "5", day: int = 0, kind: Any = pl.Float64) -> pl.DataFrame:
    count = len(scores)
    return pl.DataFrame(
        {
            "inference_id": [f"call-{number}" for number in range(count)],
            "row": [0] * count,
            "time": [MOMENT + timedelta(days=day, seconds=number) for number in range(count)],
            "version": [version] * count,
            "score": list(scores),
        },
        schema={**SCORES, "score": kind},
    )


def truths(values: Any, days: float = 2.0) -> labels.Labels:
    count = len(values)
    table = pl.DataFrame(
        {
            "inference_id": [f"call-{number}" for number in range(count)],
            "row": [0] * count,
            "truth": [float(value) for value in values],
            "known_at": [MOMENT + timedelta(days=days, seconds=number) for number in range(count)],
        },
        schema={
            "inference_id": pl.String,
            "row": pl.UInt32,
            "truth": pl.Float64,
            "known_at": pl.Datetime("us"),
        },
    )
    return labels.Labels(table, 0, ())


def rules(metric: str | None = "auc", bound: float = 0.7, **more: Any) -> Rules:
    given = {"psi": 0.1, "alpha": 1 / 365, "rows": 200, "labelled_rows": 200, **more}
    return Rules(metric=metric, bound=bound, **given)


def look(
    scores: Any, values: Any, judged: Rules, tmp_path: Path, kind: Schema | None = None
) -> quality.Quality:
    found = quality.measure(quality.known(scores, values, "5"), kind or schema(), judged, tmp_path)
    assert found is not None
    return found


def learnt(strength: float, rows: int, seed: int = 0) -> tuple[Any, Any]:
    chance = np.random.default_rng(seed)
    values = chance.random(rows) < 0.4
    scores = 1 / (1 + np.exp(-(chance.normal(size=rows) + strength * values)))
    return scores, values


def test_a_metric_below_its_bound_is_told_only_when_it_is_sure(tmp_path: Path) -> None:
    scores, values = learnt(0.3, 3000)
    bad = look(predictions(scores), truths(values), rules(), tmp_path)
    assert bad.below
    assert bad.value is not None
    assert bad.low is not None
    assert bad.high is not None
    assert bad.low < bad.value < bad.high < 0.7
    few = look(predictions(scores[:150]), truths(values[:150]), rules(), tmp_path)
    assert not few.below
    near = look(predictions(scores), truths(values), rules(bound=bad.value + 0.001), tmp_path)
    assert not near.below
    good = look(predictions(scores), truths(values), rules(bound=0.5), tmp_path)
    assert not good.below


def test_a_metric_that_is_better_when_lower(tmp_path: Path) -> None:
    chance = np.random.default_rng(0)
    values = chance.normal(size=1000)
    guessed = values + chance.normal(size=1000)
    kind = schema("regression", ())
    worse = look(predictions(guessed), truths(values), rules("rmse", 0.5, higher=False), tmp_path, kind)
    assert worse.below
    assert worse.value == pytest.approx(1, abs=0.1)
    assert not look(
        predictions(guessed), truths(values), rules("rmse", 1.5, higher=False), tmp_path, kind
    ).below


def test_looking_often_is_paid_for(tmp_path: Path) -> None:
    scores, values = learnt(0.8, 1000)
    once = look(predictions(scores), truths(values), rules(alpha=0.05), tmp_path)
    nightly = look(predictions(scores), truths(values), rules(alpha=1 / 365), tmp_path)
    assert once.high is not None
    assert nightly.high is not None
    assert nightly.high > once.high


def test_answers_of_another_version_do_not_count(tmp_path: Path) -> None:
    scores, values = learnt(3, 1000)
    old = predictions(1 - np.array(scores), version="4")
    new = predictions(scores[:300]).with_columns(pl.col("inference_id") + "-new")
    known = truths(values)
    fresh = known.table.head(300).with_columns(pl.col("inference_id") + "-new")
    both = labels.Labels(pl.concat([known.table, fresh]), 0, ())
    found = look(pl.concat([old, new]), both, rules(), tmp_path)
    assert (found.labelled, found.predicted, found.unmatched) == (300, 300, 0)
    assert not found.below


def test_coverage_delay_and_labels_without_a_call(tmp_path: Path) -> None:
    scores, values = learnt(2, 1000)
    found = look(predictions(scores), truths(values[:400]), rules(), tmp_path)
    assert (found.labelled, found.coverage, found.late_days_p50) == (400, 0.4, 2.0)
    assert found.bias_p is not None
    assert found.bias_p > 0.001
    lost = look(predictions(scores[:100]), truths(values[:400]), rules(), tmp_path)
    assert (lost.labelled, lost.unmatched) == (100, 300)


def test_labels_that_are_no_random_sample_are_noticed(tmp_path: Path) -> None:
    scores, values = learnt(2, 1000)
    order = np.argsort(scores)
    found = look(predictions(scores[order]), truths(values[order][:400]), rules(), tmp_path)
    assert found.bias_p is not None
    assert found.bias_p < 1e-6


def test_no_labels_no_scores_and_nothing_to_watch(tmp_path: Path) -> None:
    nobody = look(predictions([0.1] * 10), truths([]), rules(), tmp_path)
    assert (nobody.value, nobody.below, nobody.coverage, nobody.late_days_p50) == (None, False, 0.0, None)
    one_class = look(predictions([0.1] * 10), truths([1] * 10), rules(), tmp_path)
    assert (one_class.value, one_class.labelled) == (None, 10)
    textual = look(predictions([None, float("nan"), 0.5]), truths([1, 1, 1]), rules(), tmp_path)
    assert textual.predicted == 1
    assert (
        quality.measure(quality.known(predictions([0.1]), truths([1]), "5"), schema(), rules(None), tmp_path)
        is None
    )


def test_several_classes(tmp_path: Path) -> None:
    kind = schema("multiclass", ("a", "b", "c"))
    values = np.random.default_rng(0).integers(0, 3, 600)
    scores = [[0.7 if each == place else 0.15 for each in range(3)] for place in values]
    table = predictions(scores, kind=pl.List(pl.Float64))
    found = look(table, truths(values), rules("accuracy", 0.9), tmp_path, kind)
    assert (found.value, found.below) == (1.0, False)


def test_the_users_own_metric(tmp_path: Path) -> None:
    put(
        tmp_path,
        "money.py",
        "def profit(truth, predicted):\n    return float((truth * (predicted > 0.5)).mean())\n",
    )
    scores, values = learnt(2, 500)
    found = look(predictions(scores), truths(values), rules("money:profit", 0.9), tmp_path)
    assert (found.metric, found.short, found.below) == ("money:profit", "profit", True)


@pytest.mark.parametrize(
    ("kind", "metric", "sentence"),
    [
        (schema(), "rmse", "a binary model has no metric 'rmse' to watch; it has auc"),
        (schema("forecast", ()), "mase", "mase compares with the steps of the training series"),
    ],
)
def test_a_metric_that_cannot_be_told(kind: Schema, metric: str, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=sentence):
        quality.measure(quality.known(predictions([0.1]), truths([1]), "5"), kind, rules(metric), tmp_path)


def test_predictions_of_earlier_windows_are_joined_once(tmp_path: Path) -> None:
    for name, day in (("one", 0), ("two", 1)):
        (tmp_path / name).mkdir()
        predictions([0.1, 0.2], day=day).write_parquet(tmp_path / name / "predictions.parquet")
    (tmp_path / "three").mkdir()
    pl.DataFrame({"other": [1]}).write_parquet(tmp_path / "three/predictions.parquet")
    now = predictions([0.3], day=2)
    found = quality.joined(now, tmp_path)
    assert found.sort("inference_id")["score"].to_list() == [0.3, 0.2]
    assert quality.joined(now, tmp_path / "nothing").equals(now)
