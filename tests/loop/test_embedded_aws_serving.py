"""An endpoint deployed by CloudFormation: it serves, scales, is replaced, goes back, and outlives a kill."""

import io
import json
import os
import signal
import subprocess
import tarfile
from collections.abc import Iterator
from typing import Any

import pytest

from local import cloud as clouds
from local.cloud import ROOT, Cloud
from tests.loop.raw_stacks import Json, allow, att, client_of, eventually, finished, outputs, ref, role
from tests.loop.test_embedded_aws_api import call, rest_api

IMAGE = "000000000000.dkr.ecr.us-east-1.amazonaws.com/tiny:1"
SERVE = """#!/usr/bin/env python3
import http.server, json, pathlib, sys
ANSWER = pathlib.Path("/opt/ml/model/answer").read_text()
if ANSWER == "broken":
    sys.exit(3)
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def reply(self, status, text):
        self.send_response(status)
        self.send_header("Content-Type", "text/csv")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())
    def do_GET(self):
        self.reply(200, "")
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if body == "garbage":
            self.reply(400, json.dumps({"code": "Malformed", "message": "not numbers"}))
        else:
            self.reply(200, ANSWER)
    def log_message(self, *_):
        pass
http.server.ThreadingHTTPServer(("0.0.0.0", 8080), Handler).serve_forever()
"""
DOCKERFILE = """FROM debian:bookworm-slim
RUN apt-get update && apt-get install --no-install-recommends -y python3
COPY serve /opt/tiny/serve
ENV PATH=/opt/tiny:/usr/local/bin:/usr/bin:/bin
"""


@pytest.fixture(scope="module")
def serving_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    directory = tmp_path_factory.mktemp("serving")
    state = directory / "aws"
    cloud = clouds.start(state, speed=60)
    client_of(cloud, "ecr").create_repository(repositoryName="tiny")
    context = directory / "image"
    context.mkdir()
    (context / "Dockerfile").write_text(DOCKERFILE)
    (context / "serve").write_text(SERVE)
    (context / "serve").chmod(0o755)
    docker(cloud, "build", "--tag", IMAGE, "--platform", "linux/amd64", str(context))
    docker(cloud, "push", IMAGE)
    s3 = client_of(cloud, "s3")
    s3.create_bucket(Bucket="serving-models")
    for answer in ("one", "two", "broken"):
        s3.put_object(Bucket="serving-models", Key=f"{answer}.tar.gz", Body=model(answer))
    yield cloud
    clouds.stop(state)
    assert not clouds.processes(state)


def docker(cloud: Cloud, *arguments: str) -> None:
    environment = os.environ | cloud.environment()
    done = subprocess.run(
        [ROOT / "local" / "docker", *arguments], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def model(answer: str) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        member = tarfile.TarInfo("answer")
        member.size = len(answer)
        archive.addfile(member, io.BytesIO(answer.encode()))
    return packed.getvalue()


def serving(answer: str) -> Json:
    image = "arn:aws:ecr:us-east-1:000000000000:repository/tiny"
    pull = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:BatchCheckLayerAvailability"]
    logs = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"]
    resources = {
        "ModelRole": role(
            "sagemaker.amazonaws.com",
            allow("s3:GetObject", "arn:aws:s3:::serving-models/*"),
            allow("s3:ListBucket", "arn:aws:s3:::serving-models"),
            allow(pull, image),
            allow("ecr:GetAuthorizationToken", "*"),
            allow(logs, "*"),
            allow("cloudwatch:PutMetricData", "*"),
        ),
        "Model": {
            "Type": "AWS::SageMaker::Model",
            "Properties": {
                "ExecutionRoleArn": att("ModelRole", "Arn"),
                "PrimaryContainer": {
                    "Image": IMAGE,
                    "ModelDataUrl": f"s3://serving-models/{answer}.tar.gz",
                },
                "EnableNetworkIsolation": True,
            },
        },
        "Config": {
            "Type": "AWS::SageMaker::EndpointConfig",
            "Properties": {
                "ProductionVariants": [
                    {
                        "VariantName": "primary",
                        "ModelName": att("Model", "ModelName"),
                        "InitialInstanceCount": "1",
                        "InstanceType": "ml.c5.large",
                        "InitialVariantWeight": "1.0",
                    }
                ]
            },
        },
        "Endpoint": {
            "Type": "AWS::SageMaker::Endpoint",
            "Properties": {
                "EndpointName": "flights-x",
                "EndpointConfigName": att("Config", "EndpointConfigName"),
                "RetainAllVariantProperties": "true",
                "DeploymentConfig": {
                    "BlueGreenUpdatePolicy": {
                        "TrafficRoutingConfiguration": {
                            "Type": "ALL_AT_ONCE",
                            "WaitIntervalInSeconds": "30",
                        },
                        "TerminationWaitInSeconds": 0,
                    }
                },
            },
        },
        "Target": {
            "Type": "AWS::ApplicationAutoScaling::ScalableTarget",
            "Properties": {
                "ServiceNamespace": "sagemaker",
                "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
                "ResourceId": {"Fn::Sub": "endpoint/${Endpoint.EndpointName}/variant/primary"},
                "MinCapacity": "2",
                "MaxCapacity": "3",
            },
        },
        "Policy": {
            "Type": "AWS::ApplicationAutoScaling::ScalingPolicy",
            "Properties": {
                "PolicyName": "load",
                "PolicyType": "TargetTrackingScaling",
                "ScalingTargetId": ref("Target"),
                "TargetTrackingScalingPolicyConfiguration": {
                    "TargetValue": "1000",
                    "PredefinedMetricSpecification": {
                        "PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"
                    },
                },
            },
        },
    }
    return resources | rest_api("sagemaker:InvokeEndpoint")


def change(cloud: Cloud, answer: str, verb: str) -> str:
    cloudformation = client_of(cloud, "cloudformation")
    template = {"Resources": serving(answer), "Outputs": outputs(Api=ref("Api"))}
    call_ = cloudformation.create_stack if verb == "create" else cloudformation.update_stack
    call_(StackName="serving", TemplateBody=json.dumps(template), Capabilities=["CAPABILITY_IAM"])
    return eventually(lambda: finished(cloudformation, "serving"), 60)


def invoke(cloud: Cloud) -> str:
    answer = client_of(cloud, "sagemaker-runtime").invoke_endpoint(
        EndpointName="flights-x", ContentType="text/csv", Body=b"1,2\n"
    )
    return str(answer["Body"].read().decode())


def events(cloud: Cloud) -> list[tuple[str, str]]:
    shown = client_of(cloud, "cloudformation").describe_stack_events(StackName="serving")["StackEvents"]
    failed = [e for e in shown if e["ResourceStatus"].endswith("_FAILED")]
    return [(e["LogicalResourceId"], e.get("ResourceStatusReason", "")) for e in failed]


def test_from_creation_to_deletion(serving_cloud: Cloud) -> None:
    cloud = serving_cloud
    sagemaker = client_of(cloud, "sagemaker")
    assert change(cloud, "one", "create") == "CREATE_COMPLETE", events(cloud)
    assert invoke(cloud) == "one"

    described = client_of(cloud, "cloudformation").describe_stacks(StackName="serving")["Stacks"][0]
    api = described["Outputs"][0]["OutputValue"]
    assert call(cloud, api, b"1,2\n").data == b"one"
    refused = call(cloud, api, b"garbage")
    assert refused.status == 400
    assert json.loads(refused.data) == {"code": "Malformed", "message": "not numbers"}

    def instances() -> int:
        [variant] = sagemaker.describe_endpoint(EndpointName="flights-x")["ProductionVariants"]
        return int(variant["CurrentInstanceCount"])

    assert eventually(lambda: instances() == 2), "the minimum of the scalable target"

    before = sagemaker.describe_endpoint(EndpointName="flights-x")["EndpointConfigName"]
    assert change(cloud, "two", "update") == "UPDATE_COMPLETE", events(cloud)
    assert invoke(cloud) == "two"
    after = sagemaker.describe_endpoint(EndpointName="flights-x")["EndpointConfigName"]
    assert [c["EndpointConfigName"] for c in sagemaker.list_endpoint_configs()["EndpointConfigs"]] == [after]
    assert before != after

    assert change(cloud, "broken", "update") == "UPDATE_ROLLBACK_COMPLETE"
    assert any(name == "Endpoint" and "ping" in reason for name, reason in events(cloud)), events(cloud)
    assert invoke(cloud) == "two"
    configs = sagemaker.list_endpoint_configs()["EndpointConfigs"]
    assert [c["EndpointConfigName"] for c in configs] == [after]

    os.kill(cloud.pid, signal.SIGKILL)
    assert eventually(lambda: clouds.running(cloud.state) is None)
    assert eventually(lambda: not clouds.processes(cloud.state)), "containers die with the server"
    clouds.start(cloud.state, speed=60)
    assert eventually(lambda: answers(cloud) == "two")

    cloudformation = client_of(cloud, "cloudformation")
    cloudformation.delete_stack(StackName="serving")
    stack_id = described["StackId"]
    assert eventually(lambda: finished(cloudformation, stack_id)) == "DELETE_COMPLETE", events(cloud)
    assert sagemaker.list_endpoints()["Endpoints"] == []


def answers(cloud: Cloud) -> str:
    """What the endpoint answers; nothing while its instances are coming back."""
    sagemaker: Any = client_of(cloud, "sagemaker-runtime")
    try:
        return invoke(cloud)
    except sagemaker.exceptions.ClientError:
        return ""
