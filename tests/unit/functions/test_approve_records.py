"""What is recorded of approvals, and what links say: values, and writes at the same time."""

import re
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from approve.decision import Approvals
from approve.evidence import Contended, Records, Used
from approve.registry import Package
from approve.tokens import BadToken, Claim, read

ANN = "arn:aws:iam::000000000000:user/ann"


@given(
    st.builds(
        Claim,
        st.text(max_size=40),
        st.integers(0, 10**9),
        st.integers(0, 2**40),
        st.text(max_size=30),
    ),
    st.binary(max_size=40),
)
def test_a_token_is_read_as_it_was_written(claim: Claim, mac: bytes) -> None:
    token = claim.token(mac)
    assert re.fullmatch(r"[\w-]+\.[\w-]*", token)
    found = read(token)
    assert (found.claim, found.message, found.mac) == (claim, claim.message, mac)


@given(st.text(max_size=200) | st.from_regex(r"[\w-]{0,80}\.[\w-]{0,80}", fullmatch=True))
def test_any_other_text_is_no_token(text: str) -> None:
    with pytest.raises(BadToken):
        read(text)


class Table:
    """A table in which somebody else writes between a read and a write, as often as `races` says."""

    def __init__(self, races: int = 0) -> None:
        self.items: dict[str, dict[str, Any]] = {}
        self.races = races

    def get_item(self, *, Key: dict[str, Any], **_: Any) -> dict[str, Any]:
        found = self.items.get(Key["id"]["S"])
        return {"Item": found} if found else {}

    def put_item(self, *, Item: dict[str, Any], ConditionExpression: str, **more: Any) -> None:
        found = self.items.get(Item["id"]["S"])
        values = more["ExpressionAttributeValues"]
        expected = values.get(":read", values.get(":decision"))
        member = "lock" if ":read" in values else "decision"
        if self.races:
            self.races -= 1
            lock = int(found["lock"]["N"]) + 1 if found else 1
            approvers = found["approvers"] if found else {"L": []}
            self.items[Item["id"]["S"]] = {"lock": {"N": str(lock)}, "approvers": approvers}
            found = self.items[Item["id"]["S"]]
        if found is not None and found[member] != expected:
            raise ClientError({"Error": {"Code": "ConditionalCheckFailedException"}}, "PutItem")
        self.items[Item["id"]["S"]] = Item


def records(races: int = 0) -> Records:
    made: Any = Table(races)
    return Records(made, "t", clock=lambda: 1_000)


def test_writes_at_the_same_time_lose_nobody() -> None:
    kept = records(races=5)
    assert kept.approve(1, ANN).names == [ANN]
    assert kept.of(1).names == [ANN]
    with pytest.raises(Contended):
        records(races=1_000).approve(1, ANN)


def test_a_link_that_was_used_for_something_else() -> None:
    kept = records()
    claim = Claim("p", 1, 2, "n")
    kept.use(claim, "approve")
    kept.use(claim, "approve")
    with pytest.raises(Used):
        kept.use(claim, "reject")


@settings(max_examples=200)
@given(
    people=st.sampled_from([1, 2]),
    wishes=st.lists(
        st.tuples(st.sampled_from(["a", "b", "c"]), st.sampled_from(["approve", "reject"])), max_size=8
    ),
)
def test_a_version_is_approved_when_enough_different_people_agree_since_it_was_rejected(
    people: int, wishes: list[tuple[str, Any]]
) -> None:
    bus: Any = SimpleNamespace(put_events=lambda **_: {"FailedEntryCount": 0})
    decided: list[str] = []

    def update(package: Package, status: str, why: str) -> None:
        decided.append(status)

    registry: Any = SimpleNamespace(decide=update)

    approvals = Approvals("p", people, records=records(), registry=registry, events=bus)
    agree: set[str] = set()
    for who, wish in wishes:
        before = len(decided)
        outcome = approvals.decide(Package(1, "arn", "PendingManualApproval"), who, wish)
        agree = agree | {who} if wish == "approve" else set()
        expected = "Rejected" if wish == "reject" else "Approved" if len(agree) >= people else None
        assert decided[before:] == ([expected] if expected else [])
        assert outcome.needed == (people if wish == "reject" else max(0, people - len(agree)))
