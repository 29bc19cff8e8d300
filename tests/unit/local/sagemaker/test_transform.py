import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.errors import ResourceInUse, ValidationException
from local.sagemaker.service import SageMaker
from tests.unit.local.sagemaker.serving_cloud import (
    model_request,
    put_model,
    serving_cloud,
    transform_request,
)
from tests.unit.local.sagemaker.small_cloud import JOB_ROLE, DiskHost, put

GROUP = "/aws/sagemaker/TransformJobs"


@pytest.fixture
def host(tmp_path: Path) -> Iterator[DiskHost]:
    host, sagemaker = serving_cloud(tmp_path)
    sagemaker.resume()
    yield host
    sagemaker.close()


@pytest.fixture
def sagemaker(host: DiskHost) -> SageMaker:
    assert host.sagemaker is not None
    return host.sagemaker


def begin(sagemaker: SageMaker, host: DiskHost, behaviour: dict[str, Any], **members: Any) -> None:
    request = model_request(put_model(host, **behaviour))
    sagemaker.call("CreateModel", {"ModelName": "sums", **request})
    sagemaker.call("CreateTransformJob", {"TransformJobName": "t", **transform_request(**members)})


def ended(sagemaker: SageMaker) -> dict[str, Any]:
    def job() -> dict[str, Any]:
        return sagemaker.call("DescribeTransformJob", {"TransformJobName": "t"})

    final = ("Completed", "Failed", "Stopped")
    assert sagemaker.context.store.wait(lambda: job()["TransformJobStatus"] in final, 60)
    return job()


def transform(sagemaker: SageMaker, host: DiskHost, **members: Any) -> dict[str, Any]:
    begin(sagemaker, host, members.pop("behaviour", {}), **members)
    return ended(sagemaker)


def answers(host: DiskHost) -> dict[str, str]:
    root = host.state / "s3/out/answers"
    return {p.relative_to(root).as_posix(): p.read_text() for p in root.rglob("*") if p.is_file()}


def asked(host: DiskHost) -> list[str]:
    """What the server printed of each request: lines, ContentType and Accept."""
    return [line[6:] for line in host.logs(GROUP, "t").splitlines() if line.startswith("asked ")]


def test_each_object_gets_a_file_of_answers(sagemaker: SageMaker, host: DiskHost) -> None:
    put(host, "in/a.csv", "1,2\n3,4\n")
    put(host, "in/more/b.csv", "5,6")
    job = transform(sagemaker, host)
    assert job["TransformJobStatus"] == "Completed"
    assert answers(host) == {"a.csv.out": "3.0\n7.0\n", "more/b.csv.out": "11.0\n"}
    assert asked(host) == ["2 text/csv text/csv", "1 text/csv text/csv"]
    assert job["TransformEndTime"] >= job["TransformStartTime"] >= job["CreationTime"]
    assert "MaxConcurrentTransforms=1, MaxPayloadInMB=6, BatchStrategy=MULTI_RECORD" in host.logs(GROUP, "t")
    assert [s["TransformJobName"] for s in sagemaker.call("ListTransformJobs", {})["TransformJobSummaries"]]
    store = sagemaker.context.store
    assert store.wait(lambda: not store.outbox(), 5)
    kind = "SageMaker Transform Job State Change"
    assert [d["TransformJobStatus"] for k, d in host.events if k == kind] == ["InProgress", "Completed"]


def test_single_records_at_once_keep_their_order(sagemaker: SageMaker, host: DiskHost) -> None:
    put(host, "in/a.csv", "".join(f"{n},0\n" for n in range(40)))
    transform(sagemaker, host, BatchStrategy="SingleRecord", MaxConcurrentTransforms=4)
    assert answers(host)["a.csv.out"].split() == [f"{n}.0" for n in range(40)]
    assert asked(host) == ["1 text/csv text/csv"] * 40


def test_a_request_holds_no_more_than_the_payload(sagemaker: SageMaker, host: DiskHost) -> None:
    line = "1" + ",0" * 5000 + "\n"
    put(host, "in/a.csv", line * 250)
    transform(sagemaker, host, MaxPayloadInMB=1)
    assert answers(host)["a.csv.out"] == "1.0\n" * 250
    assert [int(request.split()[0]) for request in asked(host)] == [104, 104, 42]


def test_an_object_may_be_one_record(sagemaker: SageMaker, host: DiskHost) -> None:
    put(host, "in/a.csv", "1,2\n3,4\n")
    request = transform_request()
    del request["TransformInput"]["SplitType"], request["TransformOutput"]["AssembleWith"]
    transform(sagemaker, host, TransformInput=request["TransformInput"])
    assert asked(host) == ["2 text/csv text/csv"]


def test_the_algorithm_may_choose_the_settings(sagemaker: SageMaker, host: DiskHost) -> None:
    put(host, "in/a.csv", "1\n2\n")
    execution = {"MaxConcurrentTransforms": 2, "BatchStrategy": "SINGLE_RECORD", "MaxPayloadInMB": 3}
    transform(sagemaker, host, behaviour={"execution": execution}, MaxPayloadInMB=2)
    logs = host.logs(GROUP, "t")
    assert "MaxConcurrentTransforms=2, MaxPayloadInMB=2, BatchStrategy=SINGLE_RECORD" in logs


def test_the_server_learns_of_the_batch(sagemaker: SageMaker, host: DiskHost) -> None:
    put(host, "in/a.csv", "1\n")
    transform(sagemaker, host, BatchStrategy="SingleRecord", MaxPayloadInMB=2, Environment={"YOURS": "2"})
    expected = {
        "MINE": "1",
        "SAGEMAKER_BATCH": "true",
        "SAGEMAKER_BATCH_STRATEGY": "SINGLE_RECORD",
        "SAGEMAKER_MAX_PAYLOAD_IN_MB": "2",
        "YOURS": "2",
    }
    assert str(expected) in host.logs(GROUP, "t")


def test_answers_are_joined_with_what_was_asked(sagemaker: SageMaker, host: DiskHost) -> None:
    put(host, "in/a.csv", '"x, y",1,2\nz,3,4\n')
    processing = {"InputFilter": "$[1:]", "JoinSource": "Input", "OutputFilter": "$[0,-1]"}
    transform(sagemaker, host, DataProcessing=processing)
    assert answers(host) == {"a.csv.out": '"x, y",3.0\nz,7.0\n'}


def test_joined_answers_must_be_as_many(sagemaker: SageMaker, host: DiskHost) -> None:
    put(host, "in/a.csv", "1\n2\n")
    job = transform(sagemaker, host, behaviour={"most": 1}, DataProcessing={"JoinSource": "Input"})
    assert job["FailureReason"] == "ClientError: See job logs for more information"
    said = "data/in/a.csv: Fail to join data: mismatched line count between the input and the output"
    assert said in host.logs(GROUP, "t")


def test_a_refused_record_fails_the_job_and_its_object_alone(sagemaker: SageMaker, host: DiskHost) -> None:
    for name, content in (("a", "1\n"), ("b", "bad\n"), ("c", "2\n")):
        put(host, f"in/{name}.csv", content)
    job = transform(sagemaker, host)
    assert job["TransformJobStatus"] == "Failed"
    assert job["FailureReason"] == "ClientError: See job logs for more information"
    assert set(answers(host)) == {"a.csv.out", "c.csv.out"}
    logs = host.logs(GROUP, "t")
    assert "data/in/b.csv: ClientError: 400\n" in logs
    assert "data/in/b.csv: not a number\n" in logs


@pytest.mark.parametrize(
    ("record", "said"),
    [("boom", "AlgorithmError: 500"), ("die", "Unable to get response from algorithm")],
)
def test_a_server_that_fails(sagemaker: SageMaker, host: DiskHost, record: str, said: str) -> None:
    put(host, "in/a.csv", f"{record}\n")
    job = transform(sagemaker, host, ModelClientConfig={"InvocationsMaxRetries": 1})
    assert job["FailureReason"] == "AlgorithmError: See job logs for more information"
    assert f"data/in/a.csv: {said}\n" in host.logs(GROUP, "t")


def test_a_failed_request_is_made_again(sagemaker: SageMaker, host: DiskHost) -> None:
    put(host, "in/a.csv", "flaky,4\n")
    assert transform(sagemaker, host)["TransformJobStatus"] == "Completed"
    assert answers(host) == {"a.csv.out": "4.0\n"}


def test_a_server_that_does_not_start(sagemaker: SageMaker, host: DiskHost) -> None:
    put(host, "in/a.csv", "1\n")
    job = transform(sagemaker, host, behaviour={"die_at_start": True})
    assert job["FailureReason"] == "AlgorithmError: See job logs for more information"


def test_a_record_larger_than_the_payload(sagemaker: SageMaker, host: DiskHost) -> None:
    put(host, "in/a.csv", "1" + ",0" * 2**20)
    job = transform(sagemaker, host, MaxPayloadInMB=1)
    assert job["FailureReason"].startswith("ClientError: ")
    assert "Too much data for max payload size" in host.logs(GROUP, "t")


@pytest.mark.parametrize(
    "action",
    [
        "logs:PutLogEvents",
        "ecr:BatchGetImage",
        "ec2:CreateNetworkInterface",
        "kms:CreateGrant",
        "kms:GenerateDataKey",
        "s3:ListBucket",
        "s3:PutObject",
    ],
)
def test_each_permission_of_the_models_role_is_needed(
    sagemaker: SageMaker, host: DiskHost, action: str
) -> None:
    put(host, "in/a.csv", "1\n")
    vpc = {"VpcConfig": {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}}
    sagemaker.call("CreateModel", {"ModelName": "sums", **model_request(put_model(host), **vpc)})
    host.denied.add((JOB_ROLE, action))
    request = transform_request()
    request["TransformOutput"]["KmsKeyId"] = request["TransformResources"]["VolumeKmsKeyId"] = "alias/key"
    sagemaker.call("CreateTransformJob", {"TransformJobName": "t", **request})
    job = ended(sagemaker)
    assert job["TransformJobStatus"] == "Failed"
    assert f"not authorized to perform: {action} on" in job["FailureReason"]
    assert not answers(host)


def test_a_stopped_job_keeps_what_is_done(sagemaker: SageMaker, host: DiskHost) -> None:
    put(host, "in/a.csv", "1\n")
    put(host, "in/b.csv", "".join(f"{n}\n" for n in range(1000)))
    begin(sagemaker, host, {"delay": 0.1}, BatchStrategy="SingleRecord")
    while not answers(host):
        sagemaker.context.closing.wait(0.05)
    sagemaker.call("StopTransformJob", {"TransformJobName": "t"})
    assert ended(sagemaker)["TransformJobStatus"] == "Stopped"
    assert set(answers(host)) == {"a.csv.out"}
    with pytest.raises(ValidationException, match="in status Stopped"):
        sagemaker.call("StopTransformJob", {"TransformJobName": "t"})


def test_a_job_goes_on_after_a_restart_without_its_model(tmp_path: Path) -> None:
    host, before = serving_cloud(tmp_path)
    put(host, "in/a.csv", "1\n" * 20)
    before.resume()
    begin(before, host, {"delay": 0.1}, BatchStrategy="SingleRecord")
    while not asked(host):
        before.context.closing.wait(0.05)
    before.call("DeleteModel", {"ModelName": "sums"})
    before.close()
    assert not answers(host)
    host, after = serving_cloud(tmp_path)
    after.resume()
    assert ended(after)["TransformJobStatus"] == "Completed"
    assert answers(host) == {"a.csv.out": "1.0\n" * 20}
    after.close()


def test_what_cannot_run_is_refused_at_once(sagemaker: SageMaker, host: DiskHost) -> None:
    def refused(sentence: str, **members: Any) -> None:
        with pytest.raises(ValidationException, match=sentence):
            sagemaker.call("CreateTransformJob", {"TransformJobName": "t", **transform_request(**members)})

    refused('Could not find model "arn:aws:sagemaker:us-east-1:000000000000:model/sums"')
    sagemaker.call("CreateModel", {"ModelName": "sums", **model_request(put_model(host))})
    source = transform_request()["TransformInput"]
    refused("by Line only, not by TFRecord", TransformInput={**source, "SplitType": "TFRecord"})
    refused("cannot exceed 100 MB, but is 120", MaxPayloadInMB=60, MaxConcurrentTransforms=2)
    refused(r"InputFilter \$.features is not for CSV", DataProcessing={"InputFilter": "$.features"})
    json_lines = {**source, "ContentType": "application/jsonlines"}
    refused("joins records of CSV only", TransformInput=json_lines, DataProcessing={"JoinSource": "Input"})
    unsplit = {key: value for key, value in source.items() if key != "SplitType"}
    refused("MultiRecord needs SplitType Line", TransformInput=unsplit, BatchStrategy="MultiRecord")
    assert not sagemaker.call("ListTransformJobs", {})["TransformJobSummaries"]


def test_names_of_jobs_are_unique(sagemaker: SageMaker, host: DiskHost) -> None:
    put(host, "in/a.csv", "1\n")
    transform(sagemaker, host)
    with pytest.raises(ResourceInUse, match="must be unique"):
        sagemaker.call("CreateTransformJob", {"TransformJobName": "t", **transform_request()})


def test_a_manifest_names_the_objects(sagemaker: SageMaker, host: DiskHost) -> None:
    put(host, "in/a.csv", "1\n")
    put(host, "in/b.csv", "2\n")
    put(host, "manifest", json.dumps([{"prefix": "s3://data/in/"}, "b.csv"]))
    source = transform_request()["TransformInput"]
    source["DataSource"] = {"S3DataSource": {"S3DataType": "ManifestFile", "S3Uri": "s3://data/manifest"}}
    transform(sagemaker, host, TransformInput=source)
    assert answers(host) == {"b.csv.out": "2.0\n"}
