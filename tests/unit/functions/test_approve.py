"""Approvals: who counts, how often, and what a link is worth."""

import json
import os
import re
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

import awsclients
from approve import handler
from approve.tokens import Claim
from tell.links import Links

ANN, BOB = "arn:aws:iam::000000000000:user/ann", "arn:aws:sts::000000000000:assumed-role/dev/bob"
PREFIX = "arn:aws:sagemaker:us-east-1:000000000000:model-package/flights"
TABLE, URL = "flights-approvals", "https://abc.execute-api.us-east-1.amazonaws.com/v1/"
DAY = 86_400


class Registry:
    """Model packages, and what was put on the bus."""

    def __init__(self) -> None:
        self.packages: dict[int, dict[str, Any]] = {}
        self.told: list[dict[str, Any]] = []
        self.bus_is_down = False

    def add(self, version: int, status: str = "PendingManualApproval") -> None:
        self.packages[version] = {
            "ModelApprovalStatus": status,
            "CustomerMetadataProperties": {"metric": "auc", "value": "0.75", "threshold": "0.7"},
        }

    def describe_model_package(self, *, ModelPackageName: str) -> dict[str, Any]:
        version = int(ModelPackageName.removeprefix(f"{PREFIX}/"))
        if version not in self.packages:
            message = f"ModelPackage {ModelPackageName} does not exist."
            raise ClientError({"Error": {"Code": "ValidationException", "Message": message}}, "Describe")
        return self.packages[version]

    def update_model_package(self, *, ModelPackageArn: str, **changes: str) -> None:
        self.packages[int(ModelPackageArn.removeprefix(f"{PREFIX}/"))] |= changes

    def put_events(self, *, Entries: list[dict[str, Any]]) -> dict[str, Any]:
        if self.bus_is_down:
            return {"FailedEntryCount": 1, "Entries": [{"ErrorMessage": "try again"}]}
        self.told += Entries
        return {"FailedEntryCount": 0, "Entries": [{}]}

    def status(self, version: int = 5) -> tuple[str, str]:
        found = self.packages[version]
        return found["ModelApprovalStatus"], found.get("ApprovalDescription", "")


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    """The function with one project, of which two people have to approve version 5."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        made = Registry()
        made.add(5)
        kms: Any = boto3.client("kms")
        key = kms.create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]["Arn"]
        table()
        clients = {"dynamodb": boto3.client("dynamodb"), "kms": kms, "sagemaker": made, "events": made}
        monkeypatch.setattr(awsclients, "client", clients.__getitem__)
        for name, value in {
            "PROJECT": "flights",
            "PEOPLE": "2",
            "TABLE_NAME": TABLE,
            "PACKAGE_PREFIX": PREFIX,
            "LINK_KEY": key,
        }.items():
            monkeypatch.setenv(name, value)
        forget()
        yield made
    forget()


def forget() -> None:
    for cached in (handler._registry, handler._records, handler._approvals, handler._links):
        cached.cache_clear()


def table() -> None:
    boto3.client("dynamodb", region_name="us-east-1").create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )


def call(verb: str, resource: str, **event: Any) -> tuple[int, str]:
    context: Any = SimpleNamespace(
        function_name="f", memory_limit_in_mb=256, invoked_function_arn="arn", aws_request_id="1"
    )
    answer = handler.handle({"httpMethod": verb, "resource": resource, **event}, context)
    assert isinstance(answer["body"], str)
    return answer["statusCode"], answer["body"]


def decide(who: str, decision: str = "approve", version: object = 5, **body: Any) -> tuple[int, Any]:
    status, answer = call(
        "POST",
        "/versions/{version}",
        pathParameters={"version": str(version)},
        requestContext={"identity": {"userArn": who}},
        body=json.dumps({"decision": decision, **body}),
    )
    return status, json.loads(answer)


def test_two_different_people_approve(registry: Registry) -> None:
    status, answer = decide(ANN)
    assert (status, answer["approvers"], answer["needed"]) == (202, [ANN], 1)
    assert registry.status()[0] == "PendingManualApproval"
    (entry,) = registry.told
    assert (entry["Source"], entry["DetailType"]) == ("sageloop", "Approval Incomplete")
    assert f"only {ANN} has" in json.loads(entry["Detail"])["reason"]
    assert decide(ANN)[0] == 202  # the same person again
    status, answer = decide(BOB, reason="looks\ngood")
    assert (status, answer["status"], answer["needed"]) == (200, "Approved", 0)
    assert registry.status() == ("Approved", f"Approved by {ANN} and {BOB}: looks good")


def test_two_people_approve_what_was_approved_past_them(registry: Registry) -> None:
    registry.packages[5]["ModelApprovalStatus"] = "Approved"  # in the console, which promotion did not take
    assert (decide(ANN)[0], decide(BOB)[0]) == (202, 200)
    # The registry has not changed, and sends no event.
    said = registry.told[-1]
    assert (said["Source"], said["DetailType"]) == ("sageloop", "Approval Complete")
    assert json.loads(said["Detail"]) == {"project": "flights", "version": 5, "approvers": [ANN, BOB]}
    told = len(registry.told)
    registry.bus_is_down = True
    assert decide(BOB)[0] == 503
    registry.bus_is_down = False
    assert decide(BOB)[0] == 200
    assert len(registry.told) == told + 1


def test_one_person_rejects_and_the_count_begins_anew(registry: Registry) -> None:
    decide(ANN)
    assert decide(BOB, "reject", reason="too slow")[1]["status"] == "Rejected"
    assert registry.status() == ("Rejected", f"Rejected by {BOB}: too slow")
    assert decide(BOB)[0] == 202
    assert decide(ANN)[0] == 200


def test_a_version_that_two_have_approved_may_be_approved_again_by_one(registry: Registry) -> None:
    decide(ANN)
    decide(BOB)
    registry.packages[5] |= {"ModelApprovalStatus": "Rejected", "ApprovalDescription": "Rolled back: 5xx"}
    assert decide(BOB)[0] == 200
    assert registry.status()[0] == "Approved"


def test_an_approval_that_broke_off_is_finished_by_the_next_try(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    decide(ANN)
    update = registry.update_model_package

    def crash(**_: Any) -> None:
        raise RuntimeError("the process died")

    monkeypatch.setattr(registry, "update_model_package", crash)
    with pytest.raises(RuntimeError):
        decide(BOB)
    monkeypatch.setattr(registry, "update_model_package", update)
    assert decide(BOB)[0] == 200
    assert registry.status()[0] == "Approved"


def test_what_could_not_be_told_is_asked_again(registry: Registry) -> None:
    registry.bus_is_down = True
    assert decide(ANN)[0] == 503
    registry.bus_is_down = False
    assert decide(ANN)[0] == 202
    assert len(registry.told) == 1


@pytest.mark.parametrize(
    ("body", "version", "status"),
    [
        ("no JSON", "5", 400),
        ("[]", "5", 400),
        ('{"decision": "maybe"}', "5", 400),
        ('{"decision": "approve", "reason": 1}', "5", 400),
        ("", "5", 400),
        ('{"decision": "approve"}', "0", 400),
        ('{"decision": "approve"}', "5/..", 400),
        ('{"decision": "approve"}', "6", 404),
    ],
)
def test_wrong_calls_change_nothing(registry: Registry, body: str, version: str, status: int) -> None:
    identity = {"identity": {"userArn": ANN}}
    got, answer = call(
        "POST", "/versions/{version}", pathParameters={"version": version}, requestContext=identity, body=body
    )
    assert got == status
    assert json.loads(answer)["message"]
    assert registry.status()[0] == "PendingManualApproval"
    assert call("GET", "/other")[0] == 404


def link(version: int = 5, *, valid: int = DAY, project: str = "flights") -> str:
    """The token of a link that was sent."""
    kms = awsclients.client("kms")
    made = Links(kms, os.environ["LINK_KEY"], project, URL, valid).address(version)
    assert made.startswith(f"{URL}link?t=")
    return parse_qs(urlsplit(made).query)["t"][0]


def show(token: str) -> tuple[int, str]:
    return call("GET", "/link", queryStringParameters={"t": token})


def follow(token: str, decision: str = "approve") -> tuple[int, str]:
    return call("POST", "/link", body=urlencode({"t": token, "decision": decision}), isBase64Encoded=False)


def test_opening_a_link_changes_nothing_and_following_it_approves_once(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PEOPLE", "1")
    forget()
    token = link()
    for _ in range(3):
        status, page = show(token)
        assert status == 200
    for words in (
        "Version 5 of flights",
        "auc 0.75, 0.7 was asked for.",
        f'value="{token}"',
        'method="post"',
    ):
        assert words in page
    assert registry.status()[0] == "PendingManualApproval"
    status, page = follow(token)
    assert (status, "It is approved" in page) == (200, True)
    assert registry.status() == ("Approved", "Approved by whoever has the message")
    # Whoever got no answer presses again; nothing is decided any more.
    registry.packages[5]["ModelApprovalStatus"] = "Rejected"
    status, page = follow(token)
    assert (status, "It is rejected" in page) == (200, True)
    assert registry.status()[0] == "Rejected"
    for again in (show(token), follow(token, "reject"), follow(link())):
        assert again[0] == 404


def test_a_link_rejects(registry: Registry) -> None:
    token = link()
    assert follow(token, "reject")[0] == 200
    assert registry.status() == ("Rejected", "Rejected by whoever has the message")


def test_links_count_as_one_person_however_many_there_are(registry: Registry) -> None:
    for token in (link(), link()):
        status, page = follow(token)
        assert (status, "1 more person has to approve it" in page) == (200, True)
    assert registry.status()[0] == "PendingManualApproval"
    assert decide(ANN)[0] == 200
    assert registry.status()[0] == "Approved"


def test_a_link_is_used_for_one_thing(registry: Registry) -> None:
    token = link()
    assert follow(token)[0] == 200
    assert follow(token, "reject")[0] == 404
    assert follow(token)[0] == 200  # what broke off is finished
    assert registry.status()[0] == "PendingManualApproval"


def forged(token: str) -> Iterator[str]:
    claim, _, mac = token.partition(".")
    other = Claim("flights", 6, 4_000_000_000, "x").token(b"").partition(".")[0]
    yield from ("", ".", claim, f"{claim}.", f"{other}.{mac}", f"{claim}.{mac[::-1]}", f"{token}.x", "é" * 40)
    yield "x" * 5_000


def test_no_other_link_works_and_none_says_why(registry: Registry) -> None:
    registry.add(6)
    token = link()
    bad = [*forged(token), link(valid=-1), link(project="churn"), link(7)]
    answers = {show(each) for each in bad} | {follow(each) for each in bad}
    answers |= {follow(token, "maybe"), call("GET", "/link"), call("POST", "/link")}
    assert len(answers) == 1
    assert answers.pop()[0] == 404
    assert [registry.status(version)[0] for version in (5, 6)] == ["PendingManualApproval"] * 2
    assert show(token)[0] == 200


def test_the_page_loads_and_leaks_nothing(registry: Registry) -> None:
    registry.packages[5]["CustomerMetadataProperties"] = {"metric": "<script>alert(1)</script>", "value": "1"}
    event = {"httpMethod": "GET", "resource": "/link", "queryStringParameters": {"t": link()}}
    context: Any = SimpleNamespace(
        function_name="f", memory_limit_in_mb=256, invoked_function_arn="arn", aws_request_id="1"
    )
    answer = handler.handle(event, context)
    assert "<script>" not in answer["body"]
    assert not re.search(r"(src|href)=", answer["body"])
    headers = answer["headers"]
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert (headers["Cache-Control"], headers["Referrer-Policy"]) == ("no-store", "no-referrer")
    assert not any(name.startswith("Access-Control") for name in headers)
