"""Spot training, batch transform, step caching and selective execution, in real containers."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local import cloud as clouds
from local.cloud import Cloud
from tests.loop.archives import unpacked
from tests.loop.own_cloud import image_of, own_cloud, push_programs
from tests.loop.raw_stacks import (
    Json,
    allow,
    att,
    client_of,
    container_rights,
    delete_all,
    encrypted_bucket,
    eventually,
    key,
    outputs,
    ref,
    role,
    stack,
)

REPOSITORY = "counting"
IMAGE = image_of(REPOSITORY)
ROUNDS = 30
# Counts to ROUNDS, from where its checkpoint says; the sum is the model.
TRAIN = f"""#!/usr/bin/env python3
import json, pathlib, signal, sys, time
kept = pathlib.Path("/opt/ml/checkpoints/state.json")
done, total = json.loads(kept.read_text()) if kept.exists() else (0, 0)
def leave(*_):
    kept.write_text(json.dumps([done, total]))
    sys.exit(0)
signal.signal(signal.SIGTERM, leave)
print("from round", done, flush=True)
while done < {ROUNDS}:
    time.sleep(0.1)
    done, total = done + 1, total + done + 1
pathlib.Path("/opt/ml/model/total").write_text(str(total))
"""
# Answers each number with its product with the model.
SERVE = """#!/usr/bin/env python3
import http.server, pathlib, time
MODEL = int(pathlib.Path("/opt/ml/model/total").read_text())
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def reply(self, status, text):
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())
    def do_GET(self):
        self.reply(200 if self.path == "/ping" else 404, "")
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        time.sleep(0.02)
        self.reply(200, "\\n".join(str(MODEL * int(line)) for line in body.splitlines()))
    def log_message(self, *_):
        pass
print("serving", MODEL, flush=True)
http.server.ThreadingHTTPServer(("0.0.0.0", 8080), Handler).serve_forever()
"""
TOTAL = ROUNDS * (ROUNDS + 1) // 2


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """An AWS that takes every spot instance away after a second."""
    directory = tmp_path_factory.mktemp("batch")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SAGELOOP_SPOT_INTERRUPTION_SECONDS", "1")
        with own_cloud(directory / "aws") as cloud:
            push_programs(cloud, directory, REPOSITORY, train=TRAIN, serve=SERVE)
            yield cloud


@pytest.fixture(scope="module")
def made(cloud: Cloud) -> Iterator[dict[str, str]]:
    """Bucket, key and roles; the pipeline's role may do what its steps do, the jobs' what they need."""
    inside = {"Fn::Sub": "${Bucket.Arn}/*"}
    jobs = [
        allow(["s3:GetObject", "s3:PutObject"], inside),
        allow("s3:ListBucket", att("Bucket", "Arn")),
        allow(["kms:GenerateDataKey", "kms:Encrypt", "kms:Decrypt"], att("Key", "Arn")),
        *container_rights(f"000000000000:repository/{REPOSITORY}"),
    ]
    kinds = ("training-job", "transform-job", "model")
    arns = [f"arn:aws:sagemaker:us-east-1:000000000000:{kind}/pipelines-*" for kind in kinds]
    operations = [
        f"sagemaker:{verb}{noun}"
        for noun in ("TrainingJob", "TransformJob", "Model")
        for verb in ("Create", "Describe")
    ]
    pipeline = [
        allow([*operations, "sagemaker:AddTags"], arns),
        allow("iam:PassRole", att("Jobs", "Arn")),
    ]
    resources = {
        "Key": key(),
        "Bucket": encrypted_bucket(),
        "Jobs": role("sagemaker.amazonaws.com", *jobs),
        "Pipeline": role("sagemaker.amazonaws.com", *pipeline),
    }
    shown = outputs(
        Bucket=ref("Bucket"), Key=att("Key", "Arn"), Jobs=att("Jobs", "Arn"), Pipeline=att("Pipeline", "Arn")
    )

    def client(service: str) -> Any:
        return client_of(cloud, service)

    with stack(client, "batch", resources, Outputs=shown) as made:
        numbers = "".join(f"{number}\n" for number in range(200))
        client("s3").put_object(Bucket=made["Bucket"], Key="in/numbers.csv", Body=numbers.encode())
        definition = json.dumps(pipeline_definition(made))
        client("sagemaker").create_pipeline(
            PipelineName="counting", PipelineDefinition=definition, RoleArn=made["Pipeline"]
        )
        yield made
        delete_all(client("s3"), made["Bucket"])


def pipeline_definition(made: dict[str, str]) -> Json:
    bucket = made["Bucket"]
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{bucket}/in/"}
    train = {
        "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        "RoleArn": made["Jobs"],
        "InputDataConfig": [{"ChannelName": "train", "DataSource": {"S3DataSource": source}}],
        "OutputDataConfig": {"S3OutputPath": f"s3://{bucket}/models", "KmsKeyId": made["Key"]},
        "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 600, "MaxWaitTimeInSeconds": 1200},
        "EnableManagedSpotTraining": True,
        "CheckpointConfig": {"S3Uri": f"s3://{bucket}/checkpoints"},
        "EnableNetworkIsolation": True,
    }
    artifact = {"Get": "Steps.Train.ModelArtifacts.S3ModelArtifacts"}
    model = {
        "ExecutionRoleArn": made["Jobs"],
        "PrimaryContainer": {"Image": IMAGE, "ModelDataUrl": artifact},
        "EnableNetworkIsolation": True,
    }
    identifier = {"Get": "Execution.PipelineExecutionId"}
    target = {"Std:Join": {"On": "/", "Values": [f"s3://{bucket}/predictions", identifier]}}
    predict = {
        "ModelName": {"Get": "Steps.Model.ModelName"},
        "TransformInput": {
            "DataSource": {"S3DataSource": source},
            "ContentType": "text/csv",
            "SplitType": "Line",
        },
        "TransformOutput": {"S3OutputPath": target, "AssembleWith": "Line", "KmsKeyId": made["Key"]},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        "BatchStrategy": "SingleRecord",
        "MaxConcurrentTransforms": 2,
    }
    cache = {"Enabled": True, "ExpireAfter": "PT1H"}
    return {
        "Version": "2020-12-01",
        "Steps": [
            {"Name": "Train", "Type": "Training", "Arguments": train, "CacheConfig": cache},
            {"Name": "Model", "Type": "Model", "Arguments": model},
            {"Name": "Predict", "Type": "Transform", "Arguments": predict},
        ],
    }


def run(sagemaker: Any, **selection: Any) -> tuple[str, dict[str, Json]]:
    """An execution that has ended, and its steps."""
    arn = sagemaker.start_pipeline_execution(PipelineName="counting", **selection)["PipelineExecutionArn"]
    return arn, steps_at_end(sagemaker, arn)


def steps_at_end(sagemaker: Any, arn: str) -> dict[str, Json]:
    def status() -> str:
        found: str = sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)[
            "PipelineExecutionStatus"
        ]
        return "" if found in ("Executing", "Stopping") else found

    assert eventually(status, 90) == "Succeeded"
    steps = sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)["PipelineExecutionSteps"]
    return {step["StepName"]: step for step in steps}


def predictions(cloud: Cloud, made: dict[str, str], arn: str) -> list[int]:
    name = f"predictions/{arn.rpartition('/')[2]}/numbers.csv.out"
    found = client_of(cloud, "s3").get_object(Bucket=made["Bucket"], Key=name)
    assert found["SSEKMSKeyId"] == made["Key"]
    return [int(line) for line in found["Body"].read().split()]


def test_a_wrong_setting_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAGELOOP_SPOT_INTERRUPTION_SECONDS", "soon")
    sentence = "SAGELOOP_SPOT_INTERRUPTION_SECONDS must be a number of seconds, but is 'soon'."
    with pytest.raises(clouds.CloudError) as raised:
        clouds.start(tmp_path / "aws")
    assert str(raised.value).splitlines()[-1] == sentence
    assert "Traceback" not in str(raised.value)


EXPECTED = [TOTAL * number for number in range(200)]


def test_an_interrupted_training_predicts_as_if_nothing_had_happened(
    cloud: Cloud, made: dict[str, str]
) -> None:
    sagemaker = client_of(cloud, "sagemaker")
    first, steps = run(sagemaker)
    name = steps["Train"]["Metadata"]["TrainingJob"]["Arn"].rpartition("/")[2]
    job = sagemaker.describe_training_job(TrainingJobName=name)
    assert [transition["Status"] for transition in job["SecondaryStatusTransitions"]].count(
        "Interrupted"
    ) == 1
    assert job["BillableTimeInSeconds"] < job["TrainingTimeInSeconds"]
    place = job["ModelArtifacts"]["S3ModelArtifacts"].partition(f"{made['Bucket']}/")[2]
    packed = client_of(cloud, "s3").get_object(Bucket=made["Bucket"], Key=place)["Body"].read()
    assert int(unpacked(packed, "total")) == TOTAL
    assert predictions(cloud, made, first) == EXPECTED

    again, steps = run(sagemaker)
    assert steps["Train"]["CacheHitResult"] == {"SourcePipelineExecutionArn": first}
    assert predictions(cloud, made, again) == EXPECTED

    selection = {"SourcePipelineExecutionArn": first, "SelectedSteps": [{"StepName": "Predict"}]}
    alone, steps = run(sagemaker, SelectiveExecutionConfig=selection)
    assert set(steps) == {"Model", "Predict"}
    assert steps["Model"]["SelectiveExecutionResult"] == {"SourcePipelineExecutionArn": first}
    assert predictions(cloud, made, alone) == EXPECTED


def test_a_transform_goes_on_after_a_kill(cloud: Cloud, made: dict[str, str]) -> None:
    sagemaker = client_of(cloud, "sagemaker")
    arn = sagemaker.start_pipeline_execution(PipelineName="counting")["PipelineExecutionArn"]
    logs = client_of(cloud, "logs")

    def serving() -> bool:
        groups = logs.describe_log_groups(logGroupNamePrefix="/aws/sagemaker/TransformJobs")["logGroups"]
        if not groups:
            return False
        prefix = f"pipelines-{arn.rpartition('/')[2]}-Predict"
        found = logs.describe_log_streams(
            logGroupName="/aws/sagemaker/TransformJobs", logStreamNamePrefix=prefix
        )
        return bool(found["logStreams"])

    assert eventually(serving, 60)
    before = set(clouds.processes(cloud.state))
    os.kill(cloud.pid, signal.SIGKILL)
    again = clouds.start(cloud.state, speed=cloud.speed)
    assert again.pid != cloud.pid
    steps = steps_at_end(sagemaker, arn)
    assert steps["Predict"]["AttemptCount"] == 1
    assert predictions(cloud, made, arn) == EXPECTED
    assert not before & set(clouds.processes(cloud.state)), "a container outlived its cloud"
