"""What people are told and decide, and what becomes of data and events that are not as they should be."""

from __future__ import annotations

import json
import re
import secrets
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import boto3
import urllib3

from cli import session
from examples.flights.demo.platform import PROJECT, DemoFailed, Platform, sageloop, until
from tests.loop.chat import Chat

CHAT = "least-privilege-chat"
PATIENCE = 25.0
"""Seconds that an event may take to have its effect."""
QUEUES = {
    f"{PROJECT}-retrain": f"{PROJECT}-dead-letters",
    f"{PROJECT}-promote": f"{PROJECT}-dead-letters",
    f"{PROJECT}-tell": f"{PROJECT}-dead-letters",
    f"{PROJECT}-monitor": f"{PROJECT}-monitor-dead-letters",
}
"""The queues of functions, and where what nobody can read goes from there."""
FUNCTIONS = ("retrain", "promote", "tell", "approve", "monitor")


class People:
    """Whoever reads a chat, follows its links and gives commands."""

    def __init__(self, chat: Chat) -> None:
        self._chat = chat
        self._sqs, self._s3 = boto3.client("sqs"), boto3.client("s3")
        self._sagemaker = boto3.client("sagemaker")
        boto3.client("secretsmanager").create_secret(Name=CHAT, SecretString=chat.address)

    def approve(self, version: int) -> None:
        """Approve a version as two people: by the link in the chat, and by the command."""
        answer = self._follow(version, "approve")
        if answer.status != 200:
            raise DemoFailed(f"the link of version {version} answered {answer.status}")
        sageloop("approve", str(version), "--no-wait")

    def trace(self) -> None:
        """Have the functions' settings accepted, as a deployment does: their roles may write traces."""
        for name in FUNCTIONS:
            boto3.client("lambda").update_function_configuration(
                FunctionName=f"{PROJECT}-{name}", TracingConfig={"Mode": "Active"}
            )

    def tell(self) -> None:
        """A new model is told with what it is worth and what it cost, and a failed run with its reason."""
        self.trace()
        package = self._candidate()
        version = int(package.rpartition("/")[2])
        told = until("a message", lambda: self._chat.heard(f"version {version} waits"), seconds=PATIENCE)
        self._sagemaker.delete_model_package(ModelPackageName=package)
        if " USD." not in told:
            raise DemoFailed(f"a message does not say what a model cost: {told}")
        arn = self._sagemaker.start_pipeline_execution(
            PipelineName=f"{PROJECT}-training",
            ClientRequestToken=secrets.token_hex(32),
            PipelineParameters=[{"Name": "InputDataUri", "Value": f"{self._incoming()}data/none/"}],
        )["PipelineExecutionArn"]
        run = arn.rpartition("/")[2]
        until("the news of a failed run", lambda: self._chat.heard(run, "in step Prepare"), seconds=PATIENCE)

    def decide(self) -> None:
        """A link counts as one of two people; the model is rejected then."""
        self.trace()
        package = self._candidate()
        version = int(package.rpartition("/")[2])
        answer = self._follow(version, "approve")
        if answer.status != 200 or b"1 more person" not in answer.data:
            raise DemoFailed(f"the link answered {answer.status}")
        until(
            "the news of a missing approval",
            lambda: self._chat.heard(f"version {version} needs another approval"),
            seconds=PATIENCE,
        )
        answer = self._follow(version, "reject")
        if answer.status != 404:
            raise DemoFailed(f"a used link answered {answer.status}")
        self._sagemaker.delete_model_package(ModelPackageName=package)

    def look(self) -> None:
        """Labels come and people ask: the calls are looked at."""
        self.trace()
        before = self._last()["window"]
        self._put("labels/probe.csv", f"inference_id,late\n{secrets.token_hex(8)},1\n".encode())
        before = self._looked(before)
        # Windows are named by their ends, to the second.
        time.sleep(1)
        sageloop("monitor", "--now")
        self._looked(before)
        until("the news", lambda: self._chat.heard("the calls have changed"), seconds=PATIENCE)

    def refuse(self) -> None:
        """Data that cannot be right go to quarantine, and their execution ends there."""
        name = f"data/refused-{secrets.token_hex(4)}.csv"
        self._put(name, b"late,time_hour\n")
        until("the news of it", lambda: self._chat.heard("refused", name))
        key = name.replace("data/", "quarantine/")
        until("the quarantine", lambda: self._keys(key) and not self._keys(name), seconds=PATIENCE)

    def sweep(self) -> None:
        """Time has passed: how long a training waits is a figure, and what waits for a person may be told."""
        before = self._waits()
        body = json.dumps({"source": "sageloop", "detail-type": "Sweep"})
        self._sqs.send_message(QueueUrl=self._url(f"{PROJECT}-retrain"), MessageBody=body)
        until("a figure", lambda: self._waits() > before, seconds=PATIENCE)
        tick = json.dumps({"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}})
        self._sqs.send_message(QueueUrl=self._url(f"{PROJECT}-tell"), MessageBody=tick)

    def confuse(self) -> None:
        """What no function can read goes to the dead letters at once."""
        for queue, dead in QUEUES.items():
            before = self.letters(dead)
            self._sqs.send_message(QueueUrl=self._url(queue), MessageBody='{"source": "nobody"}')
            until(f"a dead letter of {queue}", lambda: self.letters(dead) > before, seconds=PATIENCE)  # noqa: B023

    def letters(self, queue: str) -> int:
        """How many messages a queue holds."""
        asked = self._sqs.get_queue_attributes(
            QueueUrl=self._url(queue), AttributeNames=["ApproximateNumberOfMessages"]
        )
        return int(asked["Attributes"]["ApproximateNumberOfMessages"])

    def _candidate(self) -> str:
        """A version that waits for approval, with the evidence of the first one; its ARN."""
        group = self._sagemaker.list_model_packages(ModelPackageGroupName=PROJECT)["ModelPackageSummaryList"]
        first = next(each["ModelPackageArn"] for each in group if each["ModelPackageVersion"] == 1)
        found: Any = self._sagemaker.describe_model_package(ModelPackageName=first)
        container = found["InferenceSpecification"]["Containers"][0]
        specification: Any = {
            "Containers": [{"Image": container["Image"], "ModelDataUrl": container["ModelDataUrl"]}],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        }
        return self._sagemaker.create_model_package(
            ModelPackageGroupName=PROJECT,
            ModelApprovalStatus="PendingManualApproval",
            InferenceSpecification=specification,
            ModelMetrics=found["ModelMetrics"],
        )["ModelPackageArn"]

    def _follow(self, version: int, decision: str) -> urllib3.BaseHTTPResponse:
        """Open the link of a version, and press one of its buttons."""
        text = until("a link", lambda: self._chat.heard(f"version {version} waits"), seconds=PATIENCE)
        found = re.search(r"https://\S+/link\?t=\S+", text)
        if not found:
            raise DemoFailed(f"a message has no link: {text}")
        address, _, token = found[0].partition("?t=")
        address = session.api_address(address)
        urllib3.request("GET", f"{address}?t={token}")
        form = urlencode({"t": token, "decision": decision})
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return urllib3.request("POST", address, body=form, headers=headers)

    def _looked(self, before: str) -> str:
        """The window of the look after this one; raises `DemoFailed` if it failed."""
        until("a look", lambda: self._last()["window"] != before, seconds=4 * PATIENCE)
        last = self._last()
        if last["failed"]:
            raise DemoFailed(f"a look failed: {last['failed']}")
        return str(last["window"])

    def _last(self) -> dict[str, Any]:
        return json.loads(sageloop("monitor", "--json"))["last"] or {"window": "", "failed": ""}

    def _waits(self) -> float:
        """How often the figure of what waits was told."""
        now = datetime.now(UTC)
        points = boto3.client("cloudwatch").get_metric_statistics(
            Namespace="Sageloop",
            MetricName="PendingSeconds",
            Dimensions=[{"Name": "Project", "Value": PROJECT}],
            StartTime=now - timedelta(hours=2),
            EndTime=now + timedelta(minutes=1),
            Period=60,
            Statistics=["SampleCount"],
        )["Datapoints"]
        return sum(point["SampleCount"] for point in points)

    def _put(self, key: str, body: bytes) -> None:
        self._s3.put_object(Bucket=self._bucket(), Key=key, Body=body)

    def _keys(self, prefix: str) -> int:
        return self._s3.list_objects_v2(Bucket=self._bucket(), Prefix=prefix)["KeyCount"]

    def _bucket(self) -> str:
        return Platform().outputs("storage")["IncomingBucket"]

    def _incoming(self) -> str:
        return f"s3://{self._bucket()}/"

    def _url(self, queue: str) -> str:
        return self._sqs.get_queue_url(QueueName=queue)["QueueUrl"]
