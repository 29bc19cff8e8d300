"""A new model is compared with the one in service before it takes over: what is deployed and rejected."""

import json
from contextlib import suppress
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from promote import handler
from promote.comparison import Comparison
from promote.decision import Deploy, EndShadow, Failure, Nothing, Package, Reject, RunShadow, Stack, decide
from promote.traffic import Traffic
from promote.verdict import Fails, Holds, Rules, Seen, Undecided, judge
from tests.unit.functions.promotion_world import GROUP_ARN, Crash, World

RULES = Rules(900, 86_400, calls=10, agreement=0.8, difference=None, faults=0.01, milliseconds=1_000)


def world_with_two(**more: Any) -> World:
    """Version 1 serves, and version 2 runs beside it."""
    world = World(rules=RULES, **more)
    world.set(world.register(), "Approved")
    world.settle()
    world.set(world.register(), "Approved")
    world.look()
    world.finish()
    return world


def numbers(world: World) -> tuple[str, str]:
    """The versions that serve and are compared."""
    return world.serving.removeprefix(GROUP_ARN), world.shadow.removeprefix(GROUP_ARN)


def test_the_first_model_has_nothing_to_be_compared_with() -> None:
    world = World(rules=RULES)
    world.set(world.register(), "Approved")
    world.look()
    world.finish()
    assert numbers(world) == ("1", "")


def test_the_next_model_takes_over_when_its_wait_is_over_and_its_answers_agree() -> None:
    world = world_with_two()
    assert numbers(world) == ("1", "2")
    assert world.parameters_seen[-1]["Parameters"] == [
        {"ParameterKey": "ShadowModelPackageArn", "ParameterValue": f"{GROUP_ARN}2"},
        {"ParameterKey": "ModelPackageArn", "UsePreviousValue": True},
        {"ParameterKey": "Other", "UsePreviousValue": True},
    ]
    world.now += 899
    world.look_by_the_clock()
    assert len(world.updates) == 2
    world.now += 1
    world.look_by_the_clock()
    world.finish()
    assert numbers(world) == ("2", "")
    assert (world.told, world.published) == ([], [])


def test_a_model_whose_answers_differ_is_rejected_and_told() -> None:
    world = world_with_two(misfits={2})
    world.now += 900
    world.look_by_the_clock()
    assert (world.status_of(2), world.status) == ("Rejected", "UPDATE_IN_PROGRESS")
    world.finish()
    assert numbers(world) == ("1", "")
    reason = "0% of its answers agree with those in service (80% must, within 0.9)"
    assert world.packages[2]["ApprovalDescription"] == f"Not deployed: {reason}"
    (entry,) = world.told
    assert (entry["Source"], entry["DetailType"]) == ("sageloop", "Model Not Deployed")
    assert json.loads(entry["Detail"]) == {
        "project": "flights",
        "modelPackageArn": f"{GROUP_ARN}2",
        "version": 2,
        "reason": reason,
        "comparison": {
            "calls": 10,
            "values": 10,
            "agreeing": 0,
            "meanDifference": 100.0,
            "maxDifference": 100.0,
            "tolerance": 0.9,
            "agreement": 0.0,
        },
        "shadow": {"calls": 10, "faults": 0, "p99Milliseconds": 10.0},
        "serving": {
            "modelPackageArn": f"{GROUP_ARN}1",
            "version": 1,
            "calls": 10,
            "faults": 0,
            "p99Milliseconds": 10.0,
        },
    }
    (message,) = world.published
    assert message["Subject"] == "flights: version 2 was not deployed"
    for sentence in (
        "Version 2 of flights ran beside version 1",
        "differences 100 on average and 100 at most",
        "Still in service: version 1.",
        "sageloop approve 2",
    ):
        assert sentence in message["Message"]
    for _ in range(3):
        world.look()
        world.look_by_the_clock()
    assert len(world.told) == 1


def test_a_shadow_that_fails_its_calls_is_rejected_although_it_answers_nothing() -> None:
    world = world_with_two(faults=10)
    world.now += 900
    world.look_by_the_clock()
    assert world.packages[2]["ApprovalDescription"] == (
        "Not deployed: 100.0% of its calls failed with a 5xx, in service 0.0% (1% are allowed)"
    )


def test_a_slow_shadow_is_rejected() -> None:
    world = world_with_two(p99=1.9)
    world.now += 900
    world.look_by_the_clock()
    assert "1% of its calls took longer than 1,900 ms" in world.packages[2]["ApprovalDescription"]


def test_too_few_calls_are_no_verdict_until_the_bound_and_then_none_is_deployed() -> None:
    world = world_with_two(requests=9)
    world.now += 86_399
    world.look_by_the_clock()
    assert (world.status_of(2), numbers(world)) == ("Approved", ("1", "2"))
    world.now += 1
    world.look_by_the_clock()
    assert world.status_of(2) == "Rejected"
    assert "only 9 different calls could be compared, and 10 are asked for" in world.published[0]["Message"]
    assert "approve it again" in world.published[0]["Message"]
    world.settle()
    world.requests = 10
    world.set(2, "Approved")
    world.settle()
    assert numbers(world) == ("2", "")


def test_a_newer_approval_takes_the_place_of_the_shadow() -> None:
    world = world_with_two(misfits={2})
    world.set(world.register(), "Approved")
    world.look()
    world.finish()
    assert numbers(world) == ("1", "3")
    world.settle()
    assert (numbers(world), world.status_of(2)) == (("3", ""), "Approved")


def test_rejecting_the_shadow_ends_it_and_rejecting_what_serves_goes_back_at_once() -> None:
    world = world_with_two()
    world.set(2, "Rejected")
    world.look()
    world.finish()
    assert numbers(world) == ("1", "")
    world.set(2, "Approved")
    world.settle()
    world.set(2, "Rejected")
    world.look()
    world.finish()
    assert numbers(world) == ("1", "")


def test_a_shadow_that_cannot_start_is_rejected_as_a_rollback() -> None:
    world = world_with_two(broken={2})
    world.settle()
    assert (numbers(world), world.status_of(2)) == (("1", ""), "Rejected")
    assert [entry["DetailType"] for entry in world.told] == ["Model Rolled Back"]


def test_an_end_that_is_taken_back_is_told_and_not_tried_again_at_once() -> None:
    world = world_with_two()
    world.set(2, "Rejected")
    world.look()
    world.broken = {1}
    world.finish()
    updates = len(world.updates)
    world.look(rolled_back=True)
    world.look()
    assert len(world.updates) == updates
    assert "A change of the serving stack" in world.published[0]["Message"]
    world.broken = set()
    world.set(world.register(), "Approved")
    world.settle()
    assert numbers(world) == ("3", "")


def test_the_clock_alone_repeats_no_message() -> None:
    world = world_with_two()
    world.drifted_to = f"{GROUP_ARN}2"
    world.look_by_the_clock()
    assert world.told == []
    world.status = "UPDATE_ROLLBACK_FAILED"
    world.look_by_the_clock()


def test_without_a_shadow_the_clock_costs_one_call() -> None:
    world = World(rules=RULES)
    world.set(world.register(), "Approved")
    world.settle()
    before = world.calls
    world.look_by_the_clock()
    assert world.calls == before + 1


def test_the_schedule_wakes_the_comparison(monkeypatch: pytest.MonkeyPatch) -> None:
    world = world_with_two()
    world.now += 900
    monkeypatch.setattr(handler, "_promotion", world.promotion)
    body = json.dumps({"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}})
    context: Any = SimpleNamespace(
        function_name="f", memory_limit_in_mb=1, invoked_function_arn="arn", aws_request_id="1"
    )
    event = {"Records": [{"messageId": "0", "body": body}]}
    assert handler.handle(event, context) == {"batchItemFailures": []}
    assert world.updates[-1].startswith("promote-2-")


@pytest.mark.parametrize("crash_at", range(1, 30))
def test_a_crash_before_any_call_is_made_good_by_the_next_look(crash_at: int) -> None:
    world = world_with_two(misfits={2})
    world.now += 900
    world.crash_at = world.calls + crash_at
    for _ in range(3):
        with suppress(Crash):
            world.look_by_the_clock()
        if world.status.endswith("_IN_PROGRESS"):
            world.finish()
            with suppress(Crash):
                world.look()
    world.settle()
    assert (world.status_of(2), numbers(world)) == ("Rejected", ("1", ""))
    assert {entry["DetailType"] for entry in world.told} == {"Model Not Deployed"}, "told, perhaps twice"
    assert world.published


def test_the_decision() -> None:
    one, two = Package("arn/1", 1, 10), Package("arn/2", 2, 20)
    shadowed = Stack("UPDATE_COMPLETE", "arn/1", "arn/2", 5)
    seen = Seen()
    assert decide(Stack("UPDATE_COMPLETE", "arn/1"), [two], None, shadows=True) == RunShadow(two)
    assert decide(Stack("UPDATE_COMPLETE", "arn/2"), [one], None, shadows=True) == Deploy(one)
    assert decide(shadowed, [two], None, shadows=True, verdict=Undecided()) == Nothing()
    assert decide(shadowed, [two], None, shadows=True, verdict=Holds(seen)) == Deploy(two)
    assert decide(shadowed, [two], None, shadows=True, verdict=Fails("x", seen)) == Reject(two, "x", seen)
    assert decide(shadowed, [one], None, shadows=True) == EndShadow()
    assert decide(shadowed, [], None, shadows=True) == EndShadow()
    rolled_back = replace(shadowed, status="UPDATE_ROLLBACK_COMPLETE")
    assert decide(rolled_back, [one], Failure("end-shadow-4", "y"), shadows=True) == Nothing()
    for token in (two.token, two.shadow_token):
        assert decide(rolled_back, [two], Failure(token, "y"), shadows=True) == Reject(two, "y")


@pytest.mark.parametrize(
    ("comparison", "service", "shadow", "holds"),
    [
        (Comparison(10, 10, 8), Traffic(100, 0, 5.0), Traffic(100, 1, 900.0), True),
        (Comparison(10, 10, 7), Traffic(100, 0, 5.0), Traffic(100, 0, 5.0), False),
        (Comparison(10, 10, 10), Traffic(100, 0, 5.0), Traffic(100, 2, 5.0), False),
        (Comparison(10, 10, 10), Traffic(100, 50, 5.0), Traffic(100, 50, 5.0), True),
        (Comparison(10, 10, 10), Traffic(100, 0, 5.0), Traffic(100, 0, 1_001.0), False),
        (Comparison(10, 10, 10), Traffic(100, 0, 2_000.0), Traffic(100, 0, 1_001.0), True),
        (Comparison(10, 10, 10), Traffic(), Traffic(), True),
    ],
)
def test_the_verdict(comparison: Comparison, service: Traffic, shadow: Traffic, holds: bool) -> None:
    verdict = judge(RULES, Seen(comparison, service, shadow), 900)
    assert isinstance(verdict, Holds if holds else Fails)


class Shadows(RuleBasedStateMachine):
    world: World

    @initialize(broken=st.sets(st.integers(1, 6)), misfits=st.sets(st.integers(1, 6)))
    def begin(self, broken: set[int], misfits: set[int]) -> None:
        self.world = World(rules=RULES, broken=broken, misfits=misfits)

    @rule(status=st.sampled_from(["Approved", "PendingManualApproval"]))
    def register(self, status: str) -> None:
        self.world.register(status)

    @precondition(lambda self: self.world.packages)
    @rule(data=st.data(), status=st.sampled_from(["Approved", "Rejected"]))
    def judge(self, data: st.DataObject, status: str) -> None:
        self.world.set(data.draw(st.sampled_from(sorted(self.world.packages))), status)

    @rule(crash=st.integers(1, 12), by_the_clock=st.booleans(), later=st.integers(0, 2_000))
    def look(self, crash: int, by_the_clock: bool, later: int) -> None:
        self.world.now += later
        self.world.crash_at = self.world.calls + crash
        with suppress(Crash):
            (self.world.look_by_the_clock if by_the_clock else self.world.look)()
        self.world.crash_at = -1

    @precondition(lambda self: self.world.status.endswith("_IN_PROGRESS"))
    @rule()
    def finish(self) -> None:
        before, beside = self.world.serving, self.world.shadow
        self.world.finish()
        after = int(numbers(self.world)[0] or 0)
        if before and after > int(before.removeprefix(GROUP_ARN)):
            assert beside == self.world.serving, "nothing newer takes over that was not compared"
            assert after not in self.world.misfits

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        world = self.world
        world.broken.clear()
        world.settle()
        approved = [v for v, p in world.packages.items() if p["ModelApprovalStatus"] == "Approved"]
        assert world.shadow == ""
        if approved:
            assert world.serving == f"{GROUP_ARN}{max(approved)}"


TestShadows = Shadows.TestCase
TestShadows.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
