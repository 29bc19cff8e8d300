"""Promotion against a registry and a stack that do what AWS does, requests checked by AWS's own model."""

import json
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.validate import validate_parameters
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from promote import handler
from promote.decision import Deploy, Failure, Nothing, Package, Reject, Stack, Stuck, decide
from promote.registry import Registry
from promote.stack import ServingStack

GROUP_ARN = "arn:aws:sagemaker:us-east-1:000000000000:model-package/flights/"
MODELS = {
    name: boto3.client(name, region_name="us-east-1").meta.service_model
    for name in ("sagemaker", "cloudformation")
}


class Crash(Exception):
    """The function's process died."""


@dataclass
class World:
    """A model package group and a serving stack; `broken` versions are rolled back when deployed."""

    packages: dict[int, dict[str, Any]] = field(default_factory=dict)
    serving: str = ""
    status: str = "CREATE_COMPLETE"
    wanted: str = ""
    events: list[dict[str, Any]] = field(default_factory=list)
    broken: set[int] = field(default_factory=set)
    updates: list[str] = field(default_factory=list)
    now: int = 1_000_000
    crash_at: int = -1
    calls: int = 0
    parameters_seen: list[Any] = field(default_factory=list)

    def __getattr__(self, operation: str) -> Any:
        if operation.startswith("_"):
            raise AttributeError(operation)
        raise AssertionError(f"unexpected call of {operation}")

    def _called(self, service: str, operation: str, **request: Any) -> None:
        shape = MODELS[service].operation_model(operation).input_shape
        assert shape
        validate_parameters(request, shape)
        self.calls += 1
        if self.calls == self.crash_at:
            raise Crash

    # SageMaker
    def _list(self, **request: Any) -> dict[str, Any]:
        self._called("sagemaker", "ListModelPackages", **request)
        chosen = [p for p in self.packages.values() if p["ModelApprovalStatus"] == "Approved"]
        return {"ModelPackageSummaryList": sorted(chosen, key=lambda p: -p["ModelPackageVersion"])}

    def describe_model_package(self, **request: Any) -> dict[str, Any]:
        self._called("sagemaker", "DescribeModelPackage", **request)
        return dict(self.packages[int(request["ModelPackageName"].rsplit("/", 1)[1])])

    def update_model_package(self, **request: Any) -> None:
        self._called("sagemaker", "UpdateModelPackage", **request)
        version = int(request.pop("ModelPackageArn").rsplit("/", 1)[1])
        self.packages[version] |= request | {"LastModifiedTime": datetime.fromtimestamp(self.now, UTC)}

    # CloudFormation
    def describe_stacks(self, **request: Any) -> dict[str, Any]:
        self._called("cloudformation", "DescribeStacks", **request)
        parameters = [
            {"ParameterKey": "ModelPackageArn", "ParameterValue": self.serving},
            {"ParameterKey": "Other", "ParameterValue": "kept"},
        ]
        stack = {"StackStatus": self.status, "Parameters": parameters, "Capabilities": ["CAPABILITY_IAM"]}
        return {"Stacks": [stack]}

    def update_stack(self, **request: Any) -> None:
        self._called("cloudformation", "UpdateStack", **request)
        arn = request["Parameters"][0]["ParameterValue"]
        if self.status.endswith("_IN_PROGRESS"):
            raise _refused("ValidationError", f"Stack:x is in {self.status} state and can not be updated.")
        if arn == self.serving:
            raise _refused("ValidationError", "No updates are to be performed.")
        self.parameters_seen.append(request)
        self.updates.append(request["ClientRequestToken"])
        self.begin(request["ClientRequestToken"], arn)

    def begin(self, token: str, arn: str) -> None:
        self.status, self.wanted = "UPDATE_IN_PROGRESS", arn
        self._event(token, "Stack", "UPDATE_IN_PROGRESS", "User Initiated")

    def finish(self) -> None:
        token = self.events[0].get("ClientRequestToken", "")
        if self.wanted and int(self.wanted.rsplit("/", 1)[1]) in self.broken:
            self._event(token, "Endpoint", "UPDATE_FAILED", "The alarm flights-5xx fired.")
            self._event(token, "Alarm", "UPDATE_FAILED", "Resource update cancelled")
            self._event(token, "Stack", "UPDATE_ROLLBACK_IN_PROGRESS", "The following resource(s) failed")
            self.status = "UPDATE_ROLLBACK_COMPLETE"
        else:
            self.serving, self.status = self.wanted, "UPDATE_COMPLETE"
        self._event(token, "Stack", self.status, "")

    def _event(self, token: str, resource: str, status: str, reason: str) -> None:
        event = {
            "LogicalResourceId": resource,
            "ResourceStatus": status,
            "ResourceStatusReason": reason,
            "ClientRequestToken": token,
        }
        self.events.insert(0, event)

    def _pages(self, **request: Any) -> list[dict[str, Any]]:
        self._called("cloudformation", "DescribeStackEvents", **request)
        return [{"StackEvents": [event]} for event in self.events]

    def get_paginator(self, operation: str) -> SimpleNamespace:
        if operation == "describe_stack_events":
            return SimpleNamespace(paginate=self._pages)
        assert operation == "list_model_packages"
        return SimpleNamespace(paginate=lambda **request: iter([self._list(**request)]))

    # What people and pipelines do
    def register(self, status: str = "PendingManualApproval") -> int:
        version = len(self.packages) + 1
        self.packages[version] = {
            "ModelPackageArn": f"{GROUP_ARN}{version}",
            "ModelPackageVersion": version,
            "ModelApprovalStatus": status,
            "CreationTime": datetime.fromtimestamp(self.now, UTC),
        }
        return version

    def set(self, version: int, status: str) -> None:
        self.now += 10
        self.update_model_package(ModelPackageArn=f"{GROUP_ARN}{version}", ModelApprovalStatus=status)

    def look(self) -> None:
        handler.reconcile(ServingStack(self, "flights-serving"), Registry(self, "flights"))  # type: ignore[arg-type]

    def settle(self) -> None:
        self.crash_at = -1
        for _ in range(100):
            self.look()
            if not self.status.endswith("_IN_PROGRESS"):
                return
            self.finish()
        raise AssertionError("it never comes to rest")

    def status_of(self, version: int) -> str:
        return str(self.packages[version]["ModelApprovalStatus"])


def _refused(code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "UpdateStack")


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
            "ClientRequestToken": "promote-1-1000010",
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
    world.look()
    assert world.status_of(1) == "Approved"


def test_rejecting_the_newest_goes_back_to_the_one_before() -> None:
    world = World()
    for _ in range(2):
        world.set(world.register(), "Approved")
        world.settle()
    world.set(2, "Rejected")
    world.settle()
    assert world.serving == f"{GROUP_ARN}1"


def test_a_stack_that_needs_repair_is_an_error_for_the_dead_letter_queue() -> None:
    with pytest.raises(Stuck, match="UPDATE_ROLLBACK_FAILED"):
        World(status="UPDATE_ROLLBACK_FAILED").look()


def test_the_decision() -> None:
    one, two = Package("arn/1", 1, 10), Package("arn/2", 2, 20)
    assert decide(Stack("UPDATE_COMPLETE", ""), [one, two], None) == Deploy(two)
    assert decide(Stack("UPDATE_COMPLETE", "arn/2"), [one, two], None) == Nothing()
    assert decide(Stack("UPDATE_IN_PROGRESS", "arn/1"), [one, two], None) == Nothing()
    assert decide(Stack("UPDATE_ROLLBACK_COMPLETE", "arn/1"), [one, two], Failure("promote-2-20", "x")) == (
        Reject(two, "x")
    )
    assert decide(Stack("UPDATE_ROLLBACK_COMPLETE", "arn/1"), [two], Failure("promote-2-5", "x")) == (
        Deploy(two)
    )


@pytest.mark.parametrize("crash_at", range(1, 12))
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


class Promotion(RuleBasedStateMachine):
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


TestPromotion = Promotion.TestCase
TestPromotion.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)


def test_a_batch_with_a_malformed_message_hands_only_that_one_back(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    world.set(world.register(), "Approved")
    clients = (ServingStack(world, "flights-serving"), Registry(world, "flights"))  # type: ignore[arg-type]
    monkeypatch.setattr(handler, "_clients", lambda: clients)
    good = {"source": "aws.sagemaker", "detail-type": "SageMaker Model Package State Change"}
    bodies = ["{", json.dumps(good), "[]", json.dumps({"source": ["x"], "detail-type": {}})]
    records = [{"messageId": str(number), "body": body} for number, body in enumerate(bodies)]
    answer = handler.handle({"Records": records}, _context())
    assert answer == {"batchItemFailures": [{"itemIdentifier": id_} for id_ in ("0", "2", "3")]}
    assert len(world.updates) == 1


def _context() -> Any:
    return SimpleNamespace(
        function_name="flights-promote",
        memory_limit_in_mb=128,
        invoked_function_arn="arn:aws:lambda:us-east-1:000000000000:function:flights-promote",
        aws_request_id="1",
    )
