"""What `make storm` counts, and that each figure of it can come out bad."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks.storm.deployed import most_together
from benchmarks.storm.events import Repeater, like_eventbridge, send, send_by_many
from benchmarks.storm.outcome import Outcome
from benchmarks.storm.uploads import ROWS, names, rows

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
KEPT = Outcome(
    objects=10, repeated=2, matched=10, sent=2, executions=1, start_calls=1, after_same=1, max_in_flight=1
)


class Queue:
    """Takes messages as SQS does; `sqs` and `queue` are what the storm asks a platform for."""

    queue = "queue"

    def __init__(self) -> None:
        self.bodies: list[str] = []
        self.sqs = self

    def send_message(self, *, QueueUrl: str, MessageBody: str) -> None:
        assert QueueUrl == self.queue
        self.bodies.append(MessageBody)

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, str]]) -> None:
        assert QueueUrl == self.queue
        assert len(Entries) <= 10
        assert len({entry["Id"] for entry in Entries}) == len(Entries)
        self.bodies += [entry["MessageBody"] for entry in Entries]


def test_a_storm_without_faults_breaks_no_promise() -> None:
    assert KEPT.problems() == []
    # A late tail may open one more window.
    assert replace(KEPT, executions=2, start_calls=2).problems() == []


@pytest.mark.parametrize(
    "fault",
    [
        {"executions": 0},
        {"executions": 3, "start_calls": 3},
        {"after_late": 1},
        {"after_same": 0},
        {"after_same": 2},
        {"max_in_flight": 2},
        {"start_calls": 4},
        {"start_calls": 0},
        {"uncovered": 1},
        {"unread": 2},
        {"matched": 9},
        {"sent": 1},
        {"strange": 1},
        {"failures": ["Prepare failed"]},
    ],
)
def test_each_promise_can_be_broken(fault: dict[str, Any]) -> None:
    assert len(replace(KEPT, **fault).problems()) == 1


def test_the_speed_is_that_of_all_events_until_the_last_is_handled() -> None:
    outcome = replace(KEPT, uploads=3.0, handled=4.0, same_handled=2.0)
    figures = outcome.figures()
    assert (figures["events"], figures["events_per_s"], figures["same_event_per_s"]) == (12, 3.0, 500.0)
    assert KEPT.figures()["events_per_s"] == 0


def test_executions_that_overlap_are_together() -> None:
    one, two = (NOON, NOON + timedelta(minutes=2)), (NOON + timedelta(minutes=1), None)
    after = (NOON + timedelta(minutes=2), NOON + timedelta(minutes=3))
    assert most_together([]) == 0
    assert most_together([one, after]) == 1
    assert most_together([one, two]) == 2
    # What has no end runs on.
    assert most_together([two, after]) == 2


def test_each_object_has_a_key_and_rows_of_its_own() -> None:
    keys = names(50, 10, Random(1))  # noqa: S311
    assert len(set(keys)) == 50
    assert sum(key.startswith("data/twice/") for key in keys) == 10
    assert keys != names(50, 10, Random(2))  # noqa: S311
    texts = [rows(number).decode().splitlines() for number in range(200)]
    assert {len(lines) - 1 for lines in texts} == {ROWS}
    assert len({line for lines in texts for line in lines[1:]}) == 200 * ROWS


def test_every_event_of_the_tap_comes_once_more_in_another_order() -> None:
    queue = Queue()
    bodies = [json.dumps({"number": number}) for number in range(230)]
    waiting = [bodies[first : first + 10] for first in range(0, 230, 10)]
    tap = SimpleNamespace(take=lambda: waiting.pop(0) if waiting else [])
    repeater = Repeater(queue, tap, count=230, late=40, dice=Random(1))  # type: ignore[arg-type]  # noqa: S311
    repeater.run()
    assert repeater.sent == 230
    assert sorted(queue.bodies) == sorted(bodies)
    assert queue.bodies != bodies
    assert set(repeater.late) <= set(bodies)
    assert len(repeater.late) > 0
    # None of these is an event of S3's.
    assert len(repeater.strange) == 230


def test_messages_go_ten_at_a_time_or_from_many_threads() -> None:
    queue = Queue()
    assert send(queue, [f"{number}" for number in range(23)]) == 23  # type: ignore[arg-type]
    assert queue.bodies == [f"{number}" for number in range(23)]
    queue = Queue()
    send_by_many(queue, "same", times=103, threads=10)  # type: ignore[arg-type]
    assert queue.bodies == ["same"] * 103


def test_an_event_has_the_form_of_eventbridges() -> None:
    found = {"key": "data/a.csv", "size": 1, "etag": "e", "sequencer": "1"}
    event: dict[str, Any] = {
        "version": "0",
        "id": "1",
        "detail-type": "Object Created",
        "source": "aws.s3",
        "account": "000000000000",
        "time": "2026-01-01T12:00:00Z",
        "region": "us-east-1",
        "resources": ["arn:aws:s3:::incoming"],
        "detail": {"bucket": {"name": "incoming"}, "object": found, "reason": "PutObject"},
    }
    assert like_eventbridge(json.dumps(event))
    assert not like_eventbridge(json.dumps(event | {"detail": {"bucket": {"name": "incoming"}}}))
    assert not like_eventbridge(json.dumps(event | {"resources": []}))
