"""The events that the loop runs on, as EventBridge patterns."""

from collections.abc import Sequence
from typing import Any

Pattern = dict[str, Any]


def object_created(bucket: str, prefix: str) -> Pattern:
    """An object was written below a prefix.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
    """
    return {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {"bucket": {"name": [bucket]}, "object": {"key": [{"prefix": prefix}]}},
    }


def execution_became(pipeline_arn: str, statuses: Sequence[str]) -> Pattern:
    """An execution of a pipeline got one of these statuses.

    https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html
    """
    return {
        "source": ["aws.sagemaker"],
        "detail-type": ["SageMaker Model Building Pipeline Execution Status Change"],
        "detail": {"pipelineArn": [pipeline_arn], "currentPipelineExecutionStatus": [*statuses]},
    }


def model_reviewed(group: str) -> Pattern:
    """A package of a model package group was approved, or its approval taken back."""
    return model_became(group, ["Approved", "Rejected"])


def model_became(group: str, statuses: Sequence[str]) -> Pattern:
    """A package of a model package group was made with one of these approvals, or got it."""
    return {
        "source": ["aws.sagemaker"],
        "detail-type": ["SageMaker Model Package State Change"],
        "detail": {"ModelPackageGroupName": [group], "ModelApprovalStatus": [*statuses]},
    }


def stack_became(stack_arn: str, statuses: Sequence[str]) -> Pattern:
    """A CloudFormation stack got one of these statuses; the ARN ends before the stack's id.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/eventbridge-ref-events.html
    """
    return {
        "source": ["aws.cloudformation"],
        "detail-type": ["CloudFormation Stack Status Change"],
        "detail": {"stack-id": [{"prefix": stack_arn}], "status-details": {"status": [*statuses]}},
    }


def ours(project: str, kinds: Sequence[str]) -> Pattern:
    """Events of these kinds that functions of the project have put."""
    return {"source": ["sageloop"], "detail-type": [*kinds], "detail": {"project": [project]}}
