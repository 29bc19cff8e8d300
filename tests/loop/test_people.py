"""What people do: ask with a reason, approve by four eyes and by link, go back, repeat, and mend what failed.

The tests are one story of one deployed project, in their order.
"""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
import urllib3

from approve.tokens import Claim
from tests.loop.deployed import until
from tests.loop.office import NAME, Office, flights
from tests.loop.own_cloud import own_cloud

ROWS = 1_200
"""More than 20 kB for two such files, and less for one."""


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    directory = tmp_path_factory.mktemp("office")
    with own_cloud(directory / "aws") as cloud:
        made = Office(cloud, directory)
        try:
            yield made
        finally:
            made.close()


def test_too_little_data_waits_and_says_for_what(office: Office) -> None:
    office.put("first.csv", flights(1, ROWS))
    until("the wait", lambda: office.sageloop_json("status")["waiting"]["why"])
    said = office.sageloop("status")
    assert "1 new request waits" in said
    assert "first.csv" in said
    assert " kB of 20 kB" in said
    assert office.runs() == []


def test_a_person_asks_with_a_reason_and_both_channels_tell_of_the_model(office: Office) -> None:
    office.sageloop("retrain", "--reason", "new rules for late flights", who="ann")
    run = office.ended(1)
    assert run["status"] == "Succeeded", run
    assert "new rules for late flights" in run["description"]
    assert "user/ann" in run["description"]
    for told in (
        office.mail("version 1 waits"),
        until("the chat", lambda: office.chat.heard("version 1 waits")),
    ):
        assert told.startswith(f"{NAME}: version 1 waits for your decision")
        assert "Why: auc" in told
        assert " USD." in told, "what it cost"
        assert f"sageloop report 1 --open -p {NAME}" in told
        assert f"sageloop approve 1 -p {NAME}" in told
        assert "/link?t=" in told
        assert "two different people" in told
    office.at_rest()
    assert len(office.runs()) == 1, "the file that waited is in this run"


def test_one_person_is_not_enough_and_the_registry_alone_neither(office: Office) -> None:
    # As the console does it.
    office.client("sagemaker", "ben").update_model_package(
        ModelPackageArn=office.package(1)["ModelPackageArn"], ModelApprovalStatus="Approved"
    )
    told = office.mail("version 1 needs another approval")
    assert "knows the last person alone" in told
    assert office.served() is None
    said = office.sageloop("approve", "1", who="ann")
    assert "needs the approval of 1 more person" in said
    again = office.sageloop_json("approve", "1", who="ann")
    assert (again["needed"], [who.rpartition("/")[2] for who in again["approvers"]]) == (1, ["ann"])
    office.mail("version 1 needs another approval", "only arn:aws:iam::000000000000:user/ann")
    assert office.served() is None
    said = office.sageloop("approve", "1", who="ben")
    assert "serves after" in said
    assert office.served() == 1


def test_a_link_shows_a_page_and_decides_once(office: Office) -> None:
    office.put("second.csv", flights(2, 2 * ROWS))
    run = office.ended(2)
    assert run["status"] == "Succeeded", run
    link = office.link(2)
    for _ in range(2):
        page = urllib3.request("GET", link)
        assert page.status == 200
        assert f"Version 2 of {NAME}" in page.data.decode()
        assert "auc" in page.data.decode()
        assert page.headers["Referrer-Policy"] == "no-referrer"
    assert office.approval(2) == "PendingManualApproval"

    token = link.partition("?t=")[2]
    claim, _, mac = token.partition(".")
    of_the_first = office.link(1).partition("?t=")[2]
    bad = (
        f"{claim}.{of_the_first.partition('.')[2]}",
        f"{claim[:-3]}AAA.{mac}",
        office.signed(Claim(NAME, 2, int(time.time()) - 1, "expired")),
        office.signed(Claim("another", 2, int(time.time()) + 600, "another")),
        office.signed(Claim(NAME, 99, int(time.time()) + 600, "missing")),
        of_the_first,
        "x",
        "",
    )
    answers = [office.follow(link.replace(token, each), "approve") for each in bad]
    answers += [urllib3.request("GET", link.replace(token, each)) for each in bad]
    assert {(each.status, each.data) for each in answers} == {(404, answers[0].data)}, "nobody is told why"
    assert b"not valid" in answers[0].data
    assert office.approval(2) == "PendingManualApproval"

    answer = office.follow(link, "approve")
    assert (answer.status, b"1 more person" in answer.data) == (200, True)
    assert office.follow(link, "reject").status == 404, "it was used for something else"
    assert office.approval(2) == "PendingManualApproval"
    office.mail("version 2 needs another approval", "whoever has the message")
    assert office.served() == 1
    assert "serves after" in office.sageloop("approve", "2", who="ann")
    assert office.served() == 2
    assert office.follow(link, "reject").status == 404
    assert urllib3.request("GET", link).status == 404
    changed = office.package(2)["LastModifiedTime"]
    # Whoever got no answer presses again, which only tells what became of it.
    assert b"It is approved" in office.follow(link, "approve").data
    assert office.package(2)["LastModifiedTime"] == changed


def test_one_command_goes_back(office: Office) -> None:
    said = office.sageloop("rollback", "1", "--reason", "wrong for night flights", who="ben")
    assert f"Version 1 of {NAME} serves again after" in said
    assert "rejected: version 2" in said
    assert office.served() == 1
    assert office.approval(2) == "Rejected"
    why = office.package(2)["ApprovalDescription"]
    assert "wrong for night flights" in why
    assert "user/ben" in why


def test_a_run_is_repeated_bit_by_bit(office: Office) -> None:
    second = office.runs()[0]["id"]
    # What it read is another file by now.
    office.put("second.csv", flights(3, 10))
    again = office.sageloop_json("run", "--again", second, "--wait")
    assert again["same"] == {"data": True, "model": True}
    assert again["again"] == second


def test_what_is_refused_lies_apart_and_blocks_nothing(office: Office) -> None:
    before = len(office.runs())
    holes = flights(4, ROWS).splitlines()
    holes[1:] = [line.partition(",")[0] + ",," + line.rpartition(",")[2] for line in holes[1:]]
    office.put("holes.csv", "\n".join(holes) + "\n")
    office.put("broken.csv", '"' * 9_000)
    office.put("good.csv", flights(5, ROWS))
    run = office.ended(before + 1)
    assert run["status"] == "Succeeded", run
    apart = until("the quarantine", lambda: office.sageloop_json("quarantine"))
    until("both", lambda: len(office.sageloop_json("quarantine")) == 2)
    apart = {each["key"]: each for each in office.sageloop_json("quarantine")}
    assert set(apart) == {"holes.csv", "broken.csv"}
    assert "'carrier' is missing in 100% of the rows" in apart["holes.csv"]["reason"]
    assert apart["holes.csv"]["execution"] == run["id"]
    told = office.mail("2 files were refused")
    for key, each in apart.items():
        assert key in told
        assert each["reason"].removeprefix(f"{key}: ") in told
    assert "quarantine release" in told
    assert "2 objects were refused" in office.sageloop("status")

    assert "passes from now on" in office.sageloop("quarantine", "release", "holes.csv")
    run = office.ended(before + 2)
    assert run["status"] == "Succeeded", run
    assert [each["key"] for each in office.sageloop_json("quarantine")] == ["broken.csv"]
    assert "data/holes.csv" in read_by(office)


def test_what_nobody_can_take_waits_for_a_person(office: Office) -> None:
    before = len(office.runs())
    queue = office.outputs("retraining")["RetrainQueueUrl"]
    office.client("sqs").send_message(QueueUrl=queue, MessageBody='{"source": "somebody"}')
    [letter] = until("the dead letter", lambda: office.sageloop_json("redrive", "--dry-run"))
    assert (letter["fate"], letter["queue"]) == ("kept", "")
    assert letter["reason"].startswith("malformed: ")
    assert "What is malformed stays" in office.sageloop("redrive")
    # An event that its queue does not take.
    sqs = office.client("sqs")
    policy = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["Policy"])["Attributes"]["Policy"]
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": ""})
    try:
        office.put("stranded.csv", flights(6, 2 * ROWS))
        until("two letters", lambda: len(office.sageloop_json("redrive", "--dry-run")) == 2)
    finally:
        sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
    assert len(office.runs()) == before
    fates = {each["fate"]: each for each in office.sageloop_json("redrive", "--drop")}
    assert set(fates) == {"dropped", "sent back"}
    assert fates["sent back"]["queue"] == f"{NAME}-retrain"
    assert fates["sent back"]["event"] == "aws.s3 Object Created"
    assert office.ended(before + 1)["status"] == "Succeeded"
    assert "data/stranded.csv" in read_by(office)
    assert "has no dead letters" in office.sageloop("redrive")


def test_a_replay_finds_what_got_lost_and_nothing_else(office: Office) -> None:
    before = len(office.runs())
    office.at_rest()
    assert "the last run has read them all" in office.sageloop("replay", "--since", "1 day")
    office.at_rest()
    assert len(office.runs()) == before
    events = office.client("events")
    events.disable_rule(Name=f"{NAME}-new-data")
    try:
        office.put("lost.csv", flights(7, ROWS))
    finally:
        events.enable_rule(Name=f"{NAME}-new-data")
    assert "1 of them were in no run yet" in office.sageloop("replay", "--since", "1 day")
    assert office.ended(before + 1)["status"] == "Succeeded"
    assert "data/lost.csv" in read_by(office)


def read_by(office: Office) -> set[str]:
    """What the last run that the events caused has read."""
    table, s3 = office.outputs("retraining")["TableName"], office.client("s3")
    key = {"pipeline": {"S": f"{NAME}-training"}}
    item: Any = office.client("dynamodb").get_item(TableName=table, Key=key)["Item"]
    bucket, _, manifest = item["inputs"]["S"].removeprefix("s3://").partition("/")
    prefix, *names = json.loads(s3.get_object(Bucket=bucket, Key=manifest)["Body"].read())
    return {prefix["prefix"].removeprefix(f"s3://{office.incoming}/") + name for name in names}
