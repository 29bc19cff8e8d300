"""The roles of projects that tune, or whose models other images learn: what is needed is allowed, no more."""

import re
from collections.abc import Mapping

import pytest

from tests.stacks.policies import Call, Policy, roles, shown
from tests.stacks.synthesised import Synthesised
from tests.stacks.test_stack_permissions import (
    ACCOUNT,
    ASSETS,
    CHECKPOINTS,
    ENCRYPT_OUTPUT,
    EXECUTION,
    JOB,
    MARKER,
    PREPARE,
    PROCESSING,
    SAGEMAKER,
    container,
    lists,
)

TRIAL = f"{EXECUTION}tune/trials/9k2x1-Tune-Qx3-001-0a1b/output/model.tar.gz"
MODEL = f"{EXECUTION}train/model/{JOB}/output/model.tar.gz"
PREPARED = [
    lists("Artifacts.Arn", "executions/9k2x1/prepare/train"),
    Call("s3:GetObject", f"{EXECUTION}prepare/train/part-0.csv"),
]
TRANSFORM = container("/aws/sagemaker/TransformJobs", "/aws/sagemaker/TransformJobs")
TRAINING = [*container("/aws/sagemaker/TrainingJobs", "/aws/sagemaker/TrainingJobs"), ENCRYPT_OUTPUT]
PREDICTION = [
    ENCRYPT_OUTPUT,
    lists("Artifacts.Arn", "executions/9k2x1/prepare/features"),
    Call("s3:GetObject", f"{EXECUTION}prepare/features/part-0.csv"),
    Call("s3:PutObject", f"{EXECUTION}predict/predict/part-0.csv.out"),
]
SKLEARN = "arn:aws:ecr:us-east-1:683313688378:repository/sagemaker-scikit-learn"


def from_aws(calls: list[Call], repository: str) -> list[Call]:
    """The same calls, but the image lies in an account of AWS."""
    return [
        Call(each.action, repository, each.context)
        if each.action.startswith("ecr:") and each.resource != "*"
        else each
        for each in calls
    ]


def jobs(kind: str, *arns: str) -> list[Call]:
    return [Call(f"sagemaker:{verb}{kind}", arn) for verb in ("Create", "Describe", "Stop") for arn in arns]


def code(file: str) -> list[Call]:
    folder = "code-" if file.endswith(".py") else "source-"
    return [lists(ASSETS, f"{folder}0/"), Call("s3:GetObject", f"{ASSETS}/{folder}0/{file}")]


NEEDS = {
    "tuned-training/TrainRole": [
        *TRAINING,
        *PREPARED,
        *CHECKPOINTS,
        *code("brought_functions.py"),
        Call("s3:PutObject", TRIAL),
        Call("s3:PutObject", MODEL),
    ],
    "tuned-training/PrepareRole": [
        *PROCESSING,
        *code("brought_functions.py"),
        *PREPARE,
    ],
    "script-training/TrainRole": [
        *from_aws(TRAINING, SKLEARN),
        *PREPARED,
        *CHECKPOINTS,
        *code("sourcedir.tar.gz"),
        Call("s3:PutObject", MODEL),
    ],
    "script-training/ModelRole": [
        *from_aws(TRANSFORM, SKLEARN),
        *PREDICTION,
        Call("s3:GetObject", MODEL),
    ],
    "image-training/TrainRole": [*TRAINING, *PREPARED, Call("s3:PutObject", TRIAL)],
    "image-training/ModelRole": [*TRANSFORM, *PREDICTION, Call("s3:GetObject", TRIAL)],
    "image-training/EvaluateRole": [
        *PROCESSING,
        lists("Artifacts.Arn", "executions/9k2x1/predict/predict"),
        Call("s3:GetObject", f"{EXECUTION}predict/championpredict/part-0.csv.out"),
        Call("s3:GetObject", f"{EXECUTION}prepare/holdout/part-0.parquet"),
        Call("s3:PutObject", f"{EXECUTION}evaluate/evaluation/metrics.json"),
    ],
    "image-training/PipelineRole": [
        *jobs("ProcessingJob", f"{SAGEMAKER}:processing-job/{JOB}"),
        *jobs(
            "HyperParameterTuningJob",
            f"{SAGEMAKER}:hyper-parameter-tuning-job/pipelines-9k2x1-Tune",
            f"{SAGEMAKER}:hyper-parameter-tuning-job/9k2x1-Tune-Qx3",
        ),
        *jobs("TransformJob", f"{SAGEMAKER}:transform-job/pipelines-9k2x1-Predict-Qx3"),
        Call("sagemaker:CreateModel", f"{SAGEMAKER}:model/pipelines-9k2x1-Model-Qx3"),
        Call("sagemaker:DescribeModel", f"{SAGEMAKER}:model/pipelines-9k2x1-Model-Qx3"),
        Call("sagemaker:CreateModelPackage", f"{SAGEMAKER}:model-package-group/image"),
        Call("sagemaker:AddTags", f"{SAGEMAKER}:transform-job/pipelines-9k2x1-Predict-Qx3"),
        *(
            Call("iam:PassRole", f"{kind}Role.Arn", {"iam:PassedToService": "sagemaker.amazonaws.com"})
            for kind in ("Prepare", "Train", "Evaluate", "Model")
        ),
        Call("s3:GetObject", TRIAL),
        Call("kms:Decrypt", "Key.Arn"),
    ],
    "pictures-training/TrainRole": [
        *from_aws(TRAINING, "arn:aws:ecr:us-east-1:811284229777:repository/image-classification"),
        *(lists("arn:aws:s3:::pictures", f"{part}/") for part in ("train", "validation")),
        *(Call("s3:GetObject", f"arn:aws:s3:::pictures/{part}/cat.rec") for part in ("train", "validation")),
        Call("s3:PutObject", MODEL),
        *CHECKPOINTS,
    ],
}
# A model that serves may be older than the declaration: it may lie in both places, and its image be ours.
SERVED = {
    "script-serving/ModelRole": [
        Call("ecr:BatchGetImage", SKLEARN),
        Call(
            "ecr:BatchGetImage",
            f"arn:aws:ecr:{ACCOUNT}:repository/cdk-hnb659fds-container-assets-000000000000-us-east-1",
        ),
        Call("s3:GetObject", TRIAL),
        Call("s3:GetObject", MODEL),
    ],
}
FORBIDDEN = [
    ("image-training/TrainRole", Call("s3:PutObject", MODEL)),
    ("image-training/TrainRole", Call("s3:PutObject", "Artifacts.Arn/checkpoints/x/state/model")),
    ("image-training/ModelRole", Call("s3:GetObject", f"{EXECUTION}prepare/holdout/part-0.parquet")),
    ("image-training/ModelRole", Call("s3:PutObject", f"{EXECUTION}evaluate/evaluation/metrics.json")),
    ("image-training/EvaluateRole", Call("s3:GetObject", TRIAL)),
    ("image-training/EvaluateRole", Call("s3:PutObject", f"{EXECUTION}predict/predict/part-0.csv.out")),
    ("image-training/PipelineRole", Call("sagemaker:CreateModel", f"{SAGEMAKER}:model/mine")),
    ("image-training/PipelineRole", Call("sagemaker:CreateTrainingJob", f"{SAGEMAKER}:training-job/{JOB}")),
    (
        "image-training/PipelineRole",
        Call(
            "sagemaker:CreateHyperParameterTuningJob", f"{SAGEMAKER}:hyper-parameter-tuning-job/mine-Search-1"
        ),
    ),
    ("script-training/TrainRole", Call("s3:GetObject", f"{ASSETS}/another.zip")),
    ("script-training/ModelRole", Call("ecr:BatchGetImage", SKLEARN.replace("scikit-learn", "xgboost"))),
    ("pictures-training/TrainRole", Call("s3:GetObject", "arn:aws:s3:::pictures/other/cat.rec")),
    ("pictures-training/TrainRole", Call("s3:GetObject", "Incoming.Arn/data/x.csv")),
]


@pytest.fixture(scope="module")
def policies(brought: Synthesised) -> Mapping[str, Policy]:
    return {policy.name: policy for policy in roles(brought)}


def calls(needs: list[Call], policy: Policy) -> list[Call]:
    """The calls, with the folder and the file that the content has named in this template."""
    found = str(policy.statements)
    named = {}
    for kind in ("code-", "source-"):
        if kind in found:
            named[f"{kind}0/"] = found[found.index(kind) :][: len(kind) + 32] + "/"
    if marker := re.search(MARKER, found):
        named["MARKER"] = marker[0]

    def there(value: str) -> str:
        for before, after in named.items():
            value = value.replace(before, after)
        return value

    return [
        Call(each.action, there(each.resource), {key: there(value) for key, value in each.context.items()})
        for each in needs
    ]


@pytest.mark.parametrize("name", [*NEEDS, *SERVED])
def test_what_is_needed_is_allowed(policies: Mapping[str, Policy], name: str) -> None:
    policy = policies[name]
    needs = calls([*NEEDS.get(name, []), *SERVED.get(name, [])], policy)
    assert [call for call in needs if policy.decide(call) != "Allow"] == []


@pytest.mark.parametrize("name", NEEDS)
def test_every_statement_is_needed(policies: Mapping[str, Policy], name: str) -> None:
    policy = policies[name]
    survivors = [
        shown(statement)
        for index, statement in enumerate(policy.statements)
        if all(policy.without(index).decide(call) == "Allow" for call in calls(NEEDS[name], policy))
    ]
    assert survivors == []


@pytest.mark.parametrize(("name", "call"), FORBIDDEN)
def test_what_nobody_needs_is_refused(policies: Mapping[str, Policy], name: str, call: Call) -> None:
    assert policies[name].decide(call) != "Allow"


def test_jobs_that_do_not_exist_have_no_role(policies: Mapping[str, Policy]) -> None:
    made = {name.rsplit("/", 1)[-1] for name in policies if name.startswith("pictures-training/")}
    assert made == {"TrainRole", "PipelineRole"}
    assert "tuned-training/ModelRole" not in policies
