"""Promotion where two people have to approve: what is deployed, and what is told instead."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.functions.promotion_world import GROUP_ARN, World

BOTH = {"ann", "bob"}


def test_an_approval_that_nobody_recorded_is_not_deployed_but_told() -> None:
    world = World(people=2)
    world.set(world.register(), "Approved")
    world.settle()
    assert (world.serving, world.updates) == ("", [])
    told = {entry["DetailType"] for entry in world.told}
    assert told == {"Approval Incomplete"}
    detail = json.loads(world.told[0]["Detail"])
    assert (detail["project"], detail["version"]) == ("flights", 1)
    assert "2 different people" in detail["reason"]
    assert world.status_of(1) == "Approved"


@pytest.mark.parametrize("names", [{"ann"}, set()])
def test_one_person_is_not_enough(names: set[str]) -> None:
    world = World(people=2, approvers={1: names})
    world.set(world.register(), "Approved")
    world.settle()
    assert world.serving == ""


def test_the_newest_that_two_have_approved_serves() -> None:
    world = World(people=2, approvers={1: BOTH, 2: BOTH})
    for _ in range(3):
        world.set(world.register(), "Approved")
    world.settle()
    assert world.serving == f"{GROUP_ARN}2"
    assert {json.loads(entry["Detail"])["version"] for entry in world.told} == {3}


def test_a_rollback_by_hand_needs_nobody_else() -> None:
    world = World(people=2, approvers={1: BOTH, 2: BOTH})
    for _ in range(2):
        world.set(world.register(), "Approved")
        world.settle()
    world.set(1, "Approved")
    world.set(2, "Rejected")
    world.settle()
    assert world.serving == f"{GROUP_ARN}1"
    assert world.told == []


def test_a_model_that_serves_since_one_person_was_enough_stays() -> None:
    world = World()
    world.set(world.register(), "Approved")
    world.settle()
    world.people = 2
    world.settle()
    assert (world.serving, world.told) == (f"{GROUP_ARN}1", [])


def test_a_failed_deployment_is_rejected_as_ever() -> None:
    world = World(people=2, approvers={1: BOTH, 2: BOTH}, broken={2})
    for _ in range(2):
        world.set(world.register(), "Approved")
        world.settle()
    assert (world.serving, world.status_of(2)) == (f"{GROUP_ARN}1", "Rejected")


def test_where_one_person_is_enough_the_table_is_not_asked() -> None:
    world = World(approvers={1: set()})
    world.set(world.register(), "Approved")
    world.settle()
    assert world.serving == f"{GROUP_ARN}1"


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["Approved", "Rejected", "PendingManualApproval"]),
            st.sets(st.sampled_from(["ann", "bob", "eve"])),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_what_serves_is_the_newest_approved_with_enough_eyes(packages: list[tuple[str, set[str]]]) -> None:
    world = World(people=2, approvers={n: names for n, (_, names) in enumerate(packages, 1)})
    for status, _ in packages:
        world.set(world.register(), status)
    world.settle()
    enough = [n for n, (status, names) in enumerate(packages, 1) if status == "Approved" and len(names) > 1]
    assert world.serving == (f"{GROUP_ARN}{max(enough)}" if enough else "")
