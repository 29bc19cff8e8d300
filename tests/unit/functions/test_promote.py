"""Promotion: what it deploys, rejects and tells, whatever crashes in between."""

import json
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from promote import handler
from promote.decision import Deploy, Failure, Nothing, Package, Reject, Stack, Stuck, decide
from promote.news import NotTold
from tests.unit.functions.promotion_world import GROUP_ARN, TOPIC, Crash, World


def test_no_approved_package_no_update() -> None:
    world = World()
    world.register()
    world.look()
    assert world.updates == []


def test_an_approved_package_is_deployed_and_the_rest_of_the_stack_kept() -> None:
    world = World()
    world.set(world.register(), "Approved")
    world.look()
    assert world.parameters_seen == [
        {
            "StackName": "flights-serving",
            "UsePreviousTemplate": True,
            "Parameters": [
                {"ParameterKey": "ModelPackageArn", "ParameterValue": f"{GROUP_ARN}1"},
                {"ParameterKey": "Other", "UsePreviousValue": True},
            ],
            "Capabilities": ["CAPABILITY_IAM"],
            "ClientRequestToken": "promote-1-1000010-1000000",
        }
    ]
    world.look()  # in progress: its end is an event
    assert len(world.updates) == 1
    world.finish()
    world.look()
    assert (world.serving, len(world.updates)) == (f"{GROUP_ARN}1", 1)


def test_a_rolled_back_package_is_rejected_with_the_first_error_as_reason() -> None:
    world = World(broken={2})
    for _ in range(2):
        world.set(world.register(), "Approved")
        world.settle()
    assert world.serving == f"{GROUP_ARN}1"
    assert world.packages[2]["ModelApprovalStatus"] == "Rejected"
    assert world.packages[2]["ApprovalDescription"] == "Rolled back: Endpoint: The alarm flights-5xx fired."
    assert world.status_of(1) == "Approved"


def test_a_rollback_is_an_event_and_a_message_in_plain_words() -> None:
    world = World(broken={2})
    for _ in range(2):
        world.set(world.register(), "Approved")
        world.settle()
    (entry,) = world.told
    assert (entry["Source"], entry["DetailType"]) == ("sageloop", "Model Rolled Back")
    assert json.loads(entry["Detail"]) == {
        "project": "flights",
        "modelPackageArn": f"{GROUP_ARN}2",
        "version": 2,
        "reason": "Endpoint: The alarm flights-5xx fired.",
        "alarms": [{"name": "flights-5xx", "description": "too many of its calls failed with a 5xx"}],
        "serving": {"modelPackageArn": f"{GROUP_ARN}1", "version": 1},
    }
    (message,) = world.published
    assert (message["TopicArn"], message["Subject"]) == (TOPIC, "flights: version 2 was rolled back")
    for sentence in (
        "Version 2 of flights was deployed and taken back.",
        "Alarm flights-5xx: too many of its calls failed with a 5xx.",
        "Now in service: version 1.",
        "sageloop approve 2",
    ):
        assert sentence in message["Message"]


def test_a_model_is_not_rejected_before_its_rollback_is_told() -> None:
    world = World(broken={1}, bus_is_down=True)
    world.set(world.register(), "Approved")
    world.look()
    world.finish()
    with pytest.raises(NotTold, match="try again"):
        world.look()
    assert world.status_of(1) == "Approved"
    world.bus_is_down = False
    world.settle()
    assert (world.status_of(1), len(world.told)) == ("Rejected", 1)
    assert json.loads(world.told[0]["Detail"])["serving"] == {"modelPackageArn": "", "version": None}


@pytest.mark.parametrize("component", [False, True])
def test_an_endpoint_that_does_not_serve_what_its_stack_asks_for_is_told(component: bool) -> None:
    world = World(component=component)
    for _ in range(2):
        world.set(world.register(), "Approved")
        world.settle()
    assert world.told == []
    world.drifted_to = f"{GROUP_ARN}1"
    world.look()
    (entry,) = world.told
    assert entry["DetailType"] == "Model Not In Service"
    detail = json.loads(entry["Detail"])
    serving = "model-1" if component else "config-1"
    assert (detail["version"], detail["serving"]) == (2, {"name": serving})
    assert "asks for version 2" in world.published[0]["Message"]
    assert f"In service is {serving}, which the stack has not made" in world.published[0]["Message"]


def test_an_endpoint_that_is_changed_while_it_is_looked_at_is_no_news() -> None:
    world = World()
    world.set(world.register(), "Approved")
    world.settle()
    world.drifted_to = world.begun_meanwhile = f"{GROUP_ARN}2"
    world.look()
    assert (world.told, world.published) == ([], [])


def test_a_package_that_is_approved_again_is_tried_again() -> None:
    world = World(broken={1})
    world.set(world.register(), "Approved")
    world.settle()
    world.broken = set()
    world.set(1, "Approved")
    world.settle()
    assert world.serving == f"{GROUP_ARN}1"
    assert len(set(world.updates)) == 2


def test_a_failed_package_is_rejected_although_a_newer_one_was_approved_meanwhile() -> None:
    world = World(broken={1})
    world.set(world.register(), "Approved")
    world.look()
    world.set(world.register(), "Approved")
    world.finish()
    world.settle()
    assert (world.status_of(1), world.serving) == ("Rejected", f"{GROUP_ARN}2")


def test_a_rollback_of_somebody_elses_update_rejects_nothing() -> None:
    world = World()
    world.set(world.register(), "Approved")
    world.settle()
    world.broken = {1}
    world.begin("cdk-deploy", f"{GROUP_ARN}1")
    world.finish()
    assert world.status == "UPDATE_ROLLBACK_COMPLETE"
    for rolled_back in (False, True):
        assert world.told == []
        world.look(rolled_back=rolled_back)
    assert world.status_of(1) == "Approved"
    (entry,) = world.told
    detail = json.loads(entry["Detail"])
    assert (detail["version"], detail["serving"]["version"]) == (None, 1)
    assert (
        "A change of the serving stack of flights was deployed and taken back."
        in (world.published[0]["Message"])
    )
    assert "No model is rejected" in world.published[0]["Message"]


def test_a_rollback_of_ours_is_told_once_although_its_event_comes_twice() -> None:
    world = World(broken={1})
    world.set(world.register(), "Approved")
    world.look()
    world.finish()
    for _ in range(3):
        world.look(rolled_back=True)
    assert len(world.told) == len(world.published) == 1


def test_rejecting_the_newest_goes_back_to_the_one_before() -> None:
    world = World()
    for _ in range(2):
        world.set(world.register(), "Approved")
        world.settle()
    world.set(2, "Rejected")
    world.settle()
    # The approval is the same as before, but CloudFormation takes no token twice.
    assert world.serving == f"{GROUP_ARN}1"
    assert len(set(world.updates)) == 3


def test_a_stack_that_needs_repair_is_an_error_for_the_dead_letter_queue() -> None:
    with pytest.raises(Stuck, match="UPDATE_ROLLBACK_FAILED"):
        World(status="UPDATE_ROLLBACK_FAILED").look()


def test_the_decision() -> None:
    one, two = Package("arn/1", 1, 10), Package("arn/2", 2, 20)
    assert decide(Stack("UPDATE_COMPLETE", ""), [one, two], None) == Deploy(two)
    assert decide(Stack("UPDATE_COMPLETE", "arn/2"), [one, two], None) == Nothing()
    assert decide(Stack("UPDATE_IN_PROGRESS", "arn/1"), [one, two], None) == Nothing()
    rolled_back = Stack("UPDATE_ROLLBACK_COMPLETE", "arn/1", updated_at=70)
    # Before tokens named the update of the stack that they followed, they ended with the approval.
    for token in ("promote-2-20", rolled_back.token(two.token)):
        assert decide(rolled_back, [one, two], Failure(token, "x")) == Reject(two, "x")
    assert decide(rolled_back, [two], Failure("promote-2-2-70", "x")) == Deploy(two)
    assert decide(Stack("UPDATE_ROLLBACK_COMPLETE", "arn/1"), [two], Failure("promote-2-5", "x")) == (
        Deploy(two)
    )


@pytest.mark.parametrize("crash_at", range(1, 20))
def test_a_crash_before_any_call_is_made_good_by_the_next_delivery(crash_at: int) -> None:
    world = World(broken={2})
    world.set(world.register(), "Approved")
    world.settle()
    world.set(world.register(), "Approved")
    world.crash_at = world.calls + crash_at
    for _ in range(3):
        try:
            world.look()
        except Crash:
            continue
        if world.status.endswith("_IN_PROGRESS"):
            world.finish()
    world.settle()
    assert (world.status_of(2), world.serving) == ("Rejected", f"{GROUP_ARN}1")
    assert {entry["DetailType"] for entry in world.told} == {"Model Rolled Back"}, "told, perhaps twice"
    assert world.published


class Promotions(RuleBasedStateMachine):
    world: World

    @initialize(broken=st.sets(st.integers(1, 6)))
    def begin(self, broken: set[int]) -> None:
        self.world = World(broken=broken)

    @rule(status=st.sampled_from(["Approved", "PendingManualApproval"]))
    def register(self, status: str) -> None:
        self.world.register(status)

    @precondition(lambda self: self.world.packages)
    @rule(data=st.data(), status=st.sampled_from(["Approved", "Rejected"]))
    def judge(self, data: st.DataObject, status: str) -> None:
        self.world.set(data.draw(st.sampled_from(sorted(self.world.packages))), status)

    @rule(crash=st.integers(1, 8))
    def look(self, crash: int) -> None:
        self.world.crash_at = self.world.calls + crash
        with suppress(Crash):
            self.world.look()
        self.world.crash_at = -1

    @precondition(lambda self: self.world.status.endswith("_IN_PROGRESS"))
    @rule()
    def finish(self) -> None:
        self.world.finish()

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        world = self.world
        world.settle()
        approved = [v for v, p in world.packages.items() if p["ModelApprovalStatus"] == "Approved"]
        if approved:
            assert world.serving == f"{GROUP_ARN}{max(approved)}"


TestPromotion = Promotions.TestCase
TestPromotion.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)


@pytest.mark.parametrize("taken", [True, False])
def test_malformed_messages_go_to_the_dead_letters_at_once(
    monkeypatch: pytest.MonkeyPatch, *, taken: bool
) -> None:
    world = World()
    world.set(world.register(), "Approved")
    monkeypatch.setattr(handler, "_promotion", world.promotion)
    buried: list[str] = []

    def bury(body: str, reason: str) -> bool:
        assert reason
        buried.append(body)
        return taken

    monkeypatch.setattr(handler, "_dead_letters", lambda: SimpleNamespace(bury=bury))
    good = {"source": "aws.sagemaker", "detail-type": "SageMaker Model Package State Change"}
    bodies = ["{", json.dumps(good), "[]", json.dumps({"source": ["x"], "detail-type": {}})]
    records = [{"messageId": str(number), "body": body} for number, body in enumerate(bodies)]
    answer = handler.handle({"Records": records}, _context())
    # What the dead letters did not take comes again.
    back = () if taken else ("0", "2", "3")
    assert answer == {"batchItemFailures": [{"itemIdentifier": id_} for id_ in back]}
    assert buried == [bodies[0], bodies[2], bodies[3]]
    assert len(world.updates) == 1


def test_the_last_of_two_approvals_is_a_reason_to_look(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    world.set(world.register(), "Approved")
    monkeypatch.setattr(handler, "_promotion", world.promotion)
    event = {"source": "sageloop", "detail-type": "Approval Complete", "detail": {"project": "flights"}}
    records = [{"messageId": "0", "body": json.dumps(event)}]
    assert handler.handle({"Records": records}, _context()) == {"batchItemFailures": []}
    assert len(world.updates) == 1


def test_a_rollback_that_was_no_promotion_is_told_when_its_event_comes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    world.set(world.register(), "Approved")
    world.settle()
    world.broken = {1}
    world.begin("cdk-deploy", f"{GROUP_ARN}1")
    world.finish()
    monkeypatch.setattr(handler, "_promotion", world.promotion)
    for status, told in (("UPDATE_COMPLETE", 0), ("UPDATE_ROLLBACK_COMPLETE", 1)):
        event = {
            "source": "aws.cloudformation",
            "detail-type": "CloudFormation Stack Status Change",
            "detail": {"status-details": {"status": status}},
        }
        records = [{"messageId": "0", "body": json.dumps(event)}]
        assert handler.handle({"Records": records}, _context()) == {"batchItemFailures": []}
        assert len(world.told) == told


def _context() -> Any:
    return SimpleNamespace(
        function_name="flights-promote",
        memory_limit_in_mb=128,
        invoked_function_arn="arn:aws:lambda:us-east-1:000000000000:function:flights-promote",
        aws_request_id="1",
    )
