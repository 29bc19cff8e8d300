"""The watch over a model: only where declared, told what is declared, and with the rights that it needs."""

import importlib
import json
import re
from collections.abc import Mapping
from typing import Any

import pytest

from declaration import Data, Endpoint, Gate, OnDrift, OnQuality, Project
from stacks import build
from stacks.controls.template import text
from tests.stacks.policies import Call, Policy, resource_policies, roles, shown
from tests.stacks.synthesised import Synthesised
from tests.stacks.test_stack_permissions import (
    ACCOUNT,
    ENCRYPT_OUTPUT,
    PROCESSING,
    SAGEMAKER,
    delivered,
    lists,
    over_tls_only,
)

LOOK = "Artifacts.Arn/monitoring/20261101T130000Z"
JOB = f"{SAGEMAKER}:processing-job/pipelines-9k2x1-Watch-Qx3"
PIPELINE = f"{SAGEMAKER}:pipeline/watched-monitoring"


def rules_of(watched: Synthesised, project: str) -> Any:
    (function,) = watched.of("AWS::Lambda::Function", f"{project}-monitoring")
    return json.loads(function.properties["Environment"]["Variables"]["RULES"])


def test_a_project_that_nobody_watches_has_no_watch(several: Synthesised) -> None:
    assert not [name for name in several.templates if name.endswith("-monitoring")]


def test_it_comes_after_what_it_needs(watched: Synthesised) -> None:
    artifacts = json.loads((watched.directory / "manifest.json").read_text())["artifacts"]
    assert "watched-retraining" in artifacts["watched-monitoring"]["dependencies"]


def test_the_function_gets_what_it_reads(watched: Synthesised) -> None:
    (function,) = watched.of("AWS::Lambda::Function", "watched-monitoring")
    variables = function.properties["Environment"]["Variables"]
    known = {
        "PROJECT": "watched",
        "PIPELINE_NAME": "watched-monitoring",
        "STACK_NAME": "watched-serving",
        "ENDPOINT_NAME": "watched",
        "VARIANT": "primary",
        "TABLE_NAME": "watched-retraining",
        "CAPTURED_PREFIX": "traffic/watched/",
    }
    assert {name: variables[name] for name in known} == known
    assert variables.keys() - known.keys() == {
        "QUEUE_URL",
        "DEAD_LETTER_URL",
        "CAPTURED_BUCKET",
        "INCOMING_BUCKET",
        "ARTIFACTS_BUCKET",
        "RULES",
    }
    module, _, name = function.properties["Handler"].rpartition(".")
    handle = getattr(importlib.import_module(module), name)
    assert f"{handle.__module__}.{handle.__name__}" == function.properties["Handler"]


def test_the_rules_are_what_is_declared(watched: Synthesised) -> None:
    assert rules_of(watched, "watched") == {
        "every": 7_200,
        "quiet": 30,
        "drift": {
            "declared": True,
            "psi": 0.2,
            "alpha": pytest.approx(2 / (365 * 12)),
            "rows": 300,
            "features": ["distance"],
            "retrain": False,
        },
        "quality": {
            "metric": "auc",
            "bound": 0.65,
            "higher": True,
            "rows": 200,
            "confidence": 0.9,
            "labels_within": 7 * 86_400,
            "retrain": True,
        },
    }
    # Without a word on drift it is reported by its defaults, and nobody is told.
    quality = rules_of(watched, "judged")
    assert not quality["drift"]["declared"]
    assert quality["quality"]["bound"] == 0.7
    assert rules_of(watched, "drifting")["quality"] is None


def test_the_function_understands_its_rules(watched: Synthesised) -> None:
    rules = importlib.import_module("monitor.rules").Rules
    for project in ("watched", "judged", "drifting"):
        told = rules.read(json.dumps(rules_of(watched, project))).document()
        assert told["quality"] == (project != "drifting")


def test_it_wakes_every_hour_or_as_often_as_it_is_to_look(watched: Synthesised) -> None:
    def wakes(project: str) -> Mapping[str, Any]:
        rules = [rule.properties for rule in watched.of("AWS::Events::Rule", f"{project}-monitoring")]
        return {rule["Name"]: rule.get("ScheduleExpression") for rule in rules}

    assert wakes("watched") == {
        "watched-look": "rate(1 hour)",
        "watched-new-labels": None,
        "watched-monitoring-ended": None,
    }
    assert wakes("drifting") == {"drifting-look": "rate(10 minutes)", "drifting-monitoring-ended": None}


def test_only_labels_cause_a_look_of_their_own(watched: Synthesised) -> None:
    patterns = {
        rule.properties["Name"]: rule.properties.get("EventPattern", {})
        for rule in watched.of("AWS::Events::Rule", "watched-monitoring")
    }
    assert patterns["watched-new-labels"]["detail"]["object"] == {"key": [{"prefix": "labels/"}]}
    ended = patterns["watched-monitoring-ended"]["detail"]
    assert ended["currentPipelineExecutionStatus"] == ["Succeeded", "Stopped", "Failed"]
    assert str(ended["pipelineArn"]).count("watched-monitoring") == 1


def test_alarms_stay_until_the_next_look_and_tell_programs(watched: Synthesised) -> None:
    alarms = {
        each.properties["AlarmName"]: each.properties
        for each in watched.of("AWS::CloudWatch::Alarm", "watched-monitoring")
    }
    figures = {"watched-drift": "Drifted", "watched-quality": "LiveBelow", "watched-traffic-silent": "Silent"}
    assert set(alarms) == {*figures, "watched-monitoring-failed", "watched-monitor-dead-letters"}
    for name, figure in figures.items():
        found = alarms[name]
        assert (found["Namespace"], found["MetricName"]) == ("Sageloop", figure)
        assert found["Dimensions"] == [{"Name": "Project", "Value": "watched"}]
        assert found["TreatMissingData"] == "ignore"
        assert "Signals" in str(found["AlarmActions"])
    for name in set(alarms) - set(figures):
        assert alarms[name]["TreatMissingData"] == "notBreaching"
        assert "Notifications" in str(alarms[name]["AlarmActions"])
    others = {
        each.properties["AlarmName"] for each in watched.of("AWS::CloudWatch::Alarm", "drifting-monitoring")
    }
    assert "drifting-quality" not in others


def test_the_job_runs_in_the_image_that_has_prepared(watched: Synthesised) -> None:
    def images(stack: str) -> set[str]:
        (pipeline,) = watched.of("AWS::SageMaker::Pipeline", stack)
        body = text(pipeline.properties["PipelineDefinition"]["PipelineDefinitionBody"])
        return set(re.findall(r'"ImageUri": "([^"]*)"', body))

    assert images("watched-monitoring") <= images("watched-training")


def test_names_that_others_rely_on(watched: Synthesised) -> None:
    outputs = {
        name
        for name, output in watched.templates["watched-monitoring"]["Outputs"].items()
        if "Export" not in output
    }
    assert outputs == {"MonitoringPipelineName", "MonitorFunction", "MonitorQueueUrl", "DeadLetterQueueUrl"}
    queues = {each.properties["QueueName"] for each in watched.of("AWS::SQS::Queue", "watched-monitoring")}
    assert queues == {"watched-monitor", "watched-monitor-dead-letters"}


RULES = ("Look", "NewLabels", "MonitoringEnded")
NEEDS = {
    "watched-monitoring/WatchRole": [
        *PROCESSING,
        Call("s3:GetObject", "Captured.Arn/traffic/watched/primary/2026/11/01/12/x.jsonl"),
        Call("s3:GetObject", "Incoming.Arn/labels/november.csv"),
        *(
            each
            for place in (
                "monitoring/20261101T130000Z/window.json",
                "executions/9k2x1/prepare/baseline/statistics.json",
                "executions/9k2x1/evaluate/evaluation/predictions.parquet",
            )
            for each in (lists("Artifacts.Arn", place), Call("s3:GetObject", f"Artifacts.Arn/{place}"))
        ),
        Call("s3:PutObject", f"{LOOK}/report/findings.json"),
    ],
    "watched-monitoring/PipelineRole": [
        *(Call(f"sagemaker:{verb}ProcessingJob", JOB) for verb in ("Create", "Describe", "Stop")),
        Call("sagemaker:AddTags", JOB),
        Call("iam:PassRole", "WatchRole.Arn", {"iam:PassedToService": "sagemaker.amazonaws.com"}),
    ],
    "watched-monitoring/Monitor/Role": [
        Call("logs:CreateLogStream", "Logs.Arn"),
        Call("logs:PutLogEvents", "Logs.Arn"),
        Call("xray:PutTraceSegments", "*"),
        *(
            Call(f"sqs:{action}", "MonitorQueue.Arn")
            for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes", "SendMessage")
        ),
        Call("sqs:SendMessage", "DeadLetters.Arn"),
        *(
            Call(f"dynamodb:{action}", f"arn:aws:dynamodb:{ACCOUNT}:table/watched-retraining")
            for action in ("GetItem", "PutItem")
        ),
        *(
            Call(f"cloudformation:{action}", f"arn:aws:cloudformation:{ACCOUNT}:stack/watched-serving/0-1")
            for action in ("DescribeStacks", "DescribeStackResources")
        ),
        Call("sagemaker:DescribeModelPackage", f"{SAGEMAKER}:model-package/watched/3"),
        Call("sagemaker:StartPipelineExecution", PIPELINE),
        Call("sagemaker:DescribePipelineExecution", f"{PIPELINE}/execution/9k2x1"),
        lists("Captured.Arn", "traffic/watched/primary/"),
        lists("Incoming.Arn", "labels/"),
        lists("Artifacts.Arn", "monitoring/"),
        Call("s3:GetObject", f"{LOOK}/report/findings.json"),
        Call("s3:PutObject", f"{LOOK}/window.json"),
        *(Call(f"kms:{action}", "Key.Arn") for action in ("Decrypt", "GenerateDataKey")),
        Call("events:PutEvents", f"arn:aws:events:{ACCOUNT}:event-bus/default"),
        Call("cloudwatch:GetMetricData", "*"),
        Call("cloudwatch:PutMetricData", "*", {"cloudwatch:namespace": "Sageloop"}),
    ],
    "watched-monitoring/DeadLetters": [
        over_tls_only("DeadLetters.Arn", "sqs:SendMessage"),
        *(delivered("DeadLetters", rule) for rule in RULES),
    ],
    "watched-monitoring/MonitorQueue": [
        over_tls_only("MonitorQueue.Arn", "sqs:SendMessage"),
        *(delivered("MonitorQueue", rule) for rule in RULES),
    ],
}
FORBIDDEN = [
    ("watched-monitoring/WatchRole", Call("s3:GetObject", "Captured.Arn/traffic/judged/primary/x.jsonl")),
    ("watched-monitoring/WatchRole", Call("s3:GetObject", "Incoming.Arn/data/november.csv")),
    ("watched-monitoring/WatchRole", Call("s3:GetObject", "Artifacts.Arn/executions/9k/train/model.tar.gz")),
    ("watched-monitoring/WatchRole", Call("s3:PutObject", f"{LOOK}/window.json")),
    ("drifting-monitoring/WatchRole", Call("s3:GetObject", "Incoming.Arn/labels/november.csv")),
    ("watched-monitoring/PipelineRole", ENCRYPT_OUTPUT),
    ("watched-monitoring/Monitor/Role", Call("s3:GetObject", "Captured.Arn/traffic/watched/primary/x.jsonl")),
    ("watched-monitoring/Monitor/Role", Call("s3:GetObject", "Incoming.Arn/labels/november.csv")),
    (
        "watched-monitoring/Monitor/Role",
        Call("sagemaker:UpdateModelPackage", f"{SAGEMAKER}:model-package/watched/3"),
    ),
    (
        "watched-monitoring/Monitor/Role",
        Call("sagemaker:StartPipelineExecution", f"{SAGEMAKER}:pipeline/watched-training"),
    ),
    (
        "watched-monitoring/Monitor/Role",
        Call("cloudformation:UpdateStack", f"arn:aws:cloudformation:{ACCOUNT}:stack/watched-serving/0-1"),
    ),
    (
        "watched-monitoring/Monitor/Role",
        Call("cloudwatch:PutMetricData", "*", {"cloudwatch:namespace": "AWS/SageMaker"}),
    ),
    ("drifting-monitoring/Monitor/Role", lists("Incoming.Arn", "labels/")),
    ("watched-monitoring/MonitorQueue", delivered("MonitorQueue", "SomebodyElses")),
]


@pytest.fixture(scope="module")
def policies(watched: Synthesised) -> Mapping[str, Policy]:
    return {policy.name: policy for policy in (*roles(watched), *resource_policies(watched))}


def test_every_policy_of_the_watch_is_known(policies: Mapping[str, Policy]) -> None:
    assert {name for name in policies if name.startswith("watched-monitoring/")} == set(NEEDS)


@pytest.mark.parametrize("name", NEEDS)
def test_what_is_needed_is_allowed(policies: Mapping[str, Policy], name: str) -> None:
    assert [call for call in NEEDS[name] if policies[name].decide(call) != call.outcome] == []


@pytest.mark.parametrize("name", NEEDS)
def test_every_statement_is_needed(policies: Mapping[str, Policy], name: str) -> None:
    policy = policies[name]
    survivors = [
        shown(statement)
        for index, statement in enumerate(policy.statements)
        if all(policy.without(index).decide(call) == call.outcome for call in NEEDS[name])
    ]
    assert survivors == []


@pytest.mark.parametrize(("name", "call"), FORBIDDEN)
def test_what_nobody_needs_is_refused(policies: Mapping[str, Policy], name: str, call: Call) -> None:
    assert policies[name].decide(call) != "Allow"


def test_projects_that_are_watched_share_nothing(tmp_path: Any) -> None:
    data, endpoint = Data(target="late"), Endpoint(calls_per_minute=60)
    gate = Gate("auc", at_least=0.7)
    app = build(
        Project("a", data=data, gate=gate, endpoint=endpoint, retrain=[OnQuality()]),
        Project("b", data=data, endpoint=endpoint, retrain=[OnDrift()]),
        outdir=str(tmp_path),
    )
    names = {child.node.id for child in app.node.children}
    assert {"a-monitoring", "b-monitoring"} <= names
