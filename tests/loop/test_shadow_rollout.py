"""The rollout Shadow, whole: compared on copies of the calls, then deployed or rejected, and told."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.cloud import Cloud
from tests.loop.deployed import CHECKOUT, until
from tests.loop.own_cloud import REGISTRY, docker, own_cloud
from tests.loop.raw_stacks import client_of

NAME = "beside"
APP = """from declaration import Data, Endpoint, Project, Shadow
from stacks import deploy

deploy(
    Project(
        name="beside",
        data=Data(target="y"),
        retain=False,
        endpoint=Endpoint(calls_per_minute=600, max_instances=2, rollout=Shadow(wait="0 s", calls=20)),
    )
)
"""
# In the repository of our own image, the only one that the role of the models may pull from.
IMAGE = f"{REGISTRY}/cdk-hnb659fds-container-assets-000000000000-us-east-1:factor"
# Answers the first cell of a row, times what the package says.
SERVE = """#!/usr/bin/env python3
import http.server, os
FACTOR = float(os.environ["FACTOR"])
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def reply(self, text):
        self.send_response(200)
        self.send_header("Content-Type", "text/csv")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())
    def do_GET(self):
        self.reply("")
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.reply(str(FACTOR * float(body.split(",")[0])))
    def log_message(self, *_):
        pass
http.server.ThreadingHTTPServer(("0.0.0.0", 8080), Handler).serve_forever()
"""


class Beside:
    """The deployed project, and what happens to its models."""

    def __init__(self, cloud: Cloud, directory: Path) -> None:
        self._cloud = cloud
        self._environment = os.environ | cloud.environment() | {"SAGELOOP_STATE": str(directory / "state")}
        app = directory / NAME / "app.py"
        app.parent.mkdir()
        app.write_text(APP)
        self.sageloop("deploy", str(app))
        image = directory / "image"
        image.mkdir()
        (image / "Dockerfile").write_text(
            'FROM debian:bookworm-slim\nCOPY serve /usr/local/bin/serve\nCMD ["serve"]\n'
        )
        (image / "serve").write_text(SERVE)
        (image / "serve").chmod(0o755)
        docker(cloud, "build", "--tag", IMAGE, "--platform", "linux/amd64", str(image))
        docker(cloud, "push", IMAGE)
        self._heard = self._listen()
        self._events: list[dict[str, Any]] = []

    def client(self, service: str) -> Any:
        """A boto3 client of the account's root."""
        return client_of(self._cloud, service)

    def sageloop(self, *arguments: str) -> str:
        """What a command prints that must succeed."""
        command = [str(Path(sys.executable).with_name("sageloop")), *arguments]
        done = subprocess.run(
            command, env=self._environment, cwd=CHECKOUT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def status(self) -> Any:
        """What the command tells programs."""
        return json.loads(self.sageloop("status", "--json"))

    def approve(self, factor: float) -> str:
        """Register a package that answers so, approved; its ARN."""
        container = {"Image": IMAGE, "Environment": {"FACTOR": str(factor)}}
        arn: str = self.client("sagemaker").create_model_package(
            ModelPackageGroupName=NAME,
            ModelApprovalStatus="Approved",
            InferenceSpecification={
                "Containers": [container],
                "SupportedContentTypes": ["text/csv"],
                "SupportedResponseMIMETypes": ["text/csv"],
            },
        )["ModelPackageArn"]
        return arn

    def parameters(self) -> tuple[str, str] | None:
        """The packages that serve and are compared, once no update is under way."""
        [stack] = self.client("cloudformation").describe_stacks(StackName=f"{NAME}-serving")["Stacks"]
        values = {p["ParameterKey"]: p.get("ParameterValue", "") for p in stack["Parameters"]}
        if stack["StackStatus"].endswith("_IN_PROGRESS"):
            return None
        return values["ModelPackageArn"], values["ShadowModelPackageArn"]

    def becomes(self, serving: str, compared: str) -> None:
        """Wait until these packages serve and are compared."""
        until(f"{(serving, compared)}", lambda: self.parameters() == (serving, compared))

    def ask(self, numbers: range) -> list[float]:
        """The answers to so many different requests, once both variants have written theirs down."""
        s3 = self.client("s3")
        before = self._captured(s3)
        answers = [self.answer(n) for n in numbers]
        until("captured answers", lambda: self._captured(s3) >= before + 2 * len(numbers))
        return answers

    def answer(self, number: int) -> float:
        """The answer to a request."""
        runtime = self.client("sagemaker-runtime")
        answer = runtime.invoke_endpoint(EndpointName=NAME, ContentType="text/csv", Body=f"{number},1\n")
        return float(answer["Body"].read())

    def _captured(self, s3: Any) -> int:
        """How many calls are captured, of both variants."""
        [storage] = self.client("cloudformation").describe_stacks(StackName=f"{NAME}-storage")["Stacks"]
        bucket = {o["OutputKey"]: o["OutputValue"] for o in storage["Outputs"]}["CapturedBucket"]
        listed = s3.list_objects_v2(Bucket=bucket, Prefix=f"traffic/{NAME}/").get("Contents", [])
        bodies = [s3.get_object(Bucket=bucket, Key=each["Key"])["Body"].read() for each in listed]
        return sum(body.count(b"\n") for body in bodies)

    def clock(self) -> None:
        """What EventBridge sends by the schedule, without a wait for it."""
        sqs = self.client("sqs")
        url = sqs.get_queue_url(QueueName=f"{NAME}-promote")["QueueUrl"]
        event = {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}
        sqs.send_message(QueueUrl=url, MessageBody=json.dumps(event))

    def heard(self, kind: str) -> dict[str, Any] | None:
        """The detail of an event of this kind, if it has come."""
        received = self.client("sqs").receive_message(QueueUrl=self._heard, MaxNumberOfMessages=10)
        self._events += [json.loads(each["Body"]) for each in received.get("Messages", [])]
        return next((each["detail"] for each in self._events if each["detail-type"] == kind), None)

    def _listen(self) -> str:
        sqs, events = self.client("sqs"), self.client("events")
        url: str = sqs.create_queue(QueueName="heard")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        anybody = {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [anybody]})
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
        events.put_rule(Name="heard", EventPattern=json.dumps({"source": ["sageloop"]}))
        events.put_targets(Rule="heard", Targets=[{"Id": "queue", "Arn": arn}])
        return url


@pytest.fixture(scope="module")
def beside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Beside]:
    directory = tmp_path_factory.mktemp("shadow_rollout")
    with own_cloud(directory / "aws") as cloud:
        yield Beside(cloud, directory)


@pytest.mark.slow
def test_a_model_is_compared_before_it_takes_over(beside: Beside) -> None:
    first = beside.approve(1.0)
    beside.becomes(first, "")

    second = beside.approve(1.001)
    beside.becomes(first, second)
    assert beside.ask(range(30)) == [float(n) for n in range(30)], "nobody gets the answers of a shadow"
    endpoint = beside.status()["endpoint"]
    assert (endpoint["version"], endpoint["shadow"]["version"], endpoint["shadow"]["share"]) == (1, 2, 1.0)
    assert "version 2 is compared: it gets copies of 100% of the calls" in beside.sageloop("status")
    beside.clock()
    beside.becomes(second, "")
    assert beside.status()["endpoint"]["version"] == 2

    third = beside.approve(-5.0)
    beside.becomes(second, third)
    beside.ask(range(40))
    beside.clock()
    beside.becomes(second, "")
    detail = until("the event", lambda: beside.heard("Model Not Deployed"))
    assert (detail["version"], detail["serving"]["version"]) == (3, 2)
    assert (detail["comparison"]["calls"], detail["shadow"]["faults"]) == (40, 0)
    assert detail["shadow"]["calls"] > 0
    assert detail["shadow"]["p99Milliseconds"] > 0
    assert detail["comparison"]["maxDifference"] == pytest.approx(39 * 6.001)
    described = beside.client("sagemaker").describe_model_package(ModelPackageName=third)
    assert described["ModelApprovalStatus"] == "Rejected"
    assert described["ApprovalDescription"].startswith("Not deployed: ")
    found = beside.status()
    assert (found["not_deployed"]["version"], found["rollback"]) == (3, None)
    assert beside.answer(4) == pytest.approx(4 * 1.001)
