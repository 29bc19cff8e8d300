"""What a look may touch: the job that reads captured calls, and the pipeline that starts it."""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam

from declaration import Project
from stacks.network import Network
from stacks.parts.image import Image
from stacks.parts.model_role import CAPTURE
from stacks.parts.places import EVALUATED
from stacks.parts.roles import Grant, service_role
from stacks.parts.sagemaker_grants import (
    SAGEMAKER,
    list_objects,
    read_objects,
    run_container,
    write_objects,
)
from stacks.parts.source import Source
from stacks.storage import Storage

# In the bucket of the artifacts: what a training set was like, the folders of looks, and what those found.
BASELINE = "executions/*/prepare/baseline/*"
LOOKS, REPORTS = "monitoring/*", "monitoring/*/report/*"
# In the bucket of the incoming data: what answers should have been.
LABELS = "labels/"
_JOBS = "/aws/sagemaker/ProcessingJobs"
_MADE = "SageMaker Pipelines names its jobs when it makes them"


def watch_role(
    stack: cdk.Stack,
    *,
    project: Project,
    network: Network,
    storage: Storage,
    image: Image,
    code: Source | None,
) -> iam.Role:
    """The role of the job: it reads calls, labels and what the model is known by, and writes a report."""
    artifacts = storage.artifacts.bucket_arn
    folders = [LOOKS, BASELINE, EVALUATED]
    grants = run_container(
        stack,
        repository_arns=[image.repository_arn],
        key=storage.key,
        network=network,
        log_groups=[_JOBS],
        metrics=[_JOBS],
    )
    grants += [
        # SageMaker asks for it where a job names the key of its output.
        Grant("EncryptOutput", ["kms:Encrypt"], [storage.key.key_arn]),
        read_objects("ReadCalls", storage.captured.bucket_arn, [f"{CAPTURE}/{project.name}/*"]),
        list_objects("ListKnown", artifacts, folders),
        read_objects("ReadKnown", artifacts, folders),
        write_objects("WriteReport", artifacts, [REPORTS]),
    ]
    if project.on_quality:
        grants.append(read_objects("ReadLabels", storage.incoming.bucket_arn, [f"{LABELS}*"]))
    if code:
        grants += [
            list_objects("ListCode", code.bucket_arn, [f"{code.folder}/*"]),
            read_objects("ReadCode", code.bucket_arn, code.keys),
        ]
    return service_role(
        stack,
        "WatchRole",
        service=SAGEMAKER,
        description="Watch jobs of the monitoring pipeline",
        grants=grants,
    )


def looking_role(stack: cdk.Stack, watch: iam.Role) -> iam.Role:
    """The role of the pipeline, which starts the job."""
    jobs = f"arn:{stack.partition}:sagemaker:{stack.region}:{stack.account}:processing-job/pipelines-*"
    return service_role(
        stack,
        "PipelineRole",
        service=SAGEMAKER,
        description="Runs the monitoring pipeline",
        grants=[
            Grant(
                "RunProcessingJobs",
                [f"sagemaker:{verb}ProcessingJob" for verb in ("Create", "Describe", "Stop")],
                [jobs],
                wildcard=_MADE,
            ),
            Grant("TagWhatItMakes", ["sagemaker:AddTags"], [jobs], wildcard=_MADE),
            Grant(
                "PassJobRole",
                ["iam:PassRole"],
                [watch.role_arn],
                {"StringEquals": {"iam:PassedToService": SAGEMAKER}},
            ),
        ],
    )
