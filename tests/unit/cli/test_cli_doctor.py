"""What keeps a job from starting is said before it waits."""

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from declaration import Tuning
from tests.unit.cli.training_runs import BINDINGS, denied, described

Found = dict[str, list[dict[str, str]]]


def refuse(code: str) -> Callable[[object], None]:
    def answer(_: object) -> None:
        raise ClientError({"Error": {"Code": code, "Message": "no"}}, "ListServiceQuotas")

    return answer


@pytest.fixture
def healthy(flights: boto3.Session, answers: Any) -> dict[str, float]:
    """Flights, tuned four at a time on spot instances, and everything that it needs; the quotas by name."""
    answers["DescribePipeline"] = described(tune=Tuning(trials=30, parallel=4))
    answers["GetRole"] = lambda asked: {"Role": {"RoleName": asked["RoleName"]}}
    answers["DescribeImages"] = lambda _: {"imageDetails": [{}]}
    answers["DescribeKey"] = lambda _: {"KeyMetadata": {"KeyState": "Enabled"}}
    answers["ListEndpoints"] = lambda _: {"Endpoints": []}
    quotas = {
        "ml.m5.xlarge for processing job usage": 4.0,
        "ml.m5.xlarge for spot training job usage": 4.0,
        "ml.c5.large for endpoint usage": 4.0,
        "ml.m5.large for processing job usage": 4.0,
    }
    listed = lambda _: {"Quotas": [{"QuotaName": name, "Value": value} for name, value in quotas.items()]}  # noqa: E731
    answers["ListServiceQuotas"] = listed
    answers["ListAWSDefaultServiceQuotas"] = lambda _: {"Quotas": []}
    return quotas


def doctor(sageloop: Any, code: int = 0) -> Found:
    result = sageloop("doctor", "--json")
    assert result.exit_code == code, result.stdout + result.stderr
    found: Found = {}
    for check in json.loads(result.stdout):
        found.setdefault(check["state"], []).append(check)
    return found


def test_all_is_well(sageloop: Any, healthy: Any) -> None:
    found = doctor(sageloop)
    assert set(found) == {"ok", "warning"}
    assert [check["subject"] for check in found["warning"]] == ["CDK bootstrap"], "the test has no such stack"
    assert sum(check["subject"] == "Role" for check in found["ok"]) == 4
    assert sum(check["subject"] == "Quota" for check in found["ok"]) == 3
    assert "1 warning" in sageloop("doctor").stdout


def test_a_new_account_has_no_instances(sageloop: Any, healthy: dict[str, float]) -> None:
    healthy["ml.m5.xlarge for spot training job usage"] = 0.0
    [problem] = doctor(sageloop, code=1)["problem"]
    assert "flights: Tune needs 1 to 4" in problem["seen"]
    assert 'Ask Service Quotas for 4 of "ml.m5.xlarge for spot training job usage"' in problem["advice"]
    shown = sageloop("doctor")
    assert shown.exit_code == 1
    assert "1 problem" in shown.stdout


def test_a_quota_below_the_parallel_trials_is_a_warning(sageloop: Any, healthy: dict[str, float]) -> None:
    healthy["ml.m5.xlarge for spot training job usage"] = 2.0
    [_, warning] = doctor(sageloop)["warning"]
    assert "parallel=2" in warning["advice"]


def test_an_endpoint_needs_room_to_be_replaced(sageloop: Any, healthy: dict[str, float]) -> None:
    healthy["ml.c5.large for endpoint usage"] = 1.0
    [_, warning] = doctor(sageloop)["warning"]
    assert "flights: endpoint needs 1 to 2" in warning["seen"]
    assert "side by side" in warning["advice"]


def test_where_no_own_quota_is_listed_the_default_counts(
    sageloop: Any, healthy: dict[str, float], answers: Any
) -> None:
    name = "ml.m5.xlarge for spot training job usage"
    del healthy[name]
    assert [check["seen"] for check in doctor(sageloop)["unknown"]] == [
        f"Service Quotas does not list {name}"
    ]
    answers["ListAWSDefaultServiceQuotas"] = lambda _: {"Quotas": [{"QuotaName": name, "Value": 0.0}]}
    assert len(doctor(sageloop, code=1)["problem"]) == 1


@pytest.mark.parametrize(
    ("code", "said"), [("AccessDeniedException", "you may not call"), ("UnknownOperation", "does not answer")]
)
def test_quotas_that_cannot_be_read_are_no_problem(
    sageloop: Any, healthy: Any, answers: Any, code: str, said: str
) -> None:
    answers["ListServiceQuotas"] = refuse(code)
    [unknown] = doctor(sageloop)["unknown"]
    assert said in unknown["seen"]
    assert "1 to 4 ml.m5.xlarge for spot training job usage" in unknown["seen"]


@pytest.mark.parametrize(
    ("operation", "code", "subject"),
    [
        ("GetRole", "NoSuchEntity", "Role"),
        ("DescribeImages", "ImageNotFoundException", "Image"),
        ("DescribeImages", "RepositoryNotFoundException", "Image"),
        ("DescribeKey", "NotFoundException", "Key"),
    ],
)
def test_what_is_gone_is_a_problem(
    sageloop: Any, healthy: Any, answers: Any, operation: str, code: str, subject: str
) -> None:
    answers[operation] = refuse(code)
    problems = doctor(sageloop, code=1)["problem"]
    assert {check["subject"] for check in problems} == {subject}
    assert "sageloop deploy" in problems[0]["advice"]


def test_a_key_that_is_being_deleted_is_a_problem(sageloop: Any, healthy: Any, answers: Any) -> None:
    answers["DescribeKey"] = lambda _: {"KeyMetadata": {"KeyState": "PendingDeletion"}}
    [problem] = doctor(sageloop, code=1)["problem"]
    assert "PendingDeletion" in problem["seen"]
    assert BINDINGS.kms_key_arn.rpartition("/")[2] in problem["seen"]


def test_what_one_may_not_see_is_no_problem(sageloop: Any, healthy: Any, answers: Any) -> None:
    for operation in ("GetRole", "DescribeImages", "DescribeKey"):
        answers[operation] = denied(operation)
    assert {check["subject"] for check in doctor(sageloop)["unknown"]} == {"Role", "Image", "Key"}


def test_a_broken_stack_is_a_problem(sageloop: Any, healthy: Any, deploy_stack: Callable[..., None]) -> None:
    deploy_stack("flights", "network", {}, status="UPDATE_ROLLBACK_FAILED")
    [problem] = doctor(sageloop, code=1)["problem"]
    assert "flights-network is UPDATE_ROLLBACK_FAILED" in problem["seen"]


def test_before_the_first_deployment(
    sageloop: Any, aws: boto3.Session, deploy_stack: Callable[..., None]
) -> None:
    found = doctor(sageloop)
    assert [check["subject"] for check in found["warning"]] == ["CDK bootstrap", "Projects"]
    assert sageloop("doctor", "--project", "flights").exit_code == 1


def test_without_credentials_it_ends_as_every_command_does(sageloop: Any) -> None:
    assert sageloop("doctor").exit_code == 3
