"""Training, retraining, workbench and observability."""

import base64
import importlib
import json
from collections.abc import Mapping
from typing import Any

import pytest

from declaration import BuiltIn, Data, Endpoint, Every, Gate, OnDrift, OnNewData, Project
from retrain.measured import Least
from retrain.messages import Kind, Sweep, parse
from retrain.pace import Pace
from stacks.controls.template import text
from tests.stacks.policies import roles
from tests.stacks.synthesised import Synthesised, synthesise


def test_the_pipeline_is_the_projects(flights: Synthesised) -> None:
    pipeline = flights.one("AWS::SageMaker::Pipeline").properties
    assert pipeline["PipelineName"] == "flights-training"
    definition = json.loads(text(pipeline["PipelineDefinition"]["PipelineDefinitionBody"]))
    begin, rest = definition["Steps"]
    assert (begin["Name"], rest["Name"]) == ("Prepare", "Intake")
    assert [step["Name"] for step in rest["Arguments"]["IfSteps"]] == ["Train", "Evaluate", "Gate"]


def test_each_kind_of_job_has_a_role_of_its_own(flights: Synthesised) -> None:
    body = flights.one("AWS::SageMaker::Pipeline").properties["PipelineDefinition"]["PipelineDefinitionBody"]
    begin, rest = json.loads(text(body))["Steps"]
    steps = [begin, *rest["Arguments"]["IfSteps"]]
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
        "observability": {"DashboardName", "TopicArn", "SignalsTopicArn"},
        "training": {"PipelineName", "ModelPackageGroup", "ImageUri"},
        "serving": {"EndpointName", "ApiUrl"},
        "retraining": {
            "RetrainQueueUrl",
            "RetrainFunction",
            "PromoteFunction",
            "TableName",
            "TellFunction",
            "DeadLetterQueueUrl",
        },
        "workbench": {"NotebookInstance"},
    }
    named = {
        "AWS::SageMaker::ModelPackageGroup": ["ModelPackageGroupName", "flights"],
        "AWS::SageMaker::Endpoint": ["EndpointName", "flights"],
        "AWS::SageMaker::NotebookInstance": ["NotebookInstanceName", "flights"],
        "AWS::ApiGateway::RestApi": ["Name", "flights"],
        "AWS::CloudWatch::Dashboard": ["DashboardName", "flights"],
    }
    for type_, (member, name) in named.items():
        assert flights.one(type_).properties[member] == name
    several_named = {
        "AWS::DynamoDB::Table": ["TableName", "retraining", "news"],
        "AWS::SNS::Topic": ["TopicName", "notifications", "signals"],
        "AWS::SQS::Queue": ["QueueName", "retrain", "promote", "tell", "dead-letters"],
    }
    for type_, (member, *suffixes) in several_named.items():
        names = {resource.properties[member] for resource in flights.of(type_)}
        assert names == {f"flights-{suffix}" for suffix in suffixes}
    alarms = {alarm.properties["AlarmName"] for alarm in flights.of("AWS::CloudWatch::Alarm")}
    assert alarms == {
        f"flights-{suffix}"
        for suffix in ("5xx", "latency", "silent", "dead-letters", "execution-failed", "rolled-back", "waits")
    }


@pytest.mark.parametrize(
    ("function", "environment"),
    [
        (
            "retrain",
            {
                "PROJECT": "prices",
                "PIPELINE_NAME": "prices-training",
                "MODEL_PACKAGE_GROUP": "prices",
                "PACE": (
                    '{"cooldowns": {"data": 3600, "drift": 0, "manual": 0, "quality": 0, "replay": 3600, '
                    '"schedule": 0}, "on_new_data": true, "quiet": 300}'
                ),
                "LEAST": '{"bytes": null, "files": null, "or_after": null, "rows": null}',
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
        {"TABLE_NAME", "QUEUE_URL", "DEAD_LETTER_URL", "INCOMING_BUCKET", "ARTIFACTS_BUCKET"}
        if function == "retrain"
        else {"TOPIC_ARN", "DEAD_LETTER_URL"}
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


def test_what_aws_throttles_for_half_an_hour_is_not_lost(app: Synthesised) -> None:
    for queue in app.of("AWS::SQS::Queue"):
        if "RedrivePolicy" in queue.properties:
            attempts = queue.properties["RedrivePolicy"]["maxReceiveCount"]
            assert attempts * queue.properties["VisibilityTimeout"] >= 1800


def test_the_sweep_comes_whatever_happens(app: Synthesised) -> None:
    sweeps = [r for r in app.of("AWS::Events::Rule") if r.properties["Name"].endswith("-sweep")]
    assert len(sweeps) == len(app.projects)
    for rule in sweeps:
        assert rule.properties["ScheduleExpression"] == "rate(5 minutes)"
        (target,) = rule.properties["Targets"]
        assert parse(target["Input"]) == Sweep()


def test_a_wait_is_told_once_and_lasts_until_it_is_over(flights: Synthesised) -> None:
    (waits,) = [
        a for a in flights.of("AWS::CloudWatch::Alarm") if a.properties["AlarmName"].endswith("-waits")
    ]
    assert waits.properties["Namespace"] == "Sageloop"
    assert waits.properties["MetricName"] == "PendingSeconds"
    assert waits.properties["Dimensions"] == [{"Name": "Project", "Value": "flights"}]
    assert waits.properties["Threshold"] == 3600
    # A sweep is rarer than a period: the time between two is no end of the wait.
    assert waits.properties["TreatMissingData"] == "ignore"


@pytest.fixture(scope="module")
def demanding(tmp_path_factory: pytest.TempPathFactory) -> Synthesised:
    """A project with all triggers, and one whose algorithm reads no data of ours."""
    data = Data(target="y")
    return synthesise(
        tmp_path_factory.mktemp("demanding"),
        Project(
            name="watched",
            data=data,
            endpoint=Endpoint(calls_per_minute=60),
            retrain=[
                OnNewData(at_least="50 MB", rows=10_000, files=3, or_after="7 days", quiet_for="1 min"),
                Every("week", cooldown="2 days"),
                OnDrift(cooldown="3 days"),
            ],
        ),
        Project(
            name="pictures",
            data=Data(target="class", problem="multiclass"),
            gate=Gate("accuracy", at_least=0.9),
            train=BuiltIn(
                "image-classification",
                {"num_classes": 3, "num_training_samples": 100},
                channels={"train": "s3://pictures/train/", "validation": "s3://pictures/validation/"},
            ),
            retrain=[Every("week")],
        ),
    )


def retrain_of(app: Synthesised, project: str) -> Mapping[str, Any]:
    (made,) = [
        f for f in app.of("AWS::Lambda::Function") if f.properties["FunctionName"] == f"{project}-retrain"
    ]
    variables: Mapping[str, Any] = made.properties["Environment"]["Variables"]
    return variables


def test_each_trigger_is_what_the_function_reads(demanding: Synthesised) -> None:
    variables, day = retrain_of(demanding, "watched"), 86_400
    cooldowns: dict[Kind, int] = {"schedule": 2 * day, "drift": 3 * day}
    all_cooldowns: dict[Kind, int] = {"data": 0, "quality": 0, "manual": 0, "replay": 0, **cooldowns}
    assert Pace.read(variables["PACE"]) == Pace(60, all_cooldowns, on_new_data=True)
    assert Least.read(variables["LEAST"]) == Least(50_000_000, 10_000, 3, 7 * day)
    (wanted,) = [
        r for r in demanding.of("AWS::Events::Rule") if r.properties["Name"].endswith("retrain-wanted")
    ]
    assert wanted.properties["EventPattern"] == {
        "source": ["sageloop"],
        "detail-type": ["Retrain Wanted"],
        "detail": {"project": ["watched"]},
    }


def test_where_no_data_of_ours_are_read_none_are_listed(demanding: Synthesised) -> None:
    variables = retrain_of(demanding, "pictures")
    assert (variables["INCOMING_BUCKET"], variables["ARTIFACTS_BUCKET"]) == ("", "")
    assert not Pace.read(variables["PACE"]).on_new_data
    (role,) = [p for p in roles(demanding) if p.name == "pictures-retraining/Retrain/Role"]
    actions = {action for statement in role.statements for action in statement["Action"]}
    assert not [action for action in actions if action.startswith(("s3:", "kms:"))]


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
    rules = [r.properties for r in flights.of("AWS::Events::Rule") if "EventPattern" in r.properties]
    patterns = [rule["EventPattern"]["detail"] for rule in rules]
    ends = [s for p in patterns for s in p.get("currentPipelineExecutionStatus", [])]
    assert set(ends) == {"Failed", "Stopped", "Succeeded"}
    stack = [s for p in patterns for s in p.get("status-details", {}).get("status", [])]
    assert {"UPDATE_COMPLETE", "CREATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"} <= set(stack)


def test_alarms_tell_the_topic_and_the_topic_whoever_asked(several: Synthesised) -> None:
    for alarm in several.of("AWS::CloudWatch::Alarm"):
        project = alarm.stack.split("-")[0]
        (action,) = alarm.properties["AlarmActions"]
        # Of a failed execution people are told by a text that says why.
        topic = "Signals" if alarm.properties["AlarmName"].endswith("-execution-failed") else "Notifications"
        assert action["Fn::ImportValue"].startswith(f"{project}-observability:ExportsOutputRef{topic}")
    subscription = several.one("AWS::SNS::Subscription").properties
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("email", "somebody@example.com")


def test_logs_lie_under_the_key_and_go_after_three_months(flights: Synthesised) -> None:
    groups = {g.properties.get("LogGroupName"): g.properties for g in flights.of("AWS::Logs::LogGroup")}
    assert {group["RetentionInDays"] for group in groups.values()} == {90}
    assert {name for name, group in groups.items() if "KmsKeyId" in group} == {
        "/aws/lambda/flights-retrain",
        "/aws/lambda/flights-promote",
        "/aws/lambda/flights-tell",
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
