"""The state in DynamoDB as moto has it."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from retrain.faults import Busy
from retrain.state import Cause, Running, State
from retrain.table import Admissions, Conflict, Table

NAME = "flights-retraining"


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        boto3.client("dynamodb").create_table(
            TableName=NAME,
            KeySchema=[{"AttributeName": "pipeline", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pipeline", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        yield


def table() -> Table:
    return Table(boto3.client("dynamodb"), NAME, "flights-training")


def written_before(**changes: Any) -> None:
    """An item as it was before requests had kinds."""
    item = {
        "pipeline": "flights-training",
        "version": 7,
        "requested": 3,
        "covered": 2,
        "waiting_since": 50,
        "last_request_at": 60,
        "last_start_at": 40,
        "look_at": 70,
        "urgent": False,
        "reasons": ["s3://b/a.csv"],
        "seen": ["a", "b"],
        "running": None,
        **changes,
    }
    boto3.resource("dynamodb").Table(NAME).put_item(Item=item)


@pytest.mark.parametrize(
    "running",
    [
        None,
        Running("t" * 64, None, "why"),
        Running(
            "t" * 64,
            "s3://c",
            "why",
            "s3://m",
            ("data", "manual"),
            ("a", "b"),
            "other",
            3,
            {"data/a.b.csv": "too large"},
            "arn:1",
        ),
    ],
    ids=["idle", "intended", "running"],
)
def test_the_state_comes_back_as_it_was_written(running: Running | None) -> None:
    state = State(
        requested=3,
        covered=2,
        causes=(Cause("data", "s3://b/ü"), Cause("manual", "rules", "arn:ann")),
        since={"data": 5, "manual": 6},
        last_request_at=7,
        last_start_at=8,
        look_at=9,
        listed_at=10,
        measured_at=3,
        wait_until=11,
        waits="New data so far: 1 of 2 files",
        seen=("a", "b"),
        inputs="s3://m",
        definition="d",
        running=running,
    )
    written = table().save(state)
    assert written.version == 1
    assert table().load() == written


def test_the_second_of_two_writers_is_refused() -> None:
    read = table().load()
    assert read == State()
    table().save(read)
    with pytest.raises(Conflict):
        table().save(read)
    assert table().load().version == 1


@pytest.mark.parametrize(("urgent", "kind"), [(False, "data"), (True, "manual")])
def test_a_deployed_project_goes_on_from_its_older_item(urgent: bool, kind: str) -> None:
    written_before(urgent=urgent)
    state = table().load()
    assert (state.requested, state.covered, state.since) == (3, 2, {kind: 50})
    assert state.causes == (Cause("data", "s3://b/a.csv"),)
    assert (state.inputs, state.listed_at) == ("", 0)
    written = table().save(state)
    assert written.version == 8
    assert table().load() == written


def test_an_execution_that_ran_meanwhile_is_still_known() -> None:
    written_before(
        covered=3,
        reasons=[],
        running={"token": "t", "champion": None, "description": "why", "arn": "arn:1"},
    )
    state = table().load()
    assert state.running == Running("t", None, "why", arn="arn:1")
    assert state.since == {}


def test_a_throttled_table_is_busy() -> None:
    client = boto3.client("dynamodb")
    with Stubber(client) as stub:
        stub.add_client_error("get_item", "ProvisionedThroughputExceededException", "slow", 400)
        stub.add_client_error("put_item", "InternalServerError", "oh", 500)
        with pytest.raises(Busy):
            Table(client, NAME, "p").load()
        with pytest.raises(Busy):
            Table(client, NAME, "p").save(State())


@pytest.mark.parametrize("etags", [{"a", "b"}, ["a", "b"]], ids=["set", "list"])
def test_admissions_are_read_however_they_are_written(etags: Any) -> None:
    admissions = Admissions(boto3.client("dynamodb"), NAME, "flights")
    assert admissions.etags() == frozenset()
    item = {"pipeline": "flights-admitted", "etags": etags}
    boto3.resource("dynamodb").Table(NAME).put_item(Item=item)
    assert admissions.etags() == {"a", "b"}
