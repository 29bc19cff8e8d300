"""Approval, and the wait for the endpoint."""

import json
import time
from collections.abc import Callable
from typing import Any

import boto3
import pytest

from cli import taking_over

Serve = Callable[[str, str], None]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taking_over, "POLL_SECONDS", 0.0)


def approval(aws: boto3.Session, arn: str) -> str:
    return aws.client("sagemaker").describe_model_package(ModelPackageName=arn)["ModelApprovalStatus"]


def test_nothing_to_approve(sageloop: Any, flights: boto3.Session, register: Any) -> None:
    result = sageloop("approve")
    assert (result.exit_code, "no model package yet" in result.stderr) == (1, True)
    register("Rejected")
    result = sageloop("approve")
    assert (result.exit_code, "no version of flights waits" in result.stderr) == (1, True)


def test_the_newest_that_waits_is_approved(sageloop: Any, flights: boto3.Session, register: Any) -> None:
    first, second = register(), register()
    result = sageloop("approve", "--no-wait", "--json")
    assert json.loads(result.stdout) == {
        "version": 2,
        "arn": second,
        "serves": False,
        "approvers": [],
        "needed": 0,
    }
    assert (approval(flights, first), approval(flights, second)) == ("PendingManualApproval", "Approved")
    assert "Version 1 of flights is approved." in sageloop("approve", "1", "--no-wait").stdout
    assert approval(flights, first) == "Approved"


def test_versions_that_are_not_there(
    sageloop: Any, flights: boto3.Session, register: Any, answers: Any
) -> None:
    register()
    register()
    assert "There is no version 3 of flights: the newest is 2." in sageloop("approve", "3").stderr
    second = {"ModelPackageVersion": 2, "ModelPackageArn": "arn", "ModelApprovalStatus": "Rejected"}
    answers["ListModelPackages"] = lambda _: {"ModelPackageSummaryList": [second]}
    result = sageloop("approve", "1")
    assert result.exit_code == 1
    assert "Version 1 of flights was deleted" in result.stderr


def test_it_waits_until_the_endpoint_serves_the_version(
    sageloop: Any, flights: boto3.Session, register: Any, serving: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = register(), register()
    story = iter([(first, "UPDATE_COMPLETE"), (second, "UPDATE_IN_PROGRESS"), (second, "UPDATE_COMPLETE")])
    serving(first, "UPDATE_COMPLETE")
    monkeypatch.setattr(time, "sleep", lambda _: serving(*next(story)))
    result = sageloop("approve")
    assert result.exit_code == 0
    assert "Version 2 of flights serves" in result.stdout
    assert next(story, None) is None


def test_a_rollback_ends_the_wait_with_its_reason(
    sageloop: Any, flights: boto3.Session, register: Any, serving: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    arn = register()
    serving("", "UPDATE_IN_PROGRESS")

    def roll_back(_: float) -> None:
        flights.client("sagemaker").update_model_package(
            ModelPackageArn=arn, ModelApprovalStatus="Rejected", ApprovalDescription="Rolled back: 5xx"
        )

    monkeypatch.setattr(time, "sleep", roll_back)
    result = sageloop("approve")
    assert (result.exit_code, result.stderr.strip()) == (1, "Version 1 does not serve: Rolled back: 5xx")


def test_a_broken_stack_or_a_newer_version_ends_the_wait(
    sageloop: Any, flights: boto3.Session, register: Any, serving: Serve
) -> None:
    register()
    second = register("Approved")
    serving(second, "UPDATE_COMPLETE")
    assert "so is the newer version 2" in sageloop("approve", "1").stderr
    serving("", "UPDATE_ROLLBACK_FAILED")
    result = sageloop("approve", "2")
    assert (result.exit_code, "flights-serving is UPDATE_ROLLBACK_FAILED" in result.stderr) == (1, True)


def test_the_wait_has_an_end(sageloop: Any, flights: boto3.Session, register: Any, serving: Serve) -> None:
    register()
    serving("", "UPDATE_COMPLETE")
    result = sageloop("approve", "--timeout", "0.0001")
    assert (result.exit_code, "does not serve yet" in result.stderr) == (1, True)
