"""The role of the model servers: what they read, write and join, by how the model is served."""

from collections.abc import Iterator
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns

from declaration import Async, Batch, Endpoint, Project, Served, Serverless
from stacks.network import Network
from stacks.parts.aws_image import aws_image
from stacks.parts.guards import guard_names
from stacks.parts.places import ANSWERS, FAILURES, MODELS, PREDICTIONS, REQUESTS, ROWS
from stacks.parts.roles import Grant, service_role
from stacks.parts.sagemaker_grants import (
    SAGEMAKER,
    list_objects,
    read_objects,
    run_container,
    write_objects,
)
from stacks.parts.training_roles import Images
from stacks.storage import Storage

CAPTURE = "traffic"
ENDPOINT_LOGS = "/aws/sagemaker/Endpoints"
# https://docs.aws.amazon.com/sagemaker/latest/dg/logging-cloudwatch.html
COMPONENT_LOGS = "/aws/sagemaker/InferenceComponents"
_TRANSFORM_LOGS = "/aws/sagemaker/TransformJobs"


def logs_of(project: Project, served: Served) -> str:
    """The log group of the model servers."""
    zero = isinstance(served, Endpoint) and served.scale_to_zero
    return f"{COMPONENT_LOGS if zero else ENDPOINT_LOGS}/{project.name}"


@dataclass(frozen=True)
class ModelRole:
    """Makes the role in the stack that serves."""

    stack: cdk.Stack
    project: Project
    network: Network
    storage: Storage
    images: Images

    def role(self, served: Served, answers: sns.ITopic | None) -> iam.Role:
        """The role for one way to serve; `answers` hears of each call that has waited."""
        # What serves may be older than the declaration: built images share a repository, and an image of AWS
        # is in an account that depends on the region, which each template looks up itself.
        images = [self.images.ours, aws_image(self.stack, self.project.train, "inference")]
        metrics, log_groups = self._told(served)
        grants = run_container(
            self.stack,
            repository_arns=[image.repository_arn for image in images if image],
            key=self.storage.key,
            network=None if isinstance(served, Serverless) else self.network,
            log_groups=log_groups,
            metrics=metrics,
        )
        grants.append(read_objects("ReadModel", self.storage.artifacts.bucket_arn, MODELS))
        grants += self._data(served, answers)
        return service_role(
            self.stack,
            "ModelRole",
            service=SAGEMAKER,
            description="The model servers of the endpoint",
            grants=grants,
        )

    def _told(self, served: Served) -> tuple[list[str], list[str]]:
        """The namespaces of the servers' metrics, and the groups of their logs."""
        if isinstance(served, Batch):
            return [_TRANSFORM_LOGS], [_TRANSFORM_LOGS]
        zero = isinstance(served, Endpoint) and served.scale_to_zero
        metrics, logs = [COMPONENT_LOGS if zero else ENDPOINT_LOGS], [logs_of(self.project, served)]
        if isinstance(served, Endpoint):
            # `sageloop loadtest --instance-only` serves the same model on one instance of its own meanwhile.
            metrics += [ENDPOINT_LOGS] if zero else []
            logs += [f"{ENDPOINT_LOGS}/{self.project.name}-loadtest"]
        return metrics, logs

    def _data(self, served: Served, answers: sns.ITopic | None) -> Iterator[Grant]:
        incoming = self.storage.incoming.bucket_arn
        if isinstance(served, Endpoint | Async):
            # https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-configuration.html
            alarms = f"arn:{self.stack.partition}:cloudwatch:{self.stack.region}:{self.stack.account}:alarm"
            names = guard_names(self.project.name, served)
            guards = [f"{alarms}:{name}" for name in names]
            yield Grant("WatchRollout", ["cloudwatch:DescribeAlarms"], guards)
        if isinstance(served, Endpoint) and served.capture_percent and not served.scale_to_zero:
            yield write_objects("WriteCapture", self.storage.captured.bucket_arn, [f"{CAPTURE}/*"])
        if isinstance(served, Async) and answers:
            # https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-create-endpoint-prerequisites.html
            yield list_objects("ListRequests", incoming, [f"{REQUESTS}*"])
            yield read_objects("ReadRequests", incoming, [f"{REQUESTS}*"])
            yield write_objects("WriteAnswers", incoming, [f"{ANSWERS}/*", f"{FAILURES}/*"])
            yield Grant("TellOfAnswers", ["sns:Publish"], [answers.topic_arn])
        if isinstance(served, Batch):
            yield list_objects("ListRows", incoming, [f"{ROWS}*"])
            yield read_objects("ReadRows", incoming, [f"{ROWS}*"])
            yield write_objects("WritePredictions", incoming, [f"{PREDICTIONS}/*"])
            # SageMaker asks for it where a job names the key of its output.
            yield Grant("EncryptOutput", ["kms:Encrypt"], [self.storage.key.key_arn])
