"""Training, and the artifact that it leaves behind."""

import io
import json
import os
import re
import shutil
import tarfile
from pathlib import Path

import pytest

from tabular import artifact
from tabular.artifact import ArtifactError
from tabular.contract import DataError
from tests.unit.containers.image_jobs import IMAGE, Job, train
from train import settings


def test_training_leaves_a_verified_model_and_logs_its_metrics(trained: Job) -> None:
    model = artifact.load(trained.ml / "model")
    assert model.origin.metrics["auc"] > 0.75
    assert len(model.origin.curve["validation-auc"]) >= model.origin.rounds
    assert model.origin.algorithm == "xgboost"
    assert sorted(file.name for file in (trained.ml / "model").iterdir()) == [
        "model.json",
        "model.ubj",
        "schema.json",
    ]
    log = (trained.ml / "train.log").read_text()
    assert re.search(
        r"^\[0\] train-log_loss=\S+ train-auc=\S+ validation-log_loss=\S+ validation-auc=\S+$", log, re.M
    )
    *_, last = re.findall(r"^\[.*", log, re.M)
    assert re.fullmatch(
        r"\[best \d+\] validation-auc=\S+ validation-average_precision=\S+ validation-accuracy=\S+ "
        r"validation-f1=\S+ validation-log_loss=\S+ validation-brier=\S+",
        last,
    )
    assert f"validation-auc={model.origin.metrics['auc']:.6f} " in last


def test_the_same_data_gives_the_same_model_whatever_the_processors(trained: Job, tmp_path: Path) -> None:
    again = Job(tmp_path / "again")
    shutil.copytree(trained.ml / "processing/output", again.ml / "processing/output")
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        train(again)
    finally:
        os.sched_setaffinity(0, before)
    for name in ("model.ubj", "schema.json", "model.json"):
        assert (again.ml / "model" / name).read_bytes() == (trained.ml / "model" / name).read_bytes()


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"target": "late", "depth": "3"}, "no hyperparameter 'depth'"),
        ({"target": "late", "rounds": "many"}, "rounds is 'many', which is not a whole number"),
        ({"target": "late", "eta": "fast"}, "eta is 'fast', which is not a number"),
        ({"rounds": "3"}, "'target' is missing"),
        ({"target": "late", "problem": "guessing"}, "problem is 'guessing'; it is one of binary, "),
        ({"target": "late", "eta": "-1"}, "eta is '-1'; it must be at least 0"),
        ({"target": "late", "subsample": "2"}, "subsample is '2'; it must be at most 1"),
        ({"target": "late", "max_depth": "2.5"}, "max_depth is '2.5', which is not a whole number"),
        ({"target": "late", "max_depth": "1e999"}, "max_depth is '1e999', which is not a whole number"),
        ({"target": "late", "refit": "maybe"}, "refit is 'maybe', which is neither true nor false"),
        ({"target": "late", "algorithm": "svm"}, "there is no algorithm 'svm'"),
        ({"target": "late", "algorithm": "linear", "problem": "ranking"}, "linear does not learn a ranking"),
    ],
)
def test_wrong_hyperparameters(tmp_path: Path, given: dict[str, str], sentence: str) -> None:
    path = tmp_path / "hyperparameters.json"
    path.write_text(json.dumps(given))
    with pytest.raises(DataError, match=sentence):
        settings.read(path)


def test_hyperparameters_as_a_tuning_service_writes_them(tmp_path: Path) -> None:
    path = tmp_path / "hyperparameters.json"
    given = {
        "target": "y",
        "max_depth": "7.0",
        "eta": "5e-2",
        "refit": "false",
        "_tuning_objective_metric": "auc",
    }
    path.write_text(json.dumps(given))
    read = settings.read(path)
    assert (read.algorithm.max_depth, read.algorithm.eta, read.job.refit) == (7, 0.05, False)
    assert read.texts["refit"] == "false"
    assert read.texts["rounds"] == "500"


def test_a_wrong_hyperparameter_fails_the_job_in_one_sentence(job: Job, trained: Job) -> None:
    shutil.copytree(trained.ml / "input", job.ml / "input")
    job.put("input/config/hyperparameters.json", b'{"target": "late", "rounds": "many"}')
    done = job.run("train")
    assert done.returncode == 1
    assert (job.ml / "output/failure").read_text() == done.stderr.strip()
    assert not (job.ml / "model").exists()


@pytest.mark.parametrize("name", ["model.ubj", "schema.json"])
def test_a_changed_file_is_refused(trained: Job, tmp_path: Path, name: str) -> None:
    shutil.copytree(trained.ml / "model", tmp_path / "model")
    path = tmp_path / "model" / name
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(ArtifactError, match=f"{name} is not the file that training wrote"):
        artifact.load(tmp_path / "model")


@pytest.mark.parametrize("name", ["model.ubj", "schema.json", "model.json"])
def test_a_missing_file_is_refused(trained: Job, tmp_path: Path, name: str) -> None:
    shutil.copytree(trained.ml / "model", tmp_path / "model")
    (tmp_path / "model" / name).unlink()
    with pytest.raises(ArtifactError, match=f"has no {name}"):
        artifact.load(tmp_path / "model")


@pytest.mark.parametrize("manifest", ["[]", "{}", "x", '{"format": 9}', '{"format": 1, "files": 3}'])
def test_a_damaged_manifest_is_refused(trained: Job, tmp_path: Path, manifest: str) -> None:
    shutil.copytree(trained.ml / "model", tmp_path / "model")
    (tmp_path / "model/model.json").write_text(manifest)
    with pytest.raises(ArtifactError):
        artifact.load(tmp_path / "model")


@pytest.mark.parametrize("number", [1, 3, "2"])
def test_another_format_is_refused_in_one_sentence(trained: Job, tmp_path: Path, number: object) -> None:
    shutil.copytree(trained.ml / "model", tmp_path / "model")
    path = tmp_path / "model/model.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": number}))
    with pytest.raises(ArtifactError, match="this image reads format 2: train the model again"):
        artifact.load(tmp_path / "model")


def test_code_that_training_did_not_write_is_refused(trained: Job, tmp_path: Path) -> None:
    shutil.copytree(trained.ml / "model", tmp_path / "model")
    (tmp_path / "model/code").mkdir()
    (tmp_path / "model/code/features.py").write_text("")
    with pytest.raises(ArtifactError, match=r"the model holds features\.py, which training did not write"):
        artifact.load(tmp_path / "model")


def test_a_manifest_that_names_a_file_outside_is_refused(trained: Job, tmp_path: Path) -> None:
    shutil.copytree(trained.ml / "model", tmp_path / "model")
    path = tmp_path / "model/model.json"
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps({**manifest, "files": {**manifest["files"], "../x": ""}}))
    with pytest.raises(ArtifactError, match=r"names '\.\./x', which is outside"):
        artifact.load(tmp_path / "model")


def _member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", size: int = 0) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname, member.size = kind, link, size
    return member


MALICIOUS = {
    "parent": [_member("../out")],
    "absolute": [_member("/tmp/sageloop-out")],  # noqa: S108
    "symbolic link": [_member("a", tarfile.SYMTYPE, "/etc/passwd")],
    "hard link": [_member("a", tarfile.LNKTYPE, "../../etc/passwd")],
    "device": [_member("a", tarfile.CHRTYPE)],
    "fifo": [_member("a", tarfile.FIFOTYPE)],
    "very many files": [_member(f"f{number}") for number in range(200)],
    "bomb": [_member("big", size=300 << 20)],
}


@pytest.mark.parametrize("case", MALICIOUS)
def test_a_malicious_archive_is_refused_and_writes_nothing_outside(tmp_path: Path, case: str) -> None:
    archive = tmp_path / "model.tar.gz"
    with tarfile.open(archive, "w:gz", compresslevel=9) as tar:
        for member in MALICIOUS[case]:
            tar.addfile(member, io.BytesIO(bytes(member.size)))
    inside = tmp_path / "work" / "inside"
    inside.mkdir(parents=True)
    with pytest.raises(ArtifactError):
        artifact.extract(archive, inside)
    assert not (tmp_path / "work" / "out").exists()
    assert not Path("/tmp/sageloop-out").exists()  # noqa: S108


@pytest.mark.parametrize("content", [b"", b"not a tar", b"\x1f\x8b\x08\0\0"])
def test_something_else_than_an_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    archive = tmp_path / "model.tar.gz"
    archive.write_bytes(content)
    with pytest.raises(ArtifactError):
        artifact.extract(archive, tmp_path / "inside")


def test_no_program_can_load_a_pickle() -> None:
    for path in IMAGE.rglob("*.py"):
        code = path.read_text().replace("no pickle, no joblib", "").replace("allow_pickle=False", "")
        assert not any(word in code for word in ("pickle", "joblib", "allow_pickle", "eval(", "exec(")), path
