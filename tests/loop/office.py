"""A deployed project of which people are told, and on which two of them decide; each has an own AWS user."""

import json
import os
import random
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import boto3
import urllib3

from approve.tokens import ALGORITHM, Claim
from cli import session
from local.cloud import Cloud
from tests.loop.chat import Chat
from tests.loop.deployed import CHECKOUT, until

NAME = "office"
SECRET = "office-chat"
APP = f"""from declaration import Data, Endpoint, Gate, OnApproval, OnNewData, Project, Webhook, XGBoost
from stacks import deploy

deploy(
    Project(
        name="{NAME}",
        data=Data(target="late"),
        train=XGBoost(rounds=20),
        gate=Gate("auc", at_least=0.6, beats_champion=False),
        endpoint=Endpoint(calls_per_minute=60, min_instances=1, max_instances=1),
        retrain=[OnNewData(at_least="20 kB", quiet_for="1 s")],
        deploy=OnApproval(people=2, link_valid="1 day"),
        notify=["somebody@example.com", Webhook("{SECRET}")],
        retain=False,
    )
)
"""
HEADER = "distance,carrier,late"
ENDED = ("Succeeded", "Failed", "Stopped")
Json = Mapping[str, Any]


def flights(seed: int, count: int, *, factor: float = 1.0) -> str:
    """A file of flights, the later the longer; a factor gives the distances another unit."""
    chance = random.Random(seed)  # noqa: S311
    lines = [HEADER]
    for _ in range(count):
        distance = chance.gauss(1_000, 300)
        late = int(chance.random() < 1 / (1 + 2.718 ** -((distance - 1_000) / 100)))
        lines.append(f"{distance * factor:.1f},{chance.choice('ABC')},{late}")
    return "\n".join(lines) + "\n"


class Office:
    """Commands as different people type them, and what they hear."""

    def __init__(self, cloud: Cloud, directory: Path) -> None:
        self._directory = directory
        self.environment = os.environ | cloud.environment() | {"SAGELOOP_STATE": str(directory / "state")}
        self.keys = {"root": ("test", "test")}
        self.chat = Chat()
        self.client("secretsmanager").create_secret(Name=SECRET, SecretString=self.chat.address)
        app = directory / NAME / "app.py"
        app.parent.mkdir()
        app.write_text(APP)
        self.sageloop("deploy", str(app))
        self.incoming = self.outputs("storage")["IncomingBucket"]
        self._mails = self._subscribe()
        self.mails: list[Json] = []
        for who in ("ann", "ben"):
            self.keys[who] = self._hire(who)

    def close(self) -> None:
        """Stop what listens."""
        self.chat.close()

    def client(self, service: str, who: str = "root") -> Any:
        """A boto3 client of a person."""
        key, secret = self.keys[who]
        region = self.environment["AWS_DEFAULT_REGION"]
        connected: Any = boto3.Session(
            aws_access_key_id=key, aws_secret_access_key=secret, region_name=region
        )
        return connected.client(service, endpoint_url=self.environment["AWS_ENDPOINT_URL"])

    def run(self, *arguments: str, who: str = "root") -> subprocess.CompletedProcess[str]:
        """A command as a person gives it."""
        key, secret = self.keys[who]
        own = {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret, "COLUMNS": "250"}
        command = [str(Path(sys.executable).with_name("sageloop")), *arguments]
        return subprocess.run(
            command, env=self.environment | own, cwd=CHECKOUT, capture_output=True, text=True, check=False
        )

    def sageloop(self, *arguments: str, who: str = "root") -> str:
        """What a command prints that must succeed."""
        done = self.run(*arguments, who=who)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def sageloop_json(self, *arguments: str, who: str = "root") -> Any:
        """The result of a command for machines."""
        return json.loads(self.sageloop(*arguments, "--json", who=who))

    def outputs(self, stack: str) -> dict[str, str]:
        """The outputs of one of its stacks."""
        [found] = self.client("cloudformation").describe_stacks(StackName=f"{NAME}-{stack}")["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in found["Outputs"]}

    def put(self, name: str, text: str) -> None:
        """Upload a file by the command."""
        file = self._directory / name
        file.write_text(text)
        self.sageloop("upload", str(file))

    def runs(self) -> Any:
        """The runs, newest first."""
        return self.sageloop_json("runs")

    def ended(self, count: int) -> Any:
        """The newest run, when there have been `count` and it has ended."""

        def last() -> Any:
            found = self.runs()
            assert len(found) <= count, found
            return found[0] if len(found) == count and found[0]["status"] in ENDED else None

        return until(f"the end of run {count}", last, seconds=240)

    def at_rest(self) -> None:
        """Wait until retraining has taken all messages but later looks, and nothing waits for a run."""
        url = self.outputs("retraining")["RetrainQueueUrl"]
        counted = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]

        def quiet() -> bool:
            answer = self.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=counted)
            left = any(int(count) for count in answer["Attributes"].values())
            return not left and not self.sageloop_json("status")["waiting"]["requests"]

        until("rest", quiet)

    def served(self) -> int | None:
        """The version in service."""
        endpoint = self.sageloop_json("status")["endpoint"]
        ready = endpoint and endpoint["status"] == "InService"
        version: int | None = endpoint["version"] if ready else None
        return version

    def package(self, version: int) -> Any:
        """A version as the registry has it."""
        sagemaker = self.client("sagemaker")
        listed = sagemaker.list_model_packages(ModelPackageGroupName=NAME)["ModelPackageSummaryList"]
        arn = next(each["ModelPackageArn"] for each in listed if each["ModelPackageVersion"] == version)
        return sagemaker.describe_model_package(ModelPackageName=arn)

    def approval(self, version: int) -> str:
        """The approval status of a version."""
        status: str = self.package(version)["ModelApprovalStatus"]
        return status

    def mail(self, *words: str) -> str:
        """The subject and text of the message with these words, once it has come."""

        def found() -> str | None:
            received = self.client("sqs").receive_message(QueueUrl=self._mails, MaxNumberOfMessages=10)
            self.mails += [json.loads(each["Body"]) for each in received.get("Messages", [])]
            texts = (f"{each.get('Subject', '')}\n{each['Message']}" for each in self.mails)
            return next((text for text in texts if all(word in text for word in words)), None)

        return until(f"{words} in a mail", found)

    def link(self, version: int) -> str:
        """The address in the message of a version, where this computer finds the API."""
        found = re.search(r"https://\S+/link\?t=\S+", self.mail(f"version {version} waits"))
        assert found
        address, _, token = found[0].partition("?t=")
        return f"{session.api_address(address, self.environment)}?t={token}"

    def follow(self, link: str, decision: str) -> Any:
        """Press a button of the page behind a link."""
        address, _, token = link.partition("?t=")
        form = urlencode({"t": token, "decision": decision})
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return urllib3.request("POST", address, body=form, headers=headers)

    def signed(self, claim: Claim) -> str:
        """A token that the project's own key has signed."""
        function = self.client("lambda").get_function_configuration(FunctionName=f"{NAME}-tell")
        mac = self.client("kms").generate_mac(
            KeyId=function["Environment"]["Variables"]["LINK_KEY"],
            Message=claim.message,
            MacAlgorithm=ALGORITHM,
        )["Mac"]
        return claim.token(mac)

    def _hire(self, who: str) -> tuple[str, str]:
        iam = self.client("iam")
        iam.create_user(UserName=who)
        anything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [anything]})
        iam.put_user_policy(UserName=who, PolicyName="all", PolicyDocument=document)
        key = iam.create_access_key(UserName=who)["AccessKey"]
        return key["AccessKeyId"], key["SecretAccessKey"]

    def _subscribe(self) -> str:
        sqs = self.client("sqs")
        url: str = sqs.create_queue(QueueName="mails")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        topic = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [topic]})
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
        self.client("sns").subscribe(
            TopicArn=self.outputs("observability")["TopicArn"], Protocol="sqs", Endpoint=arn
        )
        return url
