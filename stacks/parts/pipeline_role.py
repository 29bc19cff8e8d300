"""The role of the training pipeline itself, which starts the jobs and registers the model.

https://docs.aws.amazon.com/sagemaker/latest/dg/build-and-manage-access.html
"""

from collections.abc import Iterator, Mapping, Sequence

import aws_cdk as cdk
from aws_cdk import aws_iam as iam

from stacks.parts.roles import Grant, service_role
from stacks.parts.sagemaker_grants import SAGEMAKER, read_objects
from stacks.storage import Storage

_NAMED = "SageMaker Pipelines names its jobs, models and packages when it makes them"
_JOB_VERBS = ("Create", "Describe", "Stop")
# For each kind of step: the statement, its actions, and the names of what it makes.
_MADE: Mapping[str, tuple[str, Sequence[str], Sequence[str]]] = {
    "Processing": (
        "RunProcessingJobs",
        [f"{verb}ProcessingJob" for verb in _JOB_VERBS],
        ["processing-job/pipelines-*"],
    ),
    "Training": (
        "RunTrainingJobs",
        [f"{verb}TrainingJob" for verb in _JOB_VERBS],
        ["training-job/pipelines-*"],
    ),
    # Their names have 32 characters at most, which leaves out the prefix: <execution id>-Tune-<random>.
    "Tuning": (
        "RunTuningJobs",
        [
            *(f"{verb}HyperParameterTuningJob" for verb in _JOB_VERBS),
            "ListTrainingJobsForHyperParameterTuningJob",
        ],
        ["hyper-parameter-tuning-job/pipelines-*", "hyper-parameter-tuning-job/*-Tune-*"],
    ),
    "Transform": (
        "RunTransformJobs",
        [f"{verb}TransformJob" for verb in _JOB_VERBS],
        ["transform-job/pipelines-*"],
    ),
    "Model": ("MakeModels", ["CreateModel", "DescribeModel"], ["model/pipelines-*"]),
}


def pipeline_role(
    stack: cdk.Stack,
    *,
    group: str,
    kinds: Sequence[str],
    roles: Sequence[iam.Role],
    storage: Storage,
    results: Sequence[str],
) -> iam.Role:
    """May run the kinds of steps that the definition has, with these roles, and register what they learn."""
    sagemaker = f"arn:{stack.partition}:sagemaker:{stack.region}:{stack.account}"
    packages = f"{sagemaker}:model-package/{group}/*"
    arns = [f"{sagemaker}:{name}" for kind, (*_, names) in _MADE.items() if kind in kinds for name in names]
    grants = [
        *_starts(sagemaker, kinds),
        Grant(
            "RegisterModels",
            ["sagemaker:CreateModelPackage", "sagemaker:DescribeModelPackage"],
            [f"{sagemaker}:model-package-group/{group}", packages],
            wildcard=_NAMED,
        ),
        Grant("TagWhatItMakes", ["sagemaker:AddTags"], [*arns, packages], wildcard=_NAMED),
        Grant(
            "PassJobRoles",
            ["iam:PassRole"],
            [role.role_arn for role in roles],
            {"StringEquals": {"iam:PassedToService": SAGEMAKER}},
        ),
        # The model too: whoever registers a package must be able to read what it names.
        read_objects("ReadResults", storage.artifacts.bucket_arn, results),
        Grant("DecryptResults", ["kms:Decrypt"], [storage.key.key_arn]),
    ]
    return service_role(
        stack, "PipelineRole", service=SAGEMAKER, description="Runs the training pipeline", grants=grants
    )


def _starts(sagemaker: str, kinds: Sequence[str]) -> Iterator[Grant]:
    for kind, (sid, actions, names) in _MADE.items():
        if kind in kinds:
            yield Grant(
                sid,
                [f"sagemaker:{action}" for action in actions],
                [f"{sagemaker}:{name}" for name in names],
                wildcard=_NAMED,
            )
