"""Every statement of every policy is needed by a call that the product makes, and allows no more.

The calls are those that the functions make (lambda/) and that AWS's documentation says its services make:
https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html
"""

import re
from collections.abc import Sequence

import pytest

from tests.stacks.policies import Call, Policy, resource_policies, roles, shown
from tests.stacks.synthesised import Synthesised

ACCOUNT = "us-east-1:000000000000"
SAGEMAKER = f"arn:aws:sagemaker:{ACCOUNT}"
EXECUTION = "Artifacts.Arn/executions/9k2x1/"
LIST = "inputs/0123456789abcdef"
JOB = "pipelines-9k2x1-Train-Qx3"
MARKER = r"[0-9a-f]{64}\.txt"
ASSETS = "arn:aws:s3:::cdk-hnb659fds-assets-000000000000-us-east-1"
PLAIN = {"aws:SecureTransport": "false"}


def container(group: str, metrics: str) -> list[Call]:
    logs = f"arn:aws:logs:{ACCOUNT}:log-group:{group}"
    repository = f"arn:aws:ecr:{ACCOUNT}:repository/cdk-hnb659fds-container-assets-000000000000-us-east-1"
    interface = f"arn:aws:ec2:{ACCOUNT}:network-interface/eni-1"
    return [
        Call("ecr:GetAuthorizationToken", "*"),
        *(
            Call(f"ecr:{action}", repository)
            for action in ("BatchCheckLayerAvailability", "GetDownloadUrlForLayer", "BatchGetImage")
        ),
        Call("logs:CreateLogGroup", logs),
        Call("logs:CreateLogStream", f"{logs}:log-stream:job/algo-1"),
        Call("logs:PutLogEvents", f"{logs}:log-stream:job/algo-1"),
        Call("cloudwatch:PutMetricData", "*", {"cloudwatch:namespace": metrics}),
        *(Call(f"kms:{action}", "Key.Arn") for action in ("Decrypt", "GenerateDataKey", "CreateGrant")),
        Call("ec2:CreateNetworkInterface", interface),
        Call("ec2:CreateNetworkInterface", f"arn:aws:ec2:{ACCOUNT}:subnet/Subnet"),
        Call("ec2:CreateNetworkInterface", f"arn:aws:ec2:{ACCOUNT}:security-group/Jobs.GroupId"),
        Call("ec2:CreateNetworkInterfacePermission", interface),
        Call("ec2:DeleteNetworkInterface", interface),
        Call("ec2:DescribeSubnets", "*"),
        Call("ec2:DescribeSecurityGroups", "*"),
    ]


def load_test(name: str) -> Call:
    """What the second endpoint of a load test logs, which has the role of the first."""
    group = f"arn:aws:logs:{ACCOUNT}:log-group:/aws/sagemaker/Endpoints/{name}-loadtest"
    return Call("logs:PutLogEvents", f"{group}:log-stream:primary/i-1")


def lists(bucket: str, key: str) -> Call:
    return Call("s3:ListBucket", bucket, {"s3:prefix": key})


def function(name: str) -> list[Call]:
    return [
        Call("logs:CreateLogStream", "Logs.Arn"),
        Call("logs:PutLogEvents", "Logs.Arn"),
        Call("xray:PutTraceSegments", "*"),
        *(
            Call(f"sqs:{action}", f"{name}Queue.Arn")
            for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")
        ),
        Call("sagemaker:ListModelPackages", f"{SAGEMAKER}:model-package/flights/1"),
        Call("sagemaker:DescribeModelPackage", f"{SAGEMAKER}:model-package/flights/1"),
    ]


CHECKPOINT = f"checkpoints/{JOB}/0a1b/6/0.1/state"
CHECKPOINTS = [
    lists("Artifacts.Arn", CHECKPOINT),
    Call("s3:GetObject", f"Artifacts.Arn/{CHECKPOINT}/model.ubj"),
    Call("s3:PutObject", f"Artifacts.Arn/{CHECKPOINT}/model.ubj"),
]
ENCRYPT_OUTPUT = Call("kms:Encrypt", "Key.Arn")
PROCESSING = [
    *container("/aws/sagemaker/ProcessingJobs", "/aws/sagemaker/ProcessingJobs"),
    ENCRYPT_OUTPUT,
]
PREPARE = [
    lists("Incoming.Arn", "data/"),
    Call("s3:GetObject", "Incoming.Arn/data/2013-01.csv"),
    Call("s3:GetObject", "Artifacts.Arn/inputs/0a1b2c3d4e5f6071/data.manifest"),
    lists("Artifacts.Arn", "inputs/0a1b2c3d4e5f6071/snapshot.json"),
    Call("s3:GetObject", "Artifacts.Arn/inputs/0a1b2c3d4e5f6071/snapshot.json"),
    lists("Artifacts.Arn", f"executions/7h3/train/model/{JOB}/output/model.tar.gz"),
    Call("s3:GetObject", f"{EXECUTION}train/model/{JOB}/output/model.tar.gz"),
    lists(ASSETS, "MARKER"),
    Call("s3:GetObject", f"{ASSETS}/MARKER"),
    Call("s3:PutObject", f"{EXECUTION}prepare/train/part-0.parquet"),
]
ROLES = {
    "flights-network/FlowLogRole": [
        Call("logs:CreateLogStream", "FlowLogs.Arn"),
        Call("logs:PutLogEvents", "FlowLogs.Arn"),
    ],
    "flights-training/PrepareRole": [
        *PROCESSING,
        *PREPARE,
    ],
    "flights-training/TrainRole": [
        *container("/aws/sagemaker/TrainingJobs", "/aws/sagemaker/TrainingJobs"),
        ENCRYPT_OUTPUT,
        lists("Artifacts.Arn", "executions/9k2x1/prepare/train"),
        Call("s3:GetObject", f"{EXECUTION}prepare/train/part-0.parquet"),
        Call("s3:PutObject", f"{EXECUTION}train/model/{JOB}/output/model.tar.gz"),
        *CHECKPOINTS,
    ],
    "flights-training/EvaluateRole": [
        *PROCESSING,
        lists("Artifacts.Arn", "executions/9k2x1/prepare/holdout"),
        lists("Artifacts.Arn", f"executions/7h3/train/model/{JOB}/output/model.tar.gz"),
        Call("s3:GetObject", f"{EXECUTION}prepare/holdout/part-0.parquet"),
        Call("s3:GetObject", f"{EXECUTION}train/model/{JOB}/output/model.tar.gz"),
        lists(ASSETS, "MARKER"),
        Call("s3:GetObject", f"{ASSETS}/MARKER"),
        Call("s3:PutObject", f"{EXECUTION}evaluate/evaluation/metrics.json"),
    ],
    "flights-training/PipelineRole": [
        *(
            Call(f"sagemaker:{verb}{kind}Job", f"{SAGEMAKER}:{kind.lower()}-job/{JOB}")
            for verb in ("Create", "Describe", "Stop")
            for kind in ("Processing", "Training")
        ),
        Call("sagemaker:AddTags", f"{SAGEMAKER}:training-job/{JOB}"),
        Call("sagemaker:CreateModelPackage", f"{SAGEMAKER}:model-package-group/flights"),
        Call("sagemaker:CreateModelPackage", f"{SAGEMAKER}:model-package/flights/3"),
        *(
            Call("iam:PassRole", f"{kind}Role.Arn", {"iam:PassedToService": "sagemaker.amazonaws.com"})
            for kind in ("Prepare", "Train", "Evaluate")
        ),
        Call("s3:GetObject", f"{EXECUTION}train/model/{JOB}/output/model.tar.gz"),
        Call("s3:GetObject", f"{EXECUTION}evaluate/evaluation/metrics.json"),
        Call("s3:GetObject", f"{EXECUTION}prepare/intake/intake.json"),
        Call("kms:Decrypt", "Key.Arn"),
    ],
    "flights-serving/ModelRole": [
        *container("/aws/sagemaker/Endpoints/flights", "/aws/sagemaker/Endpoints"),
        load_test("flights"),
        Call("s3:GetObject", f"{EXECUTION}train/model/{JOB}/output/model.tar.gz"),
        Call("s3:PutObject", "Captured.Arn/traffic/flights/primary/2026/01/01/00/x.jsonl"),
        *(
            Call("cloudwatch:DescribeAlarms", f"arn:aws:cloudwatch:{ACCOUNT}:alarm:flights-{suffix}")
            for suffix in ("5xx", "latency", "silent")
        ),
    ],
    "flights-serving/Predictions/Role": [
        Call("sagemaker:InvokeEndpoint", f"{SAGEMAKER}:endpoint/flights"),
    ],
    "flights-retraining/Retrain/Role": [
        *function("Retrain"),
        Call("dynamodb:GetItem", "State.Arn"),
        Call("dynamodb:PutItem", "State.Arn"),
        Call("sqs:SendMessage", "RetrainQueue.Arn"),
        Call("sqs:SendMessage", "DeadLetters.Arn"),
        *(
            Call(f"sagemaker:{action}", f"{SAGEMAKER}:pipeline/flights-training")
            for action in ("StartPipelineExecution", "ListPipelineExecutions", "DescribePipeline")
        ),
        Call("sagemaker:DescribePipelineExecution", f"{SAGEMAKER}:pipeline/flights-training/execution/9k2x1"),
        Call("events:PutEvents", f"arn:aws:events:{ACCOUNT}:event-bus/default"),
        Call("cloudwatch:PutMetricData", "*", {"cloudwatch:namespace": "Sageloop"}),
        lists("Incoming.Arn", "data/"),
        lists("Incoming.Arn", "data/2013-01.csv"),
        lists("Artifacts.Arn", f"{LIST}/snapshot.json"),
        lists("Artifacts.Arn", "executions/9k2x1/prepare/intake/intake.json"),
        Call("s3:GetObject", f"Artifacts.Arn/{LIST}/snapshot.json"),
        Call("s3:PutObject", f"Artifacts.Arn/{LIST}/data.manifest"),
        Call("s3:GetObject", f"{EXECUTION}prepare/intake/intake.json"),
        *(Call(f"s3:{action}", "Incoming.Arn/data/2013-01.csv") for action in ("GetObject", "DeleteObject")),
        Call("s3:PutObject", "Incoming.Arn/quarantine/2013-01.csv"),
        *(Call(f"kms:{action}", "Key.Arn") for action in ("Decrypt", "GenerateDataKey")),
    ],
    "flights-retraining/Promote/Role": [
        *function("Promote"),
        Call("sagemaker:UpdateModelPackage", f"{SAGEMAKER}:model-package/flights/1"),
        *(
            Call(
                f"cloudformation:{action}",
                f"arn:aws:cloudformation:{ACCOUNT}:stack/flights-serving/0000-1111",
            )
            for action in ("DescribeStacks", "DescribeStackEvents", "DescribeStackResources", "UpdateStack")
        ),
        Call("sagemaker:DescribeEndpoint", f"{SAGEMAKER}:endpoint/flights"),
        Call("events:PutEvents", f"arn:aws:events:{ACCOUNT}:event-bus/default"),
        Call("sns:Publish", "Notifications"),
        Call("sqs:SendMessage", "DeadLetters.Arn"),
        *(Call(f"kms:{action}", "Key.Arn") for action in ("Decrypt", "GenerateDataKey")),
    ],
    "flights-retraining/Tell/Role": [
        *function("Tell"),
        Call("sns:Publish", "Notifications"),
        Call("dynamodb:GetItem", "News.Arn"),
        Call("dynamodb:PutItem", "News.Arn"),
        Call("sqs:SendMessage", "DeadLetters.Arn"),
        Call("s3:GetObject", f"{EXECUTION}evaluate/evaluation/metrics.json"),
        *(
            Call(f"sagemaker:{action}", f"{SAGEMAKER}:pipeline/flights-training/execution/9k2x1")
            for action in ("ListPipelineExecutionSteps", "DescribePipelineExecution")
        ),
        *(Call(f"kms:{action}", "Key.Arn") for action in ("Decrypt", "GenerateDataKey")),
    ],
    "flights-workbench/Role": [
        lists("Incoming.Arn", "data/"),
        Call("s3:GetObject", "Incoming.Arn/data/2013-01.csv"),
        lists("Artifacts.Arn", "executions/9k2x1/evaluate/"),
        Call("s3:GetObject", f"{EXECUTION}evaluate/evaluation/report.html"),
        Call("kms:Decrypt", "Key.Arn"),
        Call(
            "logs:PutLogEvents",
            f"arn:aws:logs:{ACCOUNT}:log-group:/aws/sagemaker/NotebookInstances:log-stream:flights/x",
        ),
        Call("sagemaker:StopNotebookInstance", f"{SAGEMAKER}:notebook-instance/flights"),
        Call("sagemaker:InvokeEndpoint", f"{SAGEMAKER}:endpoint/flights"),
    ],
}


def over_tls_only(name: str, action: str, by: str = "") -> Call:
    return Call(action, name, PLAIN, by, outcome="Deny")


def access_log(bucket: str) -> Call:
    context = {"aws:SourceArn": f"{bucket}.Arn", "aws:SourceAccount": "000000000000"}
    key = f"AccessLogs.Arn/{bucket.lower()}/2026-01-01"
    return Call("s3:PutObject", key, context, "logging.s3.amazonaws.com")


def delivered(queue: str, rule: str) -> Call:
    context = {"aws:SourceArn": f"{rule}.Arn"}
    return Call("sqs:SendMessage", f"{queue}.Arn", context, "events.amazonaws.com")


RETRAIN_RULES = ("NewData", "ExecutionFinished", "ExecutionFailed", "Sweep")
PROMOTE_RULES = ("ModelReviewed", "Deployed", "RolledBack")
TELL_RULES = ("Told", "ModelMade", "TellFailed", "Remind")
LOG_CONTEXT = f"arn:aws:logs:{ACCOUNT}:log-group:/aws/lambda/flights-retrain"
ALARM = f"arn:aws:cloudwatch:{ACCOUNT}:alarm:flights-5xx"
RESOURCES = {
    "flights-network/Vpc/S3": [
        Call("s3:GetObject", "Incoming.Arn/data/x.csv", {"aws:ResourceAccount": "000000000000"}),
        Call("s3:PutObject", f"{EXECUTION}prepare/x", {"aws:ResourceAccount": "000000000000"}),
    ],
    "flights-storage/Key": [
        Call("kms:PutKeyPolicy", "*", by="arn:aws:iam::000000000000:root"),
        Call("kms:Decrypt", "*", by="arn:aws:iam::000000000000:root"),
        Call(
            "kms:Encrypt",
            "*",
            {"kms:EncryptionContext:aws:logs:arn": LOG_CONTEXT},
            "logs.us-east-1.amazonaws.com",
        ),
        Call(
            "kms:GenerateDataKey",
            "*",
            {"aws:SourceArn": ALARM},
            "cloudwatch.amazonaws.com",
        ),
    ],
    "flights-storage/AccessLogs": [
        over_tls_only("AccessLogs.Arn/x", "s3:GetObject"),
        *map(access_log, ("Incoming", "Artifacts", "Captured")),
    ],
    **{
        f"flights-storage/{bucket}": [over_tls_only(f"{bucket}.Arn/x", "s3:GetObject")]
        for bucket in ("Incoming", "Artifacts", "Captured")
    },
    **{
        f"flights-observability/{topic}": [
            over_tls_only(topic, "sns:Publish"),
            Call("sns:Publish", topic, {"aws:SourceArn": ALARM}, "cloudwatch.amazonaws.com"),
        ]
        for topic in ("Notifications", "Signals")
    },
    "flights-retraining/DeadLetters": [
        over_tls_only("DeadLetters.Arn", "sqs:SendMessage"),
        *(delivered("DeadLetters", rule) for rule in (*RETRAIN_RULES, *PROMOTE_RULES, *TELL_RULES)),
    ],
    "flights-retraining/RetrainQueue": [
        over_tls_only("RetrainQueue.Arn", "sqs:SendMessage"),
        *(delivered("RetrainQueue", rule) for rule in RETRAIN_RULES),
    ],
    "flights-retraining/PromoteQueue": [
        over_tls_only("PromoteQueue.Arn", "sqs:SendMessage"),
        *(delivered("PromoteQueue", rule) for rule in PROMOTE_RULES),
    ],
    "flights-retraining/TellQueue": [
        over_tls_only("TellQueue.Arn", "sqs:SendMessage"),
        *(delivered("TellQueue", rule) for rule in TELL_RULES),
    ],
}
NEEDS = {**ROLES, **RESOURCES}


@pytest.fixture(scope="module")
def policies(flights: Synthesised) -> dict[str, Policy]:
    return {policy.name: policy for policy in (*roles(flights), *resource_policies(flights))}


def calls(name: str, policy: Policy) -> Sequence[Call]:
    """The calls, with the name that the marker of the missing champion has in this template."""
    marker = re.search(MARKER, str(policy.statements))
    return [
        Call(
            call.action,
            call.resource.replace("MARKER", marker[0] if marker else ""),
            {
                key: value.replace("MARKER", marker[0] if marker else "")
                for key, value in call.context.items()
            },
            call.by,
            call.outcome,
        )
        for call in NEEDS[name]
    ]


def test_every_policy_is_known(policies: dict[str, Policy]) -> None:
    assert set(policies) == set(NEEDS)


@pytest.mark.parametrize("name", NEEDS)
def test_what_is_needed_is_allowed(policies: dict[str, Policy], name: str) -> None:
    policy = policies[name]
    refused = [call for call in calls(name, policy) if policy.decide(call) != call.outcome]
    assert refused == []


@pytest.mark.parametrize("name", NEEDS)
def test_every_statement_is_needed(policies: dict[str, Policy], name: str) -> None:
    policy = policies[name]
    survivors = [
        shown(statement)
        for index, statement in enumerate(policy.statements)
        if all(policy.without(index).decide(call) == call.outcome for call in calls(name, policy))
    ]
    assert survivors == []


FORBIDDEN = [
    ("flights-training/PrepareRole", Call("s3:PutObject", "Incoming.Arn/data/x.csv")),
    ("flights-training/PrepareRole", Call("s3:GetObject", f"{EXECUTION}prepare/holdout/part-0.parquet")),
    ("flights-training/PrepareRole", Call("s3:PutObject", f"{EXECUTION}train/model/model.tar.gz")),
    ("flights-training/TrainRole", Call("s3:GetObject", "Incoming.Arn/data/x.csv")),
    ("flights-training/TrainRole", Call("s3:PutObject", f"{EXECUTION}evaluate/evaluation/metrics.json")),
    ("flights-training/EvaluateRole", Call("s3:PutObject", f"{EXECUTION}train/model/model.tar.gz")),
    ("flights-training/EvaluateRole", Call("s3:GetObject", f"{ASSETS}/another.zip")),
    ("flights-training/PipelineRole", Call("sagemaker:CreateTrainingJob", f"{SAGEMAKER}:training-job/mine")),
    ("flights-training/PipelineRole", Call("sagemaker:CreateModelPackage", f"{SAGEMAKER}:model-package/b/1")),
    ("flights-training/PipelineRole", Call("iam:PassRole", "TrainRole.Arn", {"iam:PassedToService": "ec2"})),
    ("flights-training/PipelineRole", Call("iam:PassRole", "arn:aws:iam::000000000000:role/admin")),
    ("flights-serving/ModelRole", ENCRYPT_OUTPUT),
    ("flights-serving/ModelRole", Call("s3:GetObject", f"{EXECUTION}prepare/holdout/part-0.parquet")),
    ("flights-serving/ModelRole", Call("s3:GetObject", "Captured.Arn/traffic/x.jsonl")),
    ("flights-serving/Predictions/Role", Call("sagemaker:InvokeEndpoint", f"{SAGEMAKER}:endpoint/churn")),
    ("flights-retraining/Retrain/Role", Call("sagemaker:UpdateModelPackage", f"{SAGEMAKER}:model-package/x")),
    ("flights-retraining/Retrain/Role", Call("dynamodb:DeleteItem", "State.Arn")),
    ("flights-retraining/Retrain/Role", Call("s3:PutObject", "Incoming.Arn/data/2013-01.csv")),
    ("flights-retraining/Retrain/Role", Call("s3:DeleteObjectVersion", "Incoming.Arn/data/2013-01.csv")),
    ("flights-retraining/Retrain/Role", Call("s3:DeleteObject", "Incoming.Arn/quarantine/2013-01.csv")),
    ("flights-retraining/Retrain/Role", Call("s3:DeleteObject", f"Artifacts.Arn/{LIST}/data.manifest")),
    ("flights-retraining/Retrain/Role", Call("s3:GetObject", f"{EXECUTION}prepare/train/part-0.parquet")),
    ("flights-retraining/Retrain/Role", Call("cloudwatch:PutMetricData", "*", {"cloudwatch:namespace": "x"})),
    ("flights-retraining/Promote/Role", Call("sagemaker:CreateEndpoint", f"{SAGEMAKER}:endpoint/flights")),
    (
        "flights-retraining/Promote/Role",
        Call("cloudformation:UpdateStack", f"arn:aws:cloudformation:{ACCOUNT}:stack/flights-storage/1"),
    ),
    ("flights-workbench/Role", Call("s3:PutObject", "Incoming.Arn/data/x.csv")),
    ("flights-workbench/Role", Call("s3:GetObject", "Captured.Arn/traffic/x.jsonl")),
    ("flights-workbench/Role", Call("sagemaker:StopNotebookInstance", f"{SAGEMAKER}:notebook-instance/x")),
    ("flights-workbench/Role", Call("iam:PassRole", "TrainRole.Arn")),
    ("flights-retraining/RetrainQueue", delivered("RetrainQueue", "SomebodyElses")),
    ("flights-retraining/PromoteQueue", delivered("PromoteQueue", "NewData")),
    ("flights-retraining/TellQueue", delivered("TellQueue", "NewData")),
    (
        "flights-retraining/Tell/Role",
        Call("sagemaker:UpdateModelPackage", f"{SAGEMAKER}:model-package/flights/1"),
    ),
    ("flights-retraining/Tell/Role", Call("s3:GetObject", "Incoming.Arn/data/x.csv")),
    ("flights-network/Vpc/S3", Call("s3:PutObject", "arn:aws:s3:::theirs/x", {"aws:ResourceAccount": "1"})),
    (
        "flights-storage/Key",
        Call("kms:Decrypt", "*", {"kms:EncryptionContext:aws:logs:arn": "x"}, "logs.us-east-1.amazonaws.com"),
    ),
    ("flights-storage/Key", Call("kms:Decrypt", "*", by="arn:aws:iam::111111111111:root")),
]


@pytest.mark.parametrize(("name", "call"), FORBIDDEN)
def test_what_nobody_needs_is_refused(policies: dict[str, Policy], name: str, call: Call) -> None:
    assert policies[name].decide(call) != "Allow"
