"""A run once more: on the same bytes, brought back where they have changed, or not at all."""

import io
import json
import tarfile
from typing import Any

import boto3
import pytest

from cli.commands import run as run_command
from tests.unit.cli.training_runs import BUCKET, NO_CHAMPION, PIPELINE, Runs, compiled, described

INCOMING = "flights-incoming"
FOLDER = f"s3://{BUCKET}/inputs/0a1b2c3d4e5f6071/"
MANIFEST = f"{FOLDER}data.manifest"


@pytest.fixture
def runs(flights: boto3.Session, answers: Any, monkeypatch: pytest.MonkeyPatch) -> Runs:
    monkeypatch.setattr(run_command, "POLL_SECONDS", 0.0)
    answers["DescribePipeline"] = described()
    answers["DescribePipelineDefinitionForExecution"] = lambda _: {"PipelineDefinition": compiled()}
    flights.client("s3").put_bucket_versioning(Bucket=INCOMING, VersioningConfiguration={"Status": "Enabled"})
    return Runs(flights, answers)


def put(aws: boto3.Session, **files: str) -> None:
    for name, text in files.items():
        aws.client("s3").put_object(Bucket=INCOMING, Key=f"data/{name}.csv", Body=text.encode())


def started_by_data(aws: boto3.Session, runs: Runs, id_: str = "older0000001") -> None:
    """A run of what lies there now, as retraining starts it."""
    listed = aws.client("s3").list_objects_v2(Bucket=INCOMING, Prefix="data/")["Contents"]
    objects = [
        {
            "key": each["Key"],
            "etag": each["ETag"].strip('"'),
            "size": each["Size"],
            "modified": each["LastModified"].isoformat(),
        }
        for each in listed
    ]
    snapshot = {"format": 1, "bucket": INCOMING, "objects": objects, "admitted": []}
    key = f"{FOLDER.removeprefix(f's3://{BUCKET}/')}snapshot.json"
    aws.client("s3").put_object(Bucket=BUCKET, Key=key, Body=json.dumps(snapshot).encode())
    runs.add(
        id_,
        *("Prepare", "Train", "Evaluate"),
        InputDataUri=MANIFEST,
        InputDataType="ManifestFile",
        SnapshotUri=f"{FOLDER}snapshot.json",
        Cause="data",
        ChampionModelUri=NO_CHAMPION,
        ModelApprovalStatus="Approved",
        max_depth="7",
    )


def given(runs: Runs) -> dict[str, str]:
    [request] = runs.started
    return {each["Name"]: each["Value"] for each in request["PipelineParameters"]}


def test_unchanged_data_are_read_by_the_same_manifest(
    sageloop: Any, runs: Runs, flights: boto3.Session
) -> None:
    put(flights, jan="1", feb="2")
    started_by_data(flights, runs)
    put(flights, mar="3")  # what came later was not read
    result = sageloop("run", "--again", "older", "--json")
    assert result.exit_code == 0, result.stderr
    assert given(runs) == {
        "InputDataUri": MANIFEST,
        "InputDataType": "ManifestFile",
        "SnapshotUri": f"{FOLDER}snapshot.json",
        "Cause": "data",
        "ChampionModelUri": NO_CHAMPION,
        # It may be older than what is in service.
        "ModelApprovalStatus": "PendingManualApproval",
        "max_depth": "7",
    }
    assert json.loads(result.stdout)["again"] == "older0000001"
    assert "the same as older0000001" in runs.started[0]["PipelineExecutionDescription"]
    assert "deployed anew" not in result.stderr


def test_changed_and_deleted_data_are_brought_back(sageloop: Any, runs: Runs, flights: boto3.Session) -> None:
    put(flights, jan="first", feb="second", mar="third")
    started_by_data(flights, runs)
    put(flights, jan="changed", feb="second")
    flights.client("s3").delete_object(Bucket=INCOMING, Key="data/mar.csv")
    result = sageloop("run", "--again", "older")
    assert result.exit_code == 0, result.stderr
    assert given(runs)["InputDataUri"] == f"{FOLDER}again.manifest"
    s3 = flights.client("s3")

    def text(name: str) -> str:
        key = f"{FOLDER.removeprefix(f's3://{BUCKET}/')}{name}"
        return s3.get_object(Bucket=BUCKET, Key=key)["Body"].read().decode()

    prefix, *names = json.loads(text("again.manifest"))
    assert prefix == {"prefix": f"{FOLDER}data/"}
    assert {name: text(f"data/{name}") for name in names} == {
        "jan.csv": "first",
        "feb.csv": "second",
        "mar.csv": "third",
    }
    assert "objects have changed" in " ".join(result.stderr.split())


def test_what_is_gone_for_good_starts_nothing(sageloop: Any, runs: Runs, flights: boto3.Session) -> None:
    put(flights, jan="first", feb="second")
    started_by_data(flights, runs)
    s3 = flights.client("s3")
    for each in s3.list_object_versions(Bucket=INCOMING, Prefix="data/jan")["Versions"]:
        s3.delete_object(Bucket=INCOMING, Key=each["Key"], VersionId=each["VersionId"])
    result = sageloop("run", "--again", "older")
    assert (result.exit_code, runs.started) == (1, [])
    assert "what it read of data/jan.csv was replaced or deleted" in " ".join(result.stderr.split())


def test_a_run_that_nobody_listed_is_repeated_on_what_lies_there(sageloop: Any, runs: Runs) -> None:
    runs.add("older0000001", "Prepare", InputDataUri=f"s3://{INCOMING}/data/", InputDataType="S3Prefix")
    result = sageloop("run", "--again", "older")
    assert result.exit_code == 0
    assert "Nobody listed what run older0000001 read" in " ".join(result.stderr.split())
    assert given(runs)["InputDataUri"] == f"s3://{INCOMING}/data/"


def test_another_pipeline_is_told(sageloop: Any, runs: Runs, answers: Any) -> None:
    runs.add("older0000001", "Prepare")
    answers["DescribePipelineDefinitionForExecution"] = lambda _: {"PipelineDefinition": compiled(tune=3)}
    assert "was deployed anew since" in " ".join(sageloop("run", "--again", "older").stderr.split())


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--again", "older", "--set", "max_depth=3"], 2, "leave the other options out"),
        (["--again", "older", "--from", "Train"], 2, "leave the other options out"),
        (["--again", "nothing"], 1, "has no run nothing"),
        (["--again", "part"], 1, "took results of another run: repeat that one, older0000001."),
        (["--again", "strange"], 1, "has no parameter depth any more"),
    ],
)
def test_what_is_refused_starts_nothing(
    sageloop: Any, runs: Runs, arguments: list[str], code: int, said: str
) -> None:
    runs.add("older0000001", "Prepare")
    runs.add("part00000001", "Train", source=f"{PIPELINE}/execution/older0000001")
    runs.add("strange00001", "Prepare", depth="3")
    result = sageloop("run", *arguments)
    assert (result.exit_code, runs.started) == (code, [])
    assert said in " ".join(result.stderr.replace("│", " ").split())


def learnt(aws: boto3.Session, answers: Any, **models: dict[str, bytes]) -> None:
    """What the training jobs of runs have learnt; the archives are never the same bytes."""
    places = {}
    for number, (id_, files) in enumerate(models.items()):
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w:gz") as tar:
            for name, content in files.items():
                member = tarfile.TarInfo(name)
                member.size, member.mtime = len(content), number
                tar.addfile(member, io.BytesIO(content))
        key = f"executions/{id_}/model.tar.gz"
        aws.client("s3").put_object(Bucket=BUCKET, Key=key, Body=archive.getvalue())
        places[f"pipelines-{id_}-Train-abc"] = f"s3://{BUCKET}/{key}"
    answers["DescribeTrainingJob"] = lambda asked: {
        "ModelArtifacts": {"S3ModelArtifacts": places[asked["TrainingJobName"]]}
    }


@pytest.mark.parametrize(
    ("model", "digest", "said"),
    [
        ({"model.ubj": b"trees", "model.json": b"later"}, "1", "The same data and model, byte for byte"),
        ({"model.ubj": b"other"}, "1", "has learnt another model than run older0000001"),
        ({"model.ubj": b"trees"}, "2", "has read other data than run older0000001"),
    ],
)
def test_with_wait_what_came_of_it_is_compared(
    sageloop: Any,
    runs: Runs,
    flights: boto3.Session,
    answers: Any,
    model: dict[str, bytes],
    digest: str,
    said: str,
) -> None:
    put(flights, jan="1")
    started_by_data(flights, runs)
    runs.add("started0001", "Prepare", "Train", "Evaluate")
    runs.prepared("older0000001")
    runs.prepared("started0001", digest=digest * 64)
    learnt(
        flights,
        answers,
        older0000001={"model.ubj": b"trees", "model.json": b"earlier"},
        started0001=model,
    )
    result = sageloop("run", "--again", "older", "--wait")
    assert said in " ".join((result.stdout + result.stderr).split())
    assert result.exit_code == (0 if "The same" in said else 1)
