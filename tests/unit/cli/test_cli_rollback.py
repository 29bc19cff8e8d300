"""Going back to an earlier model: which one, in which order, and the wait for it."""

import json
import time
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cli import caller, projects, registry, session, taking_over
from cli.commands import rollback
from cli.errors import CommandError
from cli.projects import Project, Stack
from cli.registry import Summary
from promote.decision import Nothing, Package, decide
from promote.decision import Stack as ServingStack

Serve = Callable[[str, str], None]
STATUSES = ["Approved", "Rejected", "PendingManualApproval"]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taking_over, "POLL_SECONDS", 0.0)


def found(aws: boto3.Session, arn: str) -> tuple[str, str]:
    package = aws.client("sagemaker").describe_model_package(ModelPackageName=arn)
    return package["ModelApprovalStatus"], package.get("ApprovalDescription", "")


def test_the_approved_version_before_the_one_in_service(
    sageloop: Any, flights: boto3.Session, register: Any, serving: Serve
) -> None:
    first, second, third = register("Approved"), register("Rejected"), register("Approved")
    serving(third, "UPDATE_COMPLETE")
    result = sageloop("rollback", "--no-wait", "--reason", "wrong\nat night", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {"version": 1, "arn": first, "serves": False, "rejected": [3]}
    status, note = found(flights, third)
    assert status == "Rejected"
    assert note.startswith("Rolled back by hand by arn:aws:sts::123456789012:")
    assert note.endswith(": wrong at night")
    assert found(flights, first)[0] == "Approved"
    assert "for a rollback by arn:aws:sts" in found(flights, first)[1]
    assert found(flights, second)[0] == "Rejected"


def test_a_version_that_was_rejected_is_approved_when_it_is_named(
    sageloop: Any, flights: boto3.Session, register: Any, serving: Serve
) -> None:
    first, second, third = register("Rejected"), register("Approved"), register("Approved")
    serving(third, "UPDATE_COMPLETE")
    assert json.loads(sageloop("rollback", "1", "--no-wait", "--json").stdout)["rejected"] == [2, 3]
    assert [found(flights, arn)[0] for arn in (first, second, third)] == ["Approved", "Rejected", "Rejected"]


def test_it_waits_until_the_earlier_version_serves(
    sageloop: Any, flights: boto3.Session, register: Any, serving: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = register("Approved"), register("Approved")
    serving(second, "UPDATE_COMPLETE")
    story = iter([(first, "UPDATE_IN_PROGRESS"), (first, "UPDATE_COMPLETE")])
    monkeypatch.setattr(time, "sleep", lambda _: serving(*next(story)))
    result = sageloop("rollback")
    assert result.exit_code == 0
    assert "Version 1 of flights serves again" in result.stdout
    assert "rejected: version 2" in result.stdout
    assert next(story, None) is None


def test_the_status_says_that_a_person_did_it(
    sageloop: Any, flights: boto3.Session, register: Any, serving: Any
) -> None:
    first, second = register("Approved"), register("Approved")
    serving(second, "UPDATE_COMPLETE", CurrentInstanceCount=1, DesiredInstanceCount=1)
    assert sageloop("rollback", "--no-wait", "-r", "too slow").exit_code == 0
    serving(first, "UPDATE_COMPLETE", CurrentInstanceCount=1, DesiredInstanceCount=1)
    assert "version 2: by arn:aws:sts" in sageloop("status").stdout


def test_a_project_without_an_endpoint_goes_back_in_its_registry(
    sageloop: Any, aws: boto3.Session, deploy_stack: Any, register: Any
) -> None:
    aws.client("sagemaker").create_model_package_group(ModelPackageGroupName="flights")
    deploy_stack("flights", "training", {"PipelineName": "flights-training", "ModelPackageGroup": "flights"})
    assert "No model of flights is in service yet" in sageloop("rollback").stderr
    register("Approved")
    register("Approved")
    assert "Version 1 of flights is approved again; rejected: version 2." in sageloop("rollback").stdout


@pytest.mark.parametrize(
    ("statuses", "argument", "sentence"),
    [
        (["Approved"], None, "No version of flights before 1 is approved, as there is none."),
        (
            ["Rejected", "Approved"],
            None,
            "No version of flights before 2 is approved: name one of 1 (Rejected).",
        ),
        (["Approved", "Approved"], "2", "Version 2 is not earlier than version 2, which is in service"),
        (["Approved", "Approved"], "0", "There is no version 0 of flights"),
    ],
)
def test_what_cannot_be_gone_back_to_changes_nothing(
    sageloop: Any,
    flights: boto3.Session,
    register: Any,
    serving: Serve,
    statuses: list[str],
    argument: str | None,
    sentence: str,
) -> None:
    arns = [register(status) for status in statuses]
    serving(arns[-1], "UPDATE_COMPLETE")
    result = sageloop("rollback", *([argument] if argument else []))
    assert (result.exit_code, result.stdout) == (1, "")
    assert sentence in " ".join(result.stderr.split())
    assert [found(flights, arn)[0] for arn in arns] == statuses


def test_nothing_in_service_yet(sageloop: Any, flights: boto3.Session, register: Any) -> None:
    register("Approved")
    result = sageloop("rollback")
    assert (result.exit_code, "approve one with `sageloop approve`" in result.stderr) == (1, True)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    statuses=st.lists(st.sampled_from(STATUSES), min_size=2, max_size=7),
    data=st.data(),
)
def test_only_the_target_is_ever_deployed_on_the_way(
    statuses: list[str], data: st.DataObject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often promotion looks between two writes, it deploys nothing but the target, at the end."""
    serving = data.draw(st.integers(2, len(statuses)))
    statuses[serving - 1] = "Approved"
    # What is in service is the newest approved one: promotion has come to rest.
    for version in range(serving + 1, len(statuses) + 1):
        if statuses[version - 1] == "Approved":
            statuses[version - 1] = "Rejected"
    target = data.draw(st.integers(1, serving - 1))
    packages = {n: Summary(n, f"arn/{n}", status) for n, status in enumerate(statuses, 1)}
    deployed: list[int] = []

    def decided(_: object, arn: str, status: str, __: str) -> None:
        version = int(arn.rpartition("/")[2])
        packages[version] = Summary(version, arn, status)
        approved = [Package(p.arn, p.version, 0) for p in packages.values() if p.approval == "Approved"]
        decision = decide(ServingStack("UPDATE_COMPLETE", f"arn/{deployed[-1]}"), approved, None)
        if not isinstance(decision, Nothing):
            deployed.append(decision.package.version)  # type: ignore[union-attr]

    deployed.append(serving)
    stack = Stack("flights-serving", "UPDATE_COMPLETE", "", {"ModelPackageArn": f"arn/{serving}"}, {})
    training = Stack("flights-training", "UPDATE_COMPLETE", "", {}, {"ModelPackageGroup": "flights"})
    monkeypatch.setattr(session, "connect", lambda: None)
    monkeypatch.setattr(caller, "arn", lambda _: "arn:ann")
    monkeypatch.setattr(
        projects, "find", lambda *_: Project("flights", {"serving": stack, "training": training})
    )
    monkeypatch.setattr(registry, "summaries", lambda *_: list(packages.values()))
    monkeypatch.setattr(registry, "decide", decided)
    rollback.rollback(target, wait=False)
    assert deployed == [serving, target]
    assert packages[target].approval == "Approved"
    assert all(p.approval != "Approved" for p in packages.values() if p.version > target)


def test_a_missing_target_is_a_sentence() -> None:
    with pytest.raises(CommandError, match="There is no version 2"):
        rollback._target(
            "flights", [Summary(3, "c", "Approved"), Summary(1, "a", "Approved")], 3, 2, lambda _: True
        )
