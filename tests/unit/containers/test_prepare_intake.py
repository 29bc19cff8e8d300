"""What becomes of new files beside those that the reigning model learnt from."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.containers.image_jobs import Job, pack, table, train

ARGUMENTS = ("--target", "late", "--problem", "binary", "--time", "when")
KNOWN = {"a.csv": table(600), "b.csv": table(600, 1, day=5)}
NEW = table(200, 7, day=12)
LISTED = "s3://artifacts/inputs/0123456789abcdef/snapshot.json"


def reigned(job: Job, trained: Job, **new: str) -> Job:
    """The files that the reigning model learnt from, that model, and new files by their stems."""
    for name, content in (KNOWN | {f"{stem}.csv": content for stem, content in new.items()}).items():
        job.put(f"processing/input/data/{name}", content.encode())
    pack(trained.ml / "model", job.ml / "processing/input/champion/model.tar.gz")
    return job


def listed(job: Job, *admitted: str, **modified: str) -> None:
    """The list of the files; the etag of a.csv is etag-a.csv."""
    names = sorted(path.name for path in (job.ml / "processing/input/data").iterdir())
    objects = [
        {
            "key": f"data/{name}",
            "etag": f"etag-{name}",
            "size": 1,
            "modified": modified.get(name.partition(".")[0], "2026-01-01T00:00:00+00:00"),
        }
        for name in names
    ]
    snapshot = {"format": 1, "bucket": "incoming", "objects": objects, "admitted": list(admitted)}
    job.put("processing/input/snapshot/snapshot.json", json.dumps(snapshot).encode())


def intake(job: Job) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((job.ml / "processing/output/intake/intake.json").read_text())
    return found


def prepared(job: Job, *arguments: str) -> dict[str, Any]:
    done = job.run("prepare", *ARGUMENTS, *arguments)
    assert done.returncode == 0, done.stderr
    return intake(job)


def test_what_is_new_is_counted(trained: Job, job: Job) -> None:
    found = prepared(reigned(job, trained, new=NEW), "--cause", "data")
    assert (found["new"], found["usable_new"], found["rejected"], found["proceed"]) == (1, 1, [], 1.0)
    assert found["rows"] == 1400
    total = sum(len(text) for text in (*KNOWN.values(), NEW))
    assert found["bytes_per_row"] == pytest.approx(total / 1400, abs=0.01)
    assert (found["snapshot"], found["reason"]) == ("none", "")


def test_without_a_reigning_model_every_file_is_new(job: Job) -> None:
    for name, content in KNOWN.items():
        job.put(f"processing/input/data/{name}", content.encode())
    job.put("processing/input/champion/no-champion.txt", b"none")
    found = prepared(job, "--cause", "data")
    assert (found["new"], found["usable_new"], found["proceed"]) == (2, 2, 1.0)


@pytest.mark.parametrize(("cause", "proceeds"), [("data", 0.0), ("other", 1.0)])
def test_bad_files_alone_are_no_reason_to_learn_the_same_again(
    trained: Job, job: Job, cause: str, proceeds: float
) -> None:
    reigned(job, trained, bad="when,late\n", worse=NEW.replace("late", "delay"))
    listed(job)
    found = prepared(job, "--cause", cause, "--snapshot", LISTED)
    assert (found["new"], found["usable_new"], found["proceed"]) == (2, 0, proceeds)
    assert found["snapshot"] == "0123456789abcdef"
    assert [(each["key"], each["etag"]) for each in found["rejected"]] == [
        ("data/bad.csv", "etag-bad.csv"),
        ("data/worse.csv", "etag-worse.csv"),
    ]
    if not proceeds:
        assert "bad.csv has a header but no rows" in found["reason"]
        assert "worse.csv has no column 'late'" in found["reason"]
    # What the known files teach is there in any case.
    assert (job.ml / "processing/output/train/train.parquet").is_file()


def test_files_that_all_are_known_are_no_news(trained: Job, job: Job) -> None:
    found = prepared(reigned(job, trained, again=KNOWN["b.csv"]), "--cause", "data")
    assert (found["new"], found["proceed"]) == (0, 0.0)
    assert found["reason"] == "the reigning model was trained on every one of the files"


def test_without_a_list_nobody_knows_the_etag(trained: Job, job: Job) -> None:
    found = prepared(reigned(job, trained, bad=""))
    (rejected,) = found["rejected"]
    assert rejected["etag"] is None
    assert "bad.csv is empty" in rejected["reason"]


def test_known_files_say_what_others_are_like_however_many_there_are(trained: Job, job: Job) -> None:
    """Five new files with another column, and five with texts for numbers: two known ones outvote them."""
    wide = {f"wide{i}": table(50, 20 + i).replace("humid", "wet") for i in range(5)}
    far = {
        f"far{i}": "\n".join(
            line if not row else ",".join([line.split(",")[0], "far", *line.split(",")[2:]])
            for row, line in enumerate(table(50, 40 + i).splitlines())
        )
        for i in range(5)
    }
    found = prepared(reigned(job, trained, **wide, **far))
    names = {each["key"] for each in found["rejected"]}
    assert names == {f"data/{stem}.csv" for stem in (*wide, *far)}
    assert found["usable_new"] == 0
    assert "has other columns than the other" in str(found["rejected"])
    assert "'far' is not a number" in str(found["rejected"])


def test_another_class_of_a_binary_target_is_refused(trained: Job, job: Job) -> None:
    lines = NEW.splitlines()
    strange = "\n".join([*lines[:5], lines[5][:-1] + "2", *lines[6:]])
    found = prepared(reigned(job, trained, strange=strange, good=table(100, 9, day=11)))
    (rejected,) = found["rejected"]
    assert rejected["reason"] == (
        "strange.csv, row 5: the target 'late' holds 2; a binary problem has two classes, "
        "which so far are '0' and '1'"
    )
    # And it leaves no trace in the types.
    schema = json.loads((job.ml / "processing/output/schema/schema.json").read_text())
    assert schema["classes"] == ["0", "1"]


def test_what_the_declaration_names_and_no_file_has_is_no_fault_of_a_file(trained: Job, job: Job) -> None:
    reigned(job, trained, new=NEW)
    done = job.run("prepare", *ARGUMENTS, "--drop", "nothing")
    assert done.returncode == 1
    assert "no column 'nothing', which is to be dropped" in (job.ml / "output/message").read_text()
    assert not (job.ml / "processing/output/intake").exists()


def test_the_model_of_another_declaration_knows_nothing(trained: Job, job: Job) -> None:
    reigned(job, trained)
    done = job.run("prepare", "--target", "weekend", "--time", "when", "--cause", "data")
    assert done.returncode == 0, done.stderr
    assert (intake(job)["new"], intake(job)["proceed"]) == (2, 1.0)
    assert "the reigning model is of another declaration" in done.stdout


@pytest.mark.parametrize("content", [b"broken", b""])
def test_a_reigning_model_that_cannot_be_read_stops_nobody(trained: Job, job: Job, content: bytes) -> None:
    reigned(job, trained)
    job.put("processing/input/champion/model.tar.gz", content)
    assert prepared(job)["new"] == 2


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"[]", "the input 'snapshot' holds no usable snapshot.json"),
        (b'{"format": 9, "objects": [], "admitted": []}', "snapshot.json has format 9"),
        (b'{"format": 1, "objects": [{}], "admitted": []}', "the input 'snapshot' holds no usable"),
    ],
)
def test_a_list_that_is_none(trained: Job, job: Job, content: bytes, sentence: str) -> None:
    reigned(job, trained)
    job.put("processing/input/snapshot/snapshot.json", content)
    assert job.run("prepare", *ARGUMENTS).returncode == 1
    assert sentence in (job.ml / "output/message").read_text()


def months(job: Job, *, seed: int = 0) -> list[str]:
    """Ten files of 400 rows, one for each month, a little warmer from file to file."""
    files = []
    for month in range(1, 11):
        lines = table(400, seed + month).splitlines()
        rows = [
            line.replace("2013-01-", f"2013-{month:02}-") + f",{month / 2 + row % 23 + row % 7 / 10:.1f}"
            for row, line in enumerate(lines[1:])
        ]
        files.append("\n".join([f"{lines[0]},warmth", *rows]) + "\n")
        if month < 10:
            job.put(f"processing/input/data/m{month:02}.csv", files[-1].encode())
    return files


@pytest.fixture(scope="module")
def nine_months(tmp_path_factory: pytest.TempPathFactory) -> tuple[Job, list[str]]:
    """Nine months with the model that was trained on them, and the tenth month."""
    job = Job(tmp_path_factory.mktemp("months"))
    files = months(job)
    done = job.run("prepare", *ARGUMENTS)
    assert done.returncode == 0, done.stderr
    train(job, rounds="3")
    pack(job.ml / "model", job.ml / "processing/input/champion/model.tar.gz")
    return job, files


def tenth(nine: tuple[Job, list[str]], tmp_path: Path, content: str) -> Job:
    """A job with the nine months and this as the tenth."""
    job = Job(tmp_path)
    (job.ml / "processing/input").mkdir(parents=True)
    for name in ("data", "champion"):
        (job.ml / "processing/input" / name).mkdir()
        for path in (nine[0].ml / "processing/input" / name).iterdir():
            job.put(f"processing/input/{name}/{path.name}", path.read_bytes())
    job.put("processing/input/data/m10.csv", content.encode())
    return job


def converted(content: str, change: Any) -> str:
    head, *rows = content.splitlines()
    return "\n".join([head, *(f"{row.rpartition(',')[0]},{change(row.rpartition(',')[2])}" for row in rows)])


CHANGES: dict[str, tuple[Any, str]] = {
    "as ever": (str, ""),
    "warmer than ever": (lambda text: f"{float(text) + 9:.1f}", ""),
    "another unit": (
        lambda text: f"{(float(text) * 1.8 + 32):.1f}",
        "the column 'warmth' looks as if it had another unit",
    ),
    "in thousands": (lambda text: f"{float(text) / 1000:.5f}", "looks as if it had another unit"),
    "half of it lost": (
        lambda text: "" if float(text) % 2 < 1 else text,
        "the column 'warmth' is missing in",
    ),
}


@pytest.mark.parametrize("case", CHANGES)
def test_a_file_that_cannot_be_what_it_claims_is_left_to_a_person(
    nine_months: tuple[Job, list[str]], tmp_path: Path, case: str
) -> None:
    change, sentence = CHANGES[case]
    job = tenth(nine_months, tmp_path, converted(nine_months[1][-1], change))
    found = prepared(job, "--cause", "data")
    assert found["proceed"] == (0.0 if sentence else 1.0)
    reasons = [each["reason"] for each in found["rejected"]]
    assert len(reasons) == bool(sentence)
    if sentence:
        assert sentence in reasons[0]
        assert "sageloop quarantine release m10.csv" in reasons[0]


def test_what_a_person_has_admitted_is_learnt_from(
    nine_months: tuple[Job, list[str]], tmp_path: Path
) -> None:
    job = tenth(nine_months, tmp_path, converted(nine_months[1][-1], CHANGES["another unit"][0]))
    listed(job, "etag-m10.csv")
    found = prepared(job, "--cause", "data")
    assert (found["usable_new"], found["rejected"]) == (1, [])


def test_a_file_with_far_fewer_rows_is_told_and_used(
    nine_months: tuple[Job, list[str]], tmp_path: Path
) -> None:
    job = tenth(nine_months, tmp_path, "\n".join(nine_months[1][-1].splitlines()[:41]))
    done = job.run("prepare", *ARGUMENTS)
    assert done.returncode == 0, done.stderr
    assert "m10.csv has 40 rows, and no file so far had fewer than 400" in done.stdout
    assert intake(job)["usable_new"] == 1
