"""Training, retraining, workbench and observability."""

import base64
import importlib
import json

import pytest

from stacks.controls.template import text
from tests.stacks.synthesised import Synthesised


def test_the_pipeline_is_the_projects(flights: Synthesised) -> None:
    pipeline = flights.one("AWS::SageMaker::Pipeline").properties
    assert pipeline["PipelineName"] == "flights-training"
    definition = json.loads(text(pipeline["PipelineDefinition"]["PipelineDefinitionBody"]))
    assert [step["Name"] for step in definition["Steps"]] == ["Prepare", "Train", "Evaluate", "Gate"]


def test_each_kind_of_job_has_a_role_of_its_own(flights: Synthesised) -> None:
    body = flights.one("AWS::SageMaker::Pipeline").properties["PipelineDefinition"]["PipelineDefinitionBody"]
    steps = json.loads(text(body))["Steps"]
    roles = [step["Arguments"]["RoleArn"] for step in steps if "RoleArn" in step["Arguments"]]
    assert len(set(roles)) == 3
    assert str(flights.one("AWS::SageMaker::Pipeline").properties["RoleArn"]) not in roles


def test_names_that_others_rely_on(flights: Synthesised) -> None:
    outputs = {
        stack.removeprefix("flights-"): {
            name for name, output in template.get("Outputs", {}).items() if "Export" not in output
        }
        for stack, template in flights.templates.items()
    }
    assert outputs == {
        "network": set(),
        "storage": {"IncomingBucket", "ArtifactsBucket", "CapturedBucket", "KeyArn"},
        "observability": {"DashboardName", "TopicArn"},
        "training": {"PipelineName", "ModelPackageGroup", "ImageUri"},
        "serving": {"EndpointName", "ApiUrl"},
        "retraining": {
            "RetrainQueueUrl",
            "RetrainFunction",
            "PromoteFunction",
            "TableName",
            "DeadLetterQueueUrl",
        },
        "workbench": {"NotebookInstance"},
    }
    named = {
        "AWS::SageMaker::ModelPackageGroup": ["ModelPackageGroupName", "flights"],
        "AWS::SageMaker::Endpoint": ["EndpointName", "flights"],
        "AWS::SageMaker::NotebookInstance": ["NotebookInstanceName", "flights"],
        "AWS::ApiGateway::RestApi": ["Name", "flights"],
        "AWS::DynamoDB::Table": ["TableName", "flights-retraining"],
        "AWS::SNS::Topic": ["TopicName", "flights-notifications"],
        "AWS::CloudWatch::Dashboard": ["DashboardName", "flights"],
    }
    for type_, (member, name) in named.items():
        assert flights.one(type_).properties[member] == name
    queues = {queue.properties["QueueName"] for queue in flights.of("AWS::SQS::Queue")}
    assert queues == {"flights-retrain", "flights-promote", "flights-dead-letters"}
    alarms = {alarm.properties["AlarmName"] for alarm in flights.of("AWS::CloudWatch::Alarm")}
    assert alarms == {
        f"flights-{suffix}"
        for suffix in ("5xx", "latency", "silent", "dead-letters", "execution-failed", "rolled-back")
    }


@pytest.mark.parametrize(
    ("function", "environment"),
    [
        (
            "retrain",
            {
                "PIPELINE_NAME": "prices-training",
                "MODEL_PACKAGE_GROUP": "prices",
                "QUIET_SECONDS": "300",
                "COOLDOWN_SECONDS": "3600",
            },
        ),
        (
            "promote",
            {
                "STACK_NAME": "prices-serving",
                "MODEL_PACKAGE_GROUP": "prices",
                "ENDPOINT_NAME": "prices",
                "COMPONENT": "",
                "GUARDS": "prices-5xx prices-latency prices-silent",
            },
        ),
    ],
)
def test_functions_get_what_they_read(
    several: Synthesised, function: str, environment: dict[str, str]
) -> None:
    (made,) = [
        f for f in several.of("AWS::Lambda::Function") if f.properties["FunctionName"] == f"prices-{function}"
    ]
    variables = made.properties["Environment"]["Variables"]
    assert {key: value for key, value in variables.items() if isinstance(value, str)} == environment
    assert variables.keys() - environment.keys() == (
        {"TABLE_NAME", "QUEUE_URL"} if function == "retrain" else {"TOPIC_ARN"}
    )
    module, _, name = made.properties["Handler"].rpartition(".")
    handle = getattr(importlib.import_module(module), name)
    assert f"{handle.__module__}.{handle.__name__}" == made.properties["Handler"]
    assert made.properties["TracingConfig"] == {"Mode": "Active"}
    assert made.properties["Runtime"] == "python3.11"


def test_queues_wait_six_times_as_long_as_functions_run(app: Synthesised) -> None:
    (timeout,) = {function.properties["Timeout"] for function in app.of("AWS::Lambda::Function")}
    for queue in app.of("AWS::SQS::Queue"):
        assert queue.properties["VisibilityTimeout"] >= 6 * timeout


def test_batches_report_what_failed_and_two_run_at_once(app: Synthesised) -> None:
    for mapping in app.of("AWS::Lambda::EventSourceMapping"):
        assert mapping.properties["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert mapping.properties["ScalingConfig"] == {"MaximumConcurrency": 2}
    for function in app.of("AWS::Lambda::Function"):
        assert "ReservedConcurrentExecutions" not in function.properties


def test_only_new_objects_below_data_cause_a_look(flights: Synthesised) -> None:
    (rule,) = [r for r in flights.of("AWS::Events::Rule") if r.properties["Name"] == "flights-new-data"]
    assert rule.properties["EventPattern"]["detail"]["object"] == {"key": [{"prefix": "data/"}]}


def test_schedules_become_rules(several: Synthesised) -> None:
    schedules = [
        rule.properties.get("ScheduleExpression")
        for rule in several.of("AWS::Events::Rule", "churn-retraining")
    ]
    assert schedules[:2] == ["rate(1 day)", "cron(0 6 * * ? *)"]
    names = [rule.properties["Name"] for rule in several.of("AWS::Events::Rule", "churn-retraining")]
    assert "churn-new-data" not in names


def test_every_end_of_an_execution_and_of_a_deployment_causes_a_look(flights: Synthesised) -> None:
    patterns = [r.properties["EventPattern"]["detail"] for r in flights.of("AWS::Events::Rule")]
    ends = [s for p in patterns for s in p.get("currentPipelineExecutionStatus", [])]
    assert sorted(ends) == ["Failed", "Stopped", "Succeeded"]
    stack = [s for p in patterns for s in p.get("status-details", {}).get("status", [])]
    assert {"UPDATE_COMPLETE", "CREATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"} <= set(stack)


def test_alarms_tell_the_topic_and_the_topic_whoever_asked(several: Synthesised) -> None:
    for alarm in several.of("AWS::CloudWatch::Alarm"):
        project = alarm.stack.split("-")[0]
        (action,) = alarm.properties["AlarmActions"]
        assert action["Fn::ImportValue"].startswith(f"{project}-observability:ExportsOutputRefNotifications")
    subscription = several.one("AWS::SNS::Subscription").properties
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("email", "somebody@example.com")


def test_logs_lie_under_the_key_and_go_after_three_months(flights: Synthesised) -> None:
    groups = {g.properties.get("LogGroupName"): g.properties for g in flights.of("AWS::Logs::LogGroup")}
    assert {group["RetentionInDays"] for group in groups.values()} == {90}
    assert {name for name, group in groups.items() if "KmsKeyId" in group} == {
        "/aws/lambda/flights-retrain",
        "/aws/lambda/flights-promote",
        "/aws/sagemaker/Endpoints/flights",
    }


def test_the_notebook_stops_itself(several: Synthesised) -> None:
    lifecycle = several.one("AWS::SageMaker::NotebookInstanceLifecycleConfig").properties
    content = lifecycle["OnStart"][0]["Content"]
    assert len(content) <= 16_384  # the API's limit
    script = base64.b64decode(content).decode()
    assert script.startswith("#!/bin/bash\n")
    assert "--instance prices" in script
    assert "--idle-seconds 1800" in script


def test_the_dashboard_shows_only_what_exists(several: Synthesised) -> None:
    dashboards = {
        d.properties["DashboardName"]: str(d.properties) for d in several.of("AWS::CloudWatch::Dashboard")
    }
    assert "ModelLatency" in dashboards["prices"]
    assert "ModelLatency" not in dashboards["bare"]
