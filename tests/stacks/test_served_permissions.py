"""The roles of endpoints that queue, sleep or are compared, and of batches: what is needed, no more."""

from collections.abc import Mapping

import pytest

from tests.stacks.policies import Call, Policy, resource_policies, roles, shown
from tests.stacks.synthesised import Synthesised
from tests.stacks.test_stack_permissions import (
    ACCOUNT,
    ENCRYPT_OUTPUT,
    EXECUTION,
    JOB,
    SAGEMAKER,
    container,
    delivered,
    lists,
    load_test,
    over_tls_only,
)

MODEL = Call("s3:GetObject", f"{EXECUTION}train/model/{JOB}/output/model.tar.gz")
TRANSFORM_JOB = f"{SAGEMAKER}:transform-job/pipelines-9k2x1-Predict-Qx3"


def watches(name: str, *suffixes: str) -> list[Call]:
    alarms = f"arn:aws:cloudwatch:{ACCOUNT}:alarm"
    return [Call("cloudwatch:DescribeAlarms", f"{alarms}:{name}-{suffix}") for suffix in suffixes]


def endpoint(name: str) -> list[Call]:
    return [*container(f"/aws/sagemaker/Endpoints/{name}", "/aws/sagemaker/Endpoints"), MODEL]


NEEDS = {
    "queued-serving/ModelRole": [
        *endpoint("queued"),
        *watches("queued", "5xx", "age"),
        lists("Incoming.Arn", "requests/x.csv"),
        Call("s3:GetObject", "Incoming.Arn/requests/x.csv"),
        Call("s3:PutObject", "Incoming.Arn/answers/0a1b.out"),
        Call("s3:PutObject", "Incoming.Arn/failures/0a1b-error.out"),
        Call("sns:Publish", "Answers"),
    ],
    "asleep-serving/ModelRole": [
        *container("/aws/sagemaker/InferenceComponents/asleep", "/aws/sagemaker/InferenceComponents"),
        Call("cloudwatch:PutMetricData", "*", {"cloudwatch:namespace": "/aws/sagemaker/Endpoints"}),
        MODEL,
        *watches("asleep", "5xx", "latency", "silent"),
        load_test("asleep"),
    ],
    "files-serving/ModelRole": [
        *container("/aws/sagemaker/TransformJobs", "/aws/sagemaker/TransformJobs"),
        MODEL,
        ENCRYPT_OUTPUT,
        lists("Incoming.Arn", "rows/x.csv"),
        Call("s3:GetObject", "Incoming.Arn/rows/x.csv"),
        Call("s3:PutObject", "Incoming.Arn/predictions/x.csv.out"),
    ],
    "files-serving/BatchRole": [
        *(Call(f"sagemaker:{verb}TransformJob", TRANSFORM_JOB) for verb in ("Create", "Describe", "Stop")),
        Call("sagemaker:AddTags", TRANSFORM_JOB),
    ],
    "files-retraining/BatchStartRole": [
        Call("sagemaker:StartPipelineExecution", f"{SAGEMAKER}:pipeline/files-batch"),
    ],
    "beside-serving/ModelRole": [
        *endpoint("beside"),
        load_test("beside"),
        *watches("beside", "5xx", "latency", "silent"),
        *(
            Call("s3:PutObject", f"Captured.Arn/traffic/beside/{variant}/2026/01/01/00/x.jsonl")
            for variant in ("primary", "shadow")
        ),
    ],
    "beside-retraining/Promote/Role": [
        Call("logs:PutLogEvents", "Logs.Arn"),
        Call("xray:PutTraceSegments", "*"),
        Call("sqs:ReceiveMessage", "PromoteQueue.Arn"),
        Call("sqs:SendMessage", "DeadLetters.Arn"),
        Call("sagemaker:UpdateModelPackage", f"{SAGEMAKER}:model-package/beside/1"),
        Call(
            "cloudformation:UpdateStack",
            f"arn:aws:cloudformation:{ACCOUNT}:stack/beside-serving/0000-1111",
        ),
        Call("sagemaker:DescribeEndpoint", f"{SAGEMAKER}:endpoint/beside"),
        Call("events:PutEvents", f"arn:aws:events:{ACCOUNT}:event-bus/default"),
        Call("sns:Publish", "Notifications"),
        Call("kms:Decrypt", "Key.Arn"),
        lists("Captured.Arn", "traffic/beside/shadow/"),
        Call("s3:GetObject", "Captured.Arn/traffic/beside/shadow/2026/01/01/00/x.jsonl"),
        Call("s3:GetObject", "Captured.Arn/traffic/beside/primary/2026/01/01/00/x.jsonl"),
        Call("cloudwatch:GetMetricData", "*"),
    ],
    "queued-serving/Answers": [over_tls_only("Answers", "sns:Publish")],
    "files-retraining/DeadLetters": [
        over_tls_only("DeadLetters.Arn", "sqs:SendMessage"),
        delivered("DeadLetters", "BatchStart"),
    ],
}
FORBIDDEN = [
    ("queued-serving/ModelRole", Call("s3:GetObject", "Incoming.Arn/data/2013-01.csv")),
    ("queued-serving/ModelRole", Call("s3:PutObject", "Incoming.Arn/data/2013-01.csv")),
    ("queued-serving/ModelRole", Call("s3:PutObject", "Incoming.Arn/requests/x.csv")),
    ("asleep-serving/ModelRole", Call("s3:PutObject", "Captured.Arn/traffic/asleep/x.jsonl")),
    ("beside-retraining/Promote/Role", Call("s3:GetObject", "Captured.Arn/traffic/flights/primary/x.jsonl")),
    ("beside-retraining/Promote/Role", Call("s3:PutObject", "Captured.Arn/traffic/beside/shadow/x.jsonl")),
    ("beside-retraining/Promote/Role", lists("Captured.Arn", "traffic/")),
    ("batches-retraining/Promote/Role", Call("cloudwatch:GetMetricData", "*")),
    ("batches-retraining/Promote/Role", Call("s3:GetObject", "Captured.Arn/traffic/batches/primary/x.jsonl")),
    ("files-serving/ModelRole", Call("s3:GetObject", "Incoming.Arn/data/2013-01.csv")),
    ("files-serving/ModelRole", Call("s3:PutObject", "Incoming.Arn/rows/x.csv")),
    ("files-serving/BatchRole", Call("sagemaker:CreateTransformJob", f"{SAGEMAKER}:transform-job/mine")),
    ("files-serving/BatchRole", Call("iam:PassRole", "ModelRole.Arn")),
    (
        "files-retraining/BatchStartRole",
        Call("sagemaker:StartPipelineExecution", f"{SAGEMAKER}:pipeline/files-training"),
    ),
]


@pytest.fixture(scope="module")
def policies(served: Synthesised) -> Mapping[str, Policy]:
    return {policy.name: policy for policy in (*roles(served), *resource_policies(served))}


@pytest.mark.parametrize("name", NEEDS)
def test_what_is_needed_is_allowed(policies: Mapping[str, Policy], name: str) -> None:
    assert [call for call in NEEDS[name] if policies[name].decide(call) != call.outcome] == []


@pytest.mark.parametrize("name", [name for name in NEEDS if not name.endswith("/DeadLetters")])
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
