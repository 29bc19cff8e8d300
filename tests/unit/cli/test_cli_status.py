"""One screen about a project."""

import json
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest


def test_a_fresh_project(sageloop: Any, flights: boto3.Session, answers: Any) -> None:
    result = sageloop("status")
    assert result.exit_code == 0
    for words in (
        "flights (us-east-1)",
        "4 deployed",
        "none yet in s3://flights-incoming/data/",
        "no run yet",
    ):
        assert words in result.stdout
    assert json.loads(sageloop("status", "--json").stdout)["endpoint"] is None


def test_a_project_at_work(
    sageloop: Any, flights: boto3.Session, register: Any, answers: Any, serving: Any
) -> None:
    flights.client("s3").put_object(Bucket="flights-incoming", Key="data/a.csv", Body=b"12345")
    flights.client("dynamodb").put_item(
        TableName="flights-retraining",
        Item={
            "pipeline": {"S": "flights-training"},
            "requested": {"N": "5"},
            "covered": {"N": "3"},
            "waits": {"S": "New data so far: 2 of 10 files"},
            "causes": {
                "L": [
                    {"M": {"kind": {"S": "data"}, "reason": {"S": "s3://in/data/a.csv"}, "who": {"S": ""}}},
                    {"M": {"kind": {"S": "manual"}, "reason": {"S": "new rules"}, "who": {"S": "arn:ann"}}},
                ]
            },
        },
    )
    first = register("Approved")
    second = register()
    flights.client("sagemaker").update_model_package(
        ModelPackageArn=second, ModelApprovalStatus="Rejected", ApprovalDescription="Rolled back: 5xx"
    )
    arn = "arn:aws:sagemaker:us-east-1:123456789012:pipeline/flights-training/execution/abc"
    answers["ListPipelineExecutions"] = lambda _: {
        "PipelineExecutionSummaries": [{"PipelineExecutionArn": arn}]
    }
    answers["DescribePipelineExecution"] = lambda _: {
        "PipelineExecutionStatus": "Failed",
        "CreationTime": datetime.now(UTC),
        "FailureReason": "Step failure",
    }
    rejected = "auc 0.61 is below 0.7"
    answers["ListPipelineExecutionSteps"] = lambda _: {
        "PipelineExecutionSteps": [
            {"StepName": "Rejected", "StepStatus": "Failed", "FailureReason": rejected, "Metadata": {}}
        ]
    }
    serving(first, "UPDATE_COMPLETE", CurrentInstanceCount=2, DesiredInstanceCount=4)
    result = sageloop("status")
    assert result.exit_code == 0
    for words in (
        "1 object, 5 B",
        rejected,
        "2 new requests wait",
        "data: s3://in/data/a.csv",
        "manual: new rules (arn:ann)",
        "New data so far: 2 of 10 files",
        "InService version 1, 2 of 4 instances",
        "auc 0.7512",
        "in service",
        "Rolled back: 5xx",
        "POST https://abc12345.execute-api.us-east-1.amazonaws.com/v1/predict",
    ):
        assert words in result.stdout
    found = json.loads(sageloop("status", "--json").stdout)
    assert found["endpoint"]["version"] == 1
    assert [one["version"] for one in found["packages"]] == [2, 1]
    assert found["waiting"]["requests"] == 2


def rolling_out(answers: Any, arn: str, status: str, message: str) -> None:
    """A rollout of a package under way, beside what already serves."""
    serving = answers["DescribeEndpoint"]({})
    answers["DescribeEndpoint"] = lambda _: {
        **serving,
        "EndpointStatus": "Updating",
        "LastDeploymentConfig": {
            "AutoRollbackConfiguration": {
                "Alarms": [{"AlarmName": "flights-5xx"}, {"AlarmName": "flights-latency"}]
            },
            "BlueGreenUpdatePolicy": {
                "TrafficRoutingConfiguration": {
                    "Type": "CANARY",
                    "WaitIntervalInSeconds": 300,
                    "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 10},
                }
            },
        },
        "PendingDeploymentSummary": {
            "EndpointConfigName": "next",
            "StartTime": datetime(2026, 3, 1, tzinfo=UTC),
            "ProductionVariants": [
                {
                    "CurrentInstanceCount": 1,
                    "DesiredInstanceCount": 2,
                    "VariantStatus": [{"Status": status, "StatusMessage": message}],
                }
            ],
        },
    }
    serves = answers["DescribeModel"]({})
    answers["DescribeEndpointConfig"] = lambda request: {
        "ProductionVariants": [{"ModelName": request["EndpointConfigName"]}]
    }
    answers["DescribeModel"] = lambda request: (
        {"PrimaryContainer": {"ModelPackageName": arn}} if request["ModelName"] == "next" else serves
    )


@pytest.mark.parametrize(
    ("status", "message", "traffic"),
    [
        ("Creating", "Launching 2 instance(s).", "0% of the calls"),
        ("Baking", "Baking with traffic enabled on canary capacity of 1 instance(s).", "10% of the calls"),
        ("Baking", "Baking with traffic enabled on full capacity of 2 instance(s).", "100% of the calls"),
    ],
)
def test_a_rollout_under_way(
    sageloop: Any,
    flights: boto3.Session,
    register: Any,
    answers: Any,
    serving: Any,
    status: str,
    message: str,
    traffic: str,
) -> None:
    first, second = register("Approved"), register("Approved")
    serving(first, "UPDATE_IN_PROGRESS", CurrentInstanceCount=2, DesiredInstanceCount=2)
    rolling_out(answers, second, status, message)
    alarm("flights-5xx", "ALARM")
    shown = sageloop("status").stdout
    for words in (f"version 2 {status}: {traffic}, 1 of 2 new instances", message, "Updating version 1"):
        assert words in shown
    assert "guarded by flights-5xx, flights-latency" in shown
    rollout = json.loads(sageloop("status", "--json").stdout)["endpoint"]["rollout"]
    assert (rollout["version"], rollout["guards"]) == (2, ["flights-5xx", "flights-latency"])


def alarm(name: str, state: str) -> None:
    cloudwatch = boto3.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName=name,
        AlarmDescription=f"what {name} watches",
        MetricName="m",
        Namespace="n",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
        Statistic="Sum",
    )
    cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="it is so")  # type: ignore[arg-type]


def test_alarms_that_fire_are_shown_and_those_of_others_are_not(
    sageloop: Any, flights: boto3.Session, deploy_stack: Any
) -> None:
    deploy_stack("flights-small", "storage", {"IncomingBucket": "other"})
    for name, state in (
        ("flights-silent", "ALARM"),
        ("flights-5xx", "OK"),
        ("flights-small-5xx", "ALARM"),
        ("other-5xx", "ALARM"),
    ):
        alarm(name, state)
    shown = sageloop("status", "--project", "flights").stdout
    assert "flights-silent since" in shown
    assert "what flights-silent watches" in shown
    found = json.loads(sageloop("status", "--project", "flights", "--json").stdout)["alarms"]
    assert [each["name"] for each in found] == ["flights-silent"]


def test_a_version_that_was_taken_back_is_told_until_a_newer_one_serves(
    sageloop: Any, flights: boto3.Session, register: Any, answers: Any, serving: Any
) -> None:
    first, second = register("Approved"), register()
    flights.client("sagemaker").update_model_package(
        ModelPackageArn=second,
        ModelApprovalStatus="Rejected",
        ApprovalDescription="Rolled back: Endpoint: the alarm flights-5xx fired",
    )
    serving(first, "UPDATE_ROLLBACK_COMPLETE", CurrentInstanceCount=1, DesiredInstanceCount=1)
    assert "version 2: Endpoint: the alarm flights-5xx fired" in sageloop("status").stdout
    found = json.loads(sageloop("status", "--json").stdout)
    assert found["rollback"] == {"version": 2, "reason": "Endpoint: the alarm flights-5xx fired"}
    serving(register("Approved"), "UPDATE_COMPLETE", CurrentInstanceCount=1, DesiredInstanceCount=1)
    assert json.loads(sageloop("status", "--json").stdout)["rollback"] is None


def test_a_model_that_is_compared_is_shown_beside_the_one_in_service(
    sageloop: Any, flights: boto3.Session, register: Any, answers: Any, serving: Any
) -> None:
    first, second = register("Approved"), register("Approved")
    serving(first, "UPDATE_COMPLETE", CurrentInstanceCount=2, DesiredInstanceCount=2, CurrentWeight=1.0)
    assert json.loads(sageloop("status", "--json").stdout)["endpoint"]["shadow"] is None
    described, models = answers["DescribeEndpoint"]({}), {"one": first, "two": second}
    shadow = {
        "VariantName": "shadow",
        "CurrentWeight": 0.25,
        "CurrentInstanceCount": 1,
        "DesiredInstanceCount": 2,
    }
    answers["DescribeEndpoint"] = lambda _: {**described, "ShadowProductionVariants": [shadow]}
    answers["DescribeEndpointConfig"] = lambda _: {
        "ProductionVariants": [{"ModelName": "one"}],
        "ShadowProductionVariants": [{"ModelName": "two"}],
    }
    answers["DescribeModel"] = lambda request: {
        "PrimaryContainer": {"ModelPackageName": models[request["ModelName"]]}
    }
    shown = sageloop("status").stdout
    assert "InService version 1" in shown
    assert "version 2 is compared: it gets copies of 25% of the calls, on 1 of 2 instances" in shown
    found = json.loads(sageloop("status", "--json").stdout)["endpoint"]["shadow"]
    assert found == {"version": 2, "share": 0.25, "instances": 1, "wanted_instances": 2}


def test_a_version_that_was_compared_and_not_deployed_is_told_until_a_newer_one_serves(
    sageloop: Any, flights: boto3.Session, register: Any, answers: Any, serving: Any
) -> None:
    first, second = register("Approved"), register()
    flights.client("sagemaker").update_model_package(
        ModelPackageArn=second,
        ModelApprovalStatus="Rejected",
        ApprovalDescription="Not deployed: 12% of its answers agree",
    )
    serving(first, "UPDATE_COMPLETE", CurrentInstanceCount=1, DesiredInstanceCount=1)
    shown = sageloop("status").stdout
    assert "Not deployed" in shown
    assert "version 2: 12% of its answers agree" in shown
    found = json.loads(sageloop("status", "--json").stdout)
    assert (found["not_deployed"]["version"], found["rollback"]) == (2, None)
    serving(register("Approved"), "UPDATE_COMPLETE", CurrentInstanceCount=1, DesiredInstanceCount=1)
    assert json.loads(sageloop("status", "--json").stdout)["not_deployed"] is None


def test_an_endpoint_that_serves_something_else_than_asked_is_told(
    sageloop: Any, flights: boto3.Session, register: Any, answers: Any, serving: Any
) -> None:
    first, second = register("Approved"), register("Approved")
    serving(second, "UPDATE_COMPLETE", CurrentInstanceCount=1, DesiredInstanceCount=1)
    assert "asks for" not in sageloop("status").stdout
    answers["DescribeModel"] = lambda _: {"PrimaryContainer": {"ModelPackageName": first}}
    assert "its stack asks for version 2" in sageloop("status").stdout


def test_the_model_of_an_inference_component(
    sageloop: Any, flights: boto3.Session, register: Any, answers: Any, serving: Any
) -> None:
    first = register("Approved")
    serving(first, "UPDATE_COMPLETE", CurrentInstanceCount=0, DesiredInstanceCount=0)
    answers["DescribeEndpointConfig"] = lambda _: {"ProductionVariants": [{"VariantName": "primary"}]}
    answers["DescribeInferenceComponent"] = lambda request: {
        "Specification": {"ModelName": request["InferenceComponentName"]}
    }
    assert "InService version 1, 0 of 0 instances" in sageloop("status").stdout
