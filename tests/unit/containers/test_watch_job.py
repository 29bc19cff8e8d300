"""The whole look: captured calls of a real model, compared with what it learnt from."""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from serve.model import Model
from serve.negotiation import CSV
from tabular.contract import DataError
from tabular.encoding import matrix
from tests.unit.containers.image_jobs import Job, table
from tests.unit.containers.watch_inputs import baseline, capture, line, quality, window_file
from watch import __main__ as program
from watch.arguments import Arguments

IMPORTANCE = {"distance": 0.2, "humid": 0.6, "carrier": 0.19, "weekend": 0.005, "built": 0.005}
Row = dict[str, str]


def rows(count: int, seed: int = 7) -> list[Row]:
    """Rows like those of the training, with their truth."""
    names, *lines = table(count, seed).splitlines()
    return [dict(zip(names.split(","), each.split(","), strict=True)) for each in lines]


def served(trained: Job, asked: list[Row], changed: Callable[[Row], Row]) -> list[str]:
    """The lines of a capture file: what the model answers to each row, which is a call of its own."""
    model = Model(trained.ml / "model")
    lines = []
    for number, row in enumerate(asked):
        body = ",".join(changed(row)[name] for name in model.schema.names).encode()
        answer = model.writer.whole(model.ask([model.codec.read(body, CSV)]).values, CSV)
        lines.append(line(body, answer, number=number, inference_id=f"call-{number}"))
    return lines


@pytest.fixture
def watched(trained: Job, job: Job) -> Job:
    """The inputs of a look without traffic."""
    inputs = job.ml / "processing/input"
    baseline(inputs / "baseline", trained.ml / "processing/output")
    model = Model(trained.ml / "model")
    holdout = pl.read_parquet(trained.ml / "processing/output/holdout/holdout.parquet")
    scores = model.predict(matrix(holdout, model.schema)).tolist()
    quality(inputs / "quality", scores, holdout["late"].cast(pl.Float64).to_list(), IMPORTANCE)
    window_file(inputs / "window")
    for channel in ("traffic", "labels", "earlier"):
        job.put(f"processing/input/{channel}/nothing.json", b"[]")
    return job


ASKED = Arguments("flights", "binary", "late")


def look(job: Job, asked: Arguments = ASKED) -> tuple[dict[str, Any], str]:
    """findings.json and the report."""
    output = job.ml / "processing/output/report"
    program.look(job.ml / "processing/input", output, asked)
    found: dict[str, Any] = json.loads((output / "findings.json").read_text())
    return found, (output / "report.html").read_text()


def traffic(job: Job, trained: Job, changed: Callable[[Row], Row] = dict, count: int = 600) -> None:
    capture(job.ml / "processing/input/traffic", served(trained, rows(count), changed))


def drifted(found: Mapping[str, Any]) -> set[str]:
    return {each["name"] for each in found["drift"]["features"] if each["drifted"]}


def test_traffic_like_the_training(trained: Job, watched: Job) -> None:
    traffic(watched, trained)
    found, report = look(watched)
    assert found["format"] == 1
    assert (found["window"], found["version"]) == ("20261102T120000Z", "5")
    assert (found["rows"], found["silent"], found["retrain"]) == (600, False, None)
    assert found["drift"]["verdict"] == "clear"
    assert drifted(found) == set()
    assert found["drift"]["prediction"]["ks"] < 0.1
    assert all(each["share"] < 0.01 for each in found["violations"])
    assert found["quality"] is None
    assert found["reason"] == "The calls are like the training rows"
    assert found["captured"]["calls"] == 600
    assert not re.search(r"(src|href)\s*=|url\(|@import|https?://", report)
    assert "Steady" in report
    assert report.count("<svg") >= 6
    written = pl.read_parquet(watched.ml / "processing/output/report/predictions.parquet")
    assert written.columns == ["inference_id", "row", "time", "version", "score"]
    assert written["inference_id"].n_unique() == 600


def test_another_unit_drifts_and_is_a_reason_to_train(trained: Job, watched: Job) -> None:
    traffic(watched, trained, lambda row: {**row, "distance": str(round(int(row["distance"]) * 1.609))})
    found, report = look(watched)
    assert found["drift"]["verdict"] == "drifted"
    assert drifted(found) == {"distance"}
    assert found["retrain"]["kind"] == "drift"
    assert "distance (KS 0." in found["retrain"]["reason"]
    violation = found["violations"][0]
    assert (violation["feature"], violation["kind"]) == ("distance", "range")
    assert violation["example_range"][1] > 3000
    assert "Drifted" in report


def test_what_the_model_hardly_looks_at_is_seen_and_not_acted_on(trained: Job, watched: Job) -> None:
    traffic(watched, trained, lambda row: {**row, "weekend": "true"})
    found, report = look(watched)
    assert drifted(found) == {"weekend"}
    assert found["retrain"] is None
    assert "but hardly matters to the model" in found["reason"]
    assert "too little importance to act on: weekend" in report


def test_a_change_within_what_is_usual_is_none(trained: Job, watched: Job) -> None:
    usual = {"distance": {"psi": 2.0, "ks": 0.9, "missing": 0.0}}
    baseline(watched.ml / "processing/input/baseline", trained.ml / "processing/output", usual)
    traffic(watched, trained, lambda row: {**row, "distance": str(round(int(row["distance"]) * 1.609))})
    found, _ = look(watched)
    assert drifted(found) == set()
    assert next(each for each in found["drift"]["features"] if each["name"] == "distance")["natural"] == 0.9


def test_missing_values_and_unknown_categories(trained: Job, watched: Job) -> None:
    def changed(row: Row) -> Row:
        number = int(row["distance"])
        return {
            **row,
            "distance": "" if number % 5 == 0 else row["distance"],
            "carrier": "SECRET" if number % 7 == 0 else row["carrier"],
        }

    traffic(watched, trained, changed)
    found, report = look(watched)
    assert {"distance", "carrier"} <= drifted(found)
    by_name = {each["name"]: each for each in found["drift"]["features"]}
    assert by_name["distance"]["changed"] == ["missing"]
    assert by_name["distance"]["missing_now"] == pytest.approx(0.2, abs=0.05)
    assert by_name["carrier"]["new_share"] == pytest.approx(1 / 7, abs=0.05)
    kinds = {(each["feature"], each["kind"]) for each in found["violations"]}
    assert {("distance", "missing"), ("carrier", "category")} <= kinds
    # Values of rows do not leave the job.
    assert "SECRET" not in json.dumps(found) + report


def test_only_the_columns_that_are_named_are_watched(trained: Job, watched: Job) -> None:
    window_file(watched.ml / "processing/input/window", rules={"features": ["humid", "built"]})
    traffic(watched, trained, lambda row: {**row, "distance": "90"})
    found, _ = look(watched)
    assert [each["name"] for each in found["drift"]["features"]] == ["humid", "built"]
    assert drifted(found) == set()


def test_the_prediction_drifts_where_no_column_is_watched_that_does(trained: Job, watched: Job) -> None:
    window_file(watched.ml / "processing/input/window", rules={"features": ["built"]})
    traffic(watched, trained, lambda row: {**row, "carrier": "B6", "humid": "0.99"})
    found, _ = look(watched)
    assert found["drift"]["prediction"]["drifted"]
    assert found["retrain"]["reason"].startswith("the prediction (KS 0.")


def test_too_few_rows_give_no_verdict(trained: Job, watched: Job) -> None:
    traffic(watched, trained, lambda row: {**row, "distance": "90"}, count=199)
    found, report = look(watched)
    assert found["drift"]["verdict"] == "too few rows"
    assert (drifted(found), found["retrain"]) == (set(), None)
    assert "Too few rows" in report


def test_silence(watched: Job) -> None:
    found, report = look(watched)
    assert (found["silent"], found["rows"], found["retrain"]) == (True, 0, None)
    assert found["reason"] == "No call was captured"
    assert "Silent" in report


def test_nothing_that_can_be_read(watched: Job) -> None:
    capture(watched.ml / "processing/input/traffic", [line(b"a,b", b"0.5", number=each) for each in range(3)])
    found, report = look(watched)
    assert found["captured"]["unreadable"] == 3
    assert found["reason"].startswith("None of 3 captured calls could be read: ")
    assert "3 calls could not be read" in report


def test_answers_that_became_worse_are_a_reason_to_train(trained: Job, watched: Job) -> None:
    window_file(watched.ml / "processing/input/window", rules={"metric": "auc", "bound": 0.7})
    asked = rows(600)
    lines = served(trained, asked, dict)
    capture(watched.ml / "processing/input/traffic", lines[:300])
    labels = "inference_id,late\n" + "".join(
        f"call-{at},{1 - int(row['late'])}\n" for at, row in enumerate(asked)
    )
    watched.put("processing/input/labels/2026/wrong.csv", labels.encode())
    found, report = look(watched)
    assert found["quality"]["below"]
    assert (found["quality"]["labelled"], found["quality"]["unmatched"]) == (300, 300)
    assert found["retrain"]["kind"] == "quality"
    assert "is worse than the bound of 0.7" in found["reason"]
    assert "Below its bound" in report

    # The next look goes on from the predictions and the findings of this one.
    earlier = watched.ml / "processing/input/earlier/20261102T120000Z/report"
    earlier.parent.mkdir(parents=True)
    (watched.ml / "processing/output/report").rename(earlier)
    window_file(
        watched.ml / "processing/input/window",
        window="20261103T120000Z",
        rules={"metric": "auc", "bound": 0.7},
    )
    capture(watched.ml / "processing/input/traffic", lines[300:])
    right = "inference_id,late\n" + "".join(f"call-{at},{row['late']}\n" for at, row in enumerate(asked))
    watched.put("processing/input/labels/2026/wrong.csv", right.encode())
    found, report = look(watched)
    assert (found["quality"]["labelled"], found["quality"]["unmatched"]) == (600, 0)
    assert found["quality"]["value"] > 0.8
    assert not found["quality"]["below"]
    assert not found["drift"]["target"]["drifted"]
    assert "Over time" in report
    assert "2 Nov 12:00" in report
    assert "3 Nov 12:00" in report


def test_the_baseline_that_prepare_writes_is_the_one_that_is_read(trained: Job, watched: Job) -> None:
    written = trained.ml / "processing/output/baseline"
    assert (written / "statistics.json").is_file()
    into = watched.ml / "processing/input/baseline"
    for path in written.iterdir():
        if path.is_file():
            (into / path.name).write_bytes(path.read_bytes())
    traffic(watched, trained)
    found, _ = look(watched)
    assert found["drift"]["verdict"] == "clear"
    assert all(each["share"] < 0.01 for each in found["violations"])


@pytest.mark.parametrize(
    ("asked", "change", "sentence"),
    [
        (Arguments("f", "regression", "late"), None, "train and approve a model"),
        (Arguments("f", "binary", "soon"), None, r"predicts 'late' \(binary\)"),
        (ASKED, ("window/window.json", "{}"), "window.json has no 'project'"),
        (ASKED, ("window/window.json", "{"), "holds no usable window.json"),
        (ASKED, ("baseline/statistics.json", "[]"), "has no usable baseline"),
        (ASKED, ("baseline/constraints.json", "{}"), "has no usable constraints.json"),
        (ASKED, ("baseline/schema.json", "{}"), "train and approve a new one"),
    ],
)
def test_a_mistake_is_told_in_a_sentence(
    watched: Job, asked: Arguments, change: tuple[str, str] | None, sentence: str
) -> None:
    if change:
        watched.put(f"processing/input/{change[0]}", change[1].encode())
    with pytest.raises(DataError, match=sentence):
        look(watched, asked)
    assert not (watched.ml / "processing/output/report/findings.json").exists()


def test_columns_that_the_model_does_not_see_cannot_be_watched(watched: Job) -> None:
    window_file(watched.ml / "processing/input/window", rules={"features": ["wind"]})
    done = watched.run("watch", "--project", "flights", "--problem", "binary", "--target", "late")
    assert done.returncode == 1
    assert done.stderr.startswith("OnDrift watches 'wind', which the model in service does not see")
    assert (watched.ml / "output/message").read_text() in done.stderr
    assert "Traceback" not in done.stderr


def test_findings_are_written_the_same_each_time(trained: Job, watched: Job) -> None:
    traffic(watched, trained, lambda row: {**row, "humid": str(float(row["humid"] or 0.5) / 2)}, count=300)
    first = look(watched)
    again = look(watched)
    assert first == again
    assert np.isfinite([each["p"] for each in first[0]["drift"]["features"]]).all()
    assert Path(watched.ml / "processing/output/report/findings.json").read_text().endswith("}\n")


def test_labels_alone_are_a_reason_to_look_and_no_silence(watched: Job) -> None:
    window_file(watched.ml / "processing/input/window", silent=False, rules={"metric": "auc", "bound": 0.7})
    watched.put("processing/input/labels/a.csv", b"inference_id,late\nx,1\n")
    found, report = look(watched)
    assert (found["silent"], found["drift"]["verdict"]) == (False, "too few rows")
    assert (found["quality"]["labelled"], found["quality"]["unmatched"]) == (0, 1)
    assert found["reason"] == "No new call was captured"
    assert "Silent" not in report


def test_the_program_runs_in_the_container(trained: Job, watched: Job) -> None:
    traffic(watched, trained, count=250)
    done = watched.run("watch", "--project", "flights", "--problem", "binary", "--target", "late")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "250 rows of 250 calls: The calls are like the training rows\n"
    assert (watched.ml / "processing/output/report/findings.json").is_file()


def test_another_mixture_of_truths_is_a_drift_of_the_target(trained: Job, watched: Job) -> None:
    window_file(watched.ml / "processing/input/window", rules={"metric": "auc", "bound": 0.5})
    traffic(watched, trained, count=300)
    labels = "inference_id,late\n" + "".join(f"call-{at},{int(at % 20 == 0)}\n" for at in range(300))
    watched.put("processing/input/labels/a.csv", labels.encode())
    found, report = look(watched)
    assert found["drift"]["target"]["drifted"]
    assert "the target (PSI " in found["reason"]
    assert "Target in the hold-out and now" in report
    few = "inference_id,late\n" + "".join(f"call-{at},0\n" for at in range(199))
    watched.put("processing/input/labels/a.csv", few.encode())
    assert look(watched)[0]["drift"]["target"] is None
