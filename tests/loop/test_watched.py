"""A model that is watched, whole: calls that changed and answers that became worse are found and told."""

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from cli import session
from local.cloud import Cloud
from tests.loop.deployed import CHECKOUT, until
from tests.loop.own_cloud import own_cloud
from tests.loop.raw_stacks import client_of

pytestmark = pytest.mark.slow

NAME = "watched"
APP = """from declaration import Data, Endpoint, Gate, OnDrift, OnQuality, Project, XGBoost
from stacks import deploy

deploy(
    Project(
        name="watched",
        data=Data(target="late"),
        train=XGBoost(rounds=20),
        gate=Gate("auc", at_least=0.6),
        endpoint=Endpoint(calls_per_minute=1_200, min_instances=1, max_instances=1),
        retrain=[OnDrift(rows=200, cooldown="0 s"), OnQuality(rows=200, retrain=False)],
        retain=False,
    )
)
"""
HEADER = "distance,carrier"
ID = "X-Amzn-SageMaker-Inference-Id"
# Of a call and of its answer in one request.
ROWS = 10


def flights(seed: int, count: int, *, longer: float = 0.0) -> list[tuple[float, str, int]]:
    """Distances, carriers, and whether late: the more so the longer the flight."""
    chance = random.Random(seed)  # noqa: S311
    rows = []
    for _ in range(count):
        distance = chance.gauss(1_000 + longer, 300)
        late = int(chance.random() < 1 / (1 + 2.718 ** -((distance - longer - 1_000) / 100)))
        rows.append((distance, chance.choice("ABC"), late))
    return rows


class Watched:
    """The deployed project, and everything that is heard of it."""

    def __init__(self, cloud: Cloud, directory: Path) -> None:
        self._cloud = cloud
        self._directory = directory
        self.environment = os.environ | cloud.environment() | {"SAGELOOP_STATE": str(directory / "state")}
        app = directory / NAME / "app.py"
        app.parent.mkdir()
        app.write_text(APP)
        self.sageloop("deploy", str(app))
        self._heard = self._listen()
        self._events: list[dict[str, Any]] = []

    def client(self, service: str) -> Any:
        """A boto3 client of the account's root."""
        return client_of(self._cloud, service)

    def sageloop(self, *arguments: str) -> str:
        """What a command prints that must succeed."""
        command = [str(Path(sys.executable).with_name("sageloop")), *arguments]
        done = subprocess.run(
            command, env=self.environment, cwd=CHECKOUT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def outputs(self, stack: str) -> dict[str, str]:
        """The outputs of one of its stacks."""
        [found] = self.client("cloudformation").describe_stacks(StackName=f"{NAME}-{stack}")["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in found["Outputs"]}

    def learn(self) -> None:
        """Train on flights as they were, and put the model into service."""
        file = self._directory / "flights.csv"
        lines = [f"{HEADER},late", *(f"{a:.1f},{b},{late}" for a, b, late in flights(1, 4_000))]
        file.write_text("\n".join(lines) + "\n")
        self.sageloop("upload", str(file))
        self.sageloop("retrain")
        until("a model", lambda: json.loads(self.sageloop("status", "--json"))["packages"], seconds=240)
        self.sageloop("approve")

    def ask(self, rows: list[tuple[float, str, int]], id_: str | None) -> Any:
        """One call of the API with some rows."""
        body = "\n".join([HEADER, *(f"{a:.1f},{b}" for a, b, _ in rows)]).encode()
        url = session.api_address(
            self.outputs("serving")["ApiUrl"].rstrip("/") + "/predict", self.environment
        )
        headers = {"Content-Type": "text/csv", "Accept": "text/csv"} | ({ID: id_} if id_ else {})
        request = AWSRequest("POST", url, data=body, headers=headers)
        SigV4Auth(Credentials("test", "test"), "execute-api", "us-east-1").add_auth(request)
        answer = urllib3.request("POST", url, body=body, headers=dict(request.headers))
        assert answer.status == 200, answer.data
        return answer

    def captured(self) -> list[dict[str, Any]]:
        """The lines that were captured."""
        s3, bucket = self.client("s3"), self.outputs("storage")["CapturedBucket"]
        listed = s3.list_objects_v2(Bucket=bucket, Prefix=f"traffic/{NAME}/primary/").get("Contents", [])
        bodies = [s3.get_object(Bucket=bucket, Key=each["Key"])["Body"].read() for each in listed]
        return [json.loads(line) for body in bodies for line in body.splitlines()]

    def look(self) -> dict[str, Any]:
        """Have the calls looked at, and what was found."""
        before = self.last()
        self.sageloop("monitor", "--now")
        return self.looked(before)

    def looked(self, before: dict[str, Any] | None) -> dict[str, Any]:
        """What the look after this one has found."""

        def another() -> dict[str, Any] | None:
            last = self.last()
            return last if last and last["window"] != (before or {}).get("window") else None

        found = until("a look", another, seconds=240)
        assert not found["failed"], found
        return found

    def last(self) -> dict[str, Any] | None:
        """The last look, as the command tells programs."""
        found: dict[str, Any] | None = json.loads(self.sageloop("monitor", "--json"))["last"]
        return found

    def heard(self, kind: str) -> list[dict[str, Any]]:
        """The details of all events of this kind."""
        received = self.client("sqs").receive_message(QueueUrl=self._heard, MaxNumberOfMessages=10)
        self._events += [json.loads(each["Body"]) for each in received.get("Messages", [])]
        return [each["detail"] for each in self._events if each["detail-type"] == kind]

    def alarm(self, suffix: str) -> str:
        """The state of an alarm."""
        [found] = self.client("cloudwatch").describe_alarms(AlarmNames=[f"{NAME}-{suffix}"])["MetricAlarms"]
        state: str = found["StateValue"]
        return state

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
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    directory = tmp_path_factory.mktemp("watched")
    with own_cloud(directory / "aws") as cloud:
        made = Watched(cloud, directory)
        made.learn()
        yield made


@pytest.mark.timeout(900)
def test_calls_that_changed_are_found_and_told(watched: Watched) -> None:
    # As they were: nothing to tell. One call without an id has that of its answer.
    without = watched.ask(flights(2, ROWS), None)
    usual = flights(3, 400)
    for number in range(0, len(usual), ROWS):
        watched.ask(usual[number : number + ROWS], f"usual-{number}")
    until("captured calls", lambda: len(watched.captured()) == 41)
    ids = {line["eventMetadata"]["inferenceId"] for line in watched.captured()}
    assert without.headers["x-amzn-RequestId"] in ids
    assert "usual-0" in ids
    found = watched.look()
    assert (found["drift"], found["rows"]) == ("clear", 410)
    until("the alarm", lambda: watched.alarm("drift") == "OK")
    assert watched.heard("Drift Found") == []
    # The truth, but the other way round: the answers are as bad as can be.
    before = found
    labels = ["inference_id,row,late"]
    for number, (_, _, late) in enumerate(usual):
        labels.append(f"usual-{number - number % ROWS},{number % ROWS},{1 - late}")
    incoming = watched.outputs("storage")["IncomingBucket"]
    watched.client("s3").put_object(
        Bucket=incoming, Key="labels/november.csv", Body="\n".join(labels).encode()
    )
    found = watched.looked(before)
    assert found["quality"]["below"] is True
    assert found["quality"]["labelled"] == 400
    until("the alarm", lambda: watched.alarm("quality") == "ALARM")
    (told,) = until("the news", lambda: watched.heard("Quality Below"))
    assert told["window"] == found["window"]
    # Flights of another length.
    longer = flights(4, 400, longer=900)
    for number in range(0, len(longer), ROWS):
        watched.ask(longer[number : number + ROWS], f"longer-{number}")
    until("captured calls", lambda: len(watched.captured()) == 81)
    found = watched.look()
    assert found["drift"] == "drifted"
    assert [each["name"] for each in found["features"] if each["drifted"]] == ["distance"]
    until("the alarm", lambda: watched.alarm("drift") == "ALARM")
    (wanted,) = until("the wish", lambda: watched.heard("Retrain Wanted"))
    assert (wanted["kind"], wanted["id"]) == ("drift", f"drift {found['window']}")
    assert watched.heard("Drift Found")[0]["report"] == found["report"]
    assert "drifted" in watched.sageloop("monitor")
    page = Path(watched.sageloop("monitor", "--report").strip().replace("\n", ""))
    assert "distance" in page.read_text()
