"""The controls find nothing in what we make, and find it when anything is taken away."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from stacks.controls import findings
from tests.stacks.synthesised import Synthesised

NOTEBOOK, CONFIG, MODEL = (
    f"AWS::SageMaker::{kind}" for kind in ("NotebookInstance", "EndpointConfig", "Model")
)
Template = dict[str, Any]
Properties = dict[str, Any]


def test_nothing_is_found_that_nobody_acknowledged(app: Synthesised) -> None:
    assert [str(finding) for finding in app.findings] == []


def acknowledgements(app: Synthesised) -> list[tuple[str, str, str]]:
    return [
        (resource.body["Metadata"]["aws:cdk:path"], end, reason)
        for resource in app.resources
        for end, reason in resource.body["Metadata"].get("sageloop:acknowledged", {}).items()
    ]


def test_every_acknowledgement_gives_a_reason(app: Synthesised) -> None:
    assert [entry for entry in acknowledgements(app) if len(entry[2]) < 20] == []


def test_every_acknowledgement_answers_a_finding(app: Synthesised) -> None:
    found = [(finding.path, finding.control) for finding in app.all_findings]
    stale = [
        (path, end)
        for path, end, _ in acknowledgements(app)
        if not any(path == at and control.endswith(end) for at, control in found)
    ]
    assert stale == []


def test_acknowledgements_only_become_fewer(flights: Synthesised) -> None:
    wildcards = [end for _, end, _ in acknowledgements(flights) if end.endswith("]")]
    assert len(wildcards) <= 50
    assert len(acknowledgements(flights)) - len(wildcards) <= 7


SECURITY_HUB: list[tuple[str, str, Callable[[Properties], object]]] = [
    ("SageMaker.1", NOTEBOOK, lambda p: p.update(DirectInternetAccess="Enabled")),
    ("SageMaker.1", NOTEBOOK, lambda p: p.pop("DirectInternetAccess")),
    ("SageMaker.2", NOTEBOOK, lambda p: p.pop("SubnetId")),
    ("SageMaker.2", NOTEBOOK, lambda p: p.pop("SecurityGroupIds")),
    ("SageMaker.3", NOTEBOOK, lambda p: p.pop("RootAccess")),
    ("SageMaker.4", CONFIG, lambda p: p["ProductionVariants"][0].update(InitialInstanceCount=1)),
    ("SageMaker.5", MODEL, lambda p: p.pop("EnableNetworkIsolation")),
    ("SageMaker.8", NOTEBOOK, lambda p: p.update(PlatformIdentifier="notebook-al2-v3")),
    ("SageMaker.8", NOTEBOOK, lambda p: p.pop("PlatformIdentifier")),
    ("SageMaker.21", NOTEBOOK, lambda p: p.pop("KmsKeyId")),
]
OURS: list[tuple[str, str, Callable[[Properties], object]]] = [
    ("Sageloop.EventsKept", "AWS::Events::Rule", lambda p: p["Targets"][0].pop("DeadLetterConfig")),
    ("Sageloop.EventsKept", "AWS::SQS::Queue", lambda p: p.pop("RedrivePolicy", None)),
    ("Sageloop.LogsKept", "AWS::Logs::LogGroup", lambda p: p.pop("RetentionInDays")),
    ("Sageloop.AlarmsHeard", "AWS::CloudWatch::Alarm", lambda p: p.pop("AlarmActions")),
    (
        "Sageloop.NamedActions",
        "AWS::IAM::Role",
        lambda p: p["Policies"][0]["PolicyDocument"]["Statement"][0].update(Action="s3:*"),
    ),
    (
        "Sageloop.NamedActions",
        "AWS::IAM::Role",
        lambda p: p.update(ManagedPolicyArns=["arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"]),
    ),
    *(
        ("Sageloop.TlsOnly", f"AWS::{kind}Policy", lambda p: p["PolicyDocument"]["Statement"].pop(0))
        for kind in ("S3::Bucket", "SQS::Queue", "SNS::Topic")
    ),
]


@pytest.mark.parametrize(("control", "type_", "change"), SECURITY_HUB + OURS)
def test_a_control_finds_what_it_is_for(
    flights: Synthesised, control: str, type_: str, change: Callable[[Properties], object]
) -> None:
    stack = flights.of(type_)[0].stack
    template: Template = copy.deepcopy(dict(flights.templates[stack]))
    for resource in template["Resources"].values():
        if resource["Type"] == type_:
            change(resource["Properties"])
    assert control in {finding.control for finding in findings(stack, template)}


def test_a_policy_apart_from_its_role_is_found() -> None:
    template = {"Resources": {"Extra": {"Type": "AWS::IAM::Policy", "Properties": {}}}}
    assert [finding.control for finding in findings("s", template)] == ["Sageloop.NamedActions"]
