"""What the watch over a model has found, as a person reads it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from boto3.dynamodb.types import TypeSerializer

from tests.unit.cli.conftest import Run

WINDOW = "20261101T130000Z"
FINDINGS: dict[str, Any] = {
    "format": 1,
    "window": WINDOW,
    "version": 3,
    "rows": 2_000,
    "silent": False,
    "drift": {
        "verdict": "drifted",
        "features": [
            {
                "name": "carrier",
                "psi": 0.01,
                "missing_before": 0.0,
                "missing_now": 0.0,
                "new_share": 0.0,
                "drifted": False,
            },
            {
                "name": "temp",
                "psi": 0.31,
                "missing_before": 0.0,
                "missing_now": 0.25,
                "new_share": None,
                "drifted": True,
            },
        ],
    },
    "quality": {
        "metric": "auc",
        "value": 0.66,
        "low": 0.64,
        "high": 0.68,
        "bound": 0.7,
        "below": True,
        "labelled": 1_200,
        "coverage": 0.6,
    },
    "reason": "temp differs from the training rows.",
}
LAST: dict[str, Any] = {
    "window": WINDOW,
    "version": 3,
    "drifted": True,
    "below": True,
    "silent": False,
    "failed": "",
    "reason": "",
}
Keep = Callable[..., None]


@pytest.fixture
def watched(flights: boto3.Session, deploy_stack: Callable[..., None]) -> boto3.Session:
    """The project flights, with a watch over it that has not looked yet."""
    queue = flights.client("sqs").create_queue(QueueName="flights-monitor")["QueueUrl"]
    flights.client("s3").create_bucket(Bucket="flights-artifacts")
    storage = {"IncomingBucket": "flights-incoming", "ArtifactsBucket": "flights-artifacts"}
    deploy_stack("flights", "storage", storage)
    deploy_stack(
        "flights",
        "monitoring",
        {"MonitoringPipelineName": "flights-monitoring", "MonitorQueueUrl": queue},
    )
    return flights


@pytest.fixture
def keep(watched: boto3.Session) -> Keep:
    """Write the state of the watch, and what the last look has found."""

    def keep(found: dict[str, Any] | None = None, **state: Any) -> None:
        item = {"pipeline": "flights-monitoring", **state}
        write = TypeSerializer().serialize
        watched.client("dynamodb").put_item(
            TableName="flights-retraining", Item={name: write(value) for name, value in item.items()}
        )
        for name, body in (("findings.json", json.dumps(found)), ("report.html", "<h1>looked</h1>")):
            if found is not None:
                key = f"monitoring/{WINDOW}/report/{name}"
                watched.client("s3").put_object(Bucket="flights-artifacts", Key=key, Body=body.encode())

    return keep


def test_the_last_look_with_what_has_changed_most_first(sageloop: Run, keep: Keep) -> None:
    keep(FINDINGS, last=LAST)
    shown = sageloop("monitor").stdout
    assert f"Calls until {WINDOW}, version 3: drifted, 2,000 rows." in shown
    assert "temp differs from the training rows." in shown
    assert "auc 0.6600 (0.6400 to 0.6800), bound 0.7000: too bad on 1,200 labelled rows, 60% of" in shown
    assert shown.index("temp  ") < shown.index("carrier")
    assert "25.0%" in shown


def test_machines_get_the_same(sageloop: Run, keep: Keep) -> None:
    keep(FINDINGS, last=LAST, running={"window": "20261102T130000Z"}, asked=["1"])
    found = json.loads(sageloop("monitor", "--json").stdout)
    assert found["running"] == "20261102T130000Z"
    assert found["last"]["drift"] == "drifted"
    assert [each["name"] for each in found["last"]["features"]] == ["carrier", "temp"]
    assert found["last"]["quality"]["labelled"] == 1_200


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({}, "No look at the calls of flights is over yet."),
        ({"running": {"window": WINDOW}}, f"A look is under way, at the calls until {WINDOW}."),
        ({"asked": ["1"]}, "A look is requested."),
        ({"last": {**LAST, "failed": "AlgorithmError: no"}}, "the look failed: AlgorithmError: no"),
    ],
)
def test_a_watch_that_has_found_nothing_says_why(
    sageloop: Run, keep: Keep, state: dict[str, Any], words: str
) -> None:
    keep(**state)
    assert words in sageloop("monitor").stdout


def test_silence_has_no_page(sageloop: Run, keep: Keep) -> None:
    silent = {
        **FINDINGS,
        "rows": 0,
        "silent": True,
        "drift": None,
        "quality": None,
        "reason": "nobody called",
    }
    keep(silent, last={**LAST, "silent": True})
    assert "silent, 0 rows. nobody called" in sageloop("monitor").stdout
    result = sageloop("monitor", "--report")
    assert result.exit_code == 1
    assert "There is no page of a look at flights yet" in result.stderr


def test_few_rows_and_few_labels_are_no_verdict(sageloop: Run, keep: Keep) -> None:
    few = {"verdict": "too few rows", "features": []}
    quality = {**FINDINGS["quality"], "value": None, "below": None, "labelled": 3}
    keep({**FINDINGS, "drift": few, "quality": quality}, last=LAST)
    shown = sageloop("monitor").stdout
    assert "version 3: too few rows" in shown
    assert "auc: not known yet, 3 calls have a label" in shown


def test_the_page_is_downloaded(sageloop: Run, keep: Keep, tmp_path: Path) -> None:
    keep(FINDINGS, last=LAST)
    shown = sageloop("monitor", "--report").stdout
    file = tmp_path / ".sageloop" / "reports" / f"flights-calls-{WINDOW}.html"
    assert str(file) in shown.replace("\n", "")
    assert file.read_text() == "<h1>looked</h1>"


def test_a_look_is_asked_for(sageloop: Run, watched: boto3.Session) -> None:
    asked = json.loads(sageloop("monitor", "--now", "--json").stdout)
    sqs = watched.client("sqs")
    url = sqs.get_queue_url(QueueName="flights-monitor")["QueueUrl"]
    (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
    body = json.loads(message["Body"])
    assert (body["source"], body["detail-type"], body["id"]) == (
        "sageloop",
        "Look Requested",
        asked["request"],
    )
    assert body["detail"]["who"].startswith("arn:aws:")


@pytest.mark.parametrize("arguments", [[], ["--now"], ["--report"]])
def test_without_a_watch_it_says_how_to_get_one(
    sageloop: Run, flights: boto3.Session, arguments: list[str]
) -> None:
    result = sageloop("monitor", *arguments)
    assert result.exit_code == 1
    assert "Nothing watches flights: declare retrain=[OnDrift()] in app.py" in result.stderr
