"""What is done beside the loop: by a person at the notebook, without TLS, and with events nobody takes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import boto3
from botocore.exceptions import ClientError

from benchmarks.least_privilege.people import PATIENCE, QUEUES
from benchmarks.least_privilege.statements import Statement
from examples.flights.demo.platform import PROJECT, DemoFailed, until

STRANGER = "least-privilege-probe"


class Explorer:
    """A person at the notebook instance, with the credentials of its role.

    No Jupyter runs in the embedded AWS, so there is no terminal to call AWS from. An administrator, who may
    change any trust policy, lets themself into the role for a moment instead.
    """

    def __init__(self, storage: Mapping[str, str], request: str) -> None:
        self._storage, self._request = storage, request
        self._sagemaker = boto3.client("sagemaker")

    def explore(self) -> None:
        """Look at data and models, predict, stop the instance as its idle check does, and start it again."""
        instance = self._sagemaker.describe_notebook_instance(NotebookInstanceName=PROJECT)
        session = _session_of(instance["RoleArn"])
        s3 = session.client("s3")
        for bucket, prefix in (("IncomingBucket", "data/"), ("ArtifactsBucket", "executions/")):
            found = s3.list_objects_v2(Bucket=self._storage[bucket], Prefix=prefix)["Contents"][0]
            s3.get_object(Bucket=self._storage[bucket], Key=found["Key"])["Body"].read()
        session.client("sagemaker-runtime").invoke_endpoint(
            EndpointName=PROJECT, ContentType="text/csv", Body=self._request.encode()
        )
        session.client("sagemaker").stop_notebook_instance(NotebookInstanceName=PROJECT)
        until("the notebook stopped", lambda: self._status() == "Stopped")
        self.start()

    def start(self) -> None:
        """Start the stopped instance; SageMaker takes its role and writes its log."""
        if self._status() == "Stopped":
            self._sagemaker.start_notebook_instance(NotebookInstanceName=PROJECT)
            until("the notebook in service", lambda: self._status() == "InService")

    def _status(self) -> str:
        found = self._sagemaker.describe_notebook_instance(NotebookInstanceName=PROJECT)
        return found["NotebookInstanceStatus"]


def refuse_plain_http(statements: list[Statement]) -> None:
    """Whoever is allowed everything gets in over TLS and not over plain HTTP: buckets, queues, topics."""
    with _stranger() as session:
        plain = _without_tls(session)
        for arn in sorted(_denying(statements)):
            _call(session, arn)
            try:
                _call(plain, arn)
            except ClientError as error:
                if error.response["ResponseMetadata"]["HTTPStatusCode"] not in (400, 403):
                    raise
                continue
            raise DemoFailed(f"{arn} answered over plain HTTP")


def strand_an_event() -> None:
    """An event that its queue does not take goes to the dead letters, whose alarm tells the topic."""
    sqs, sagemaker = boto3.client("sqs"), boto3.client("sagemaker")
    for queue, cause in (
        (f"{PROJECT}-promote", _reject),
        (f"{PROJECT}-retrain", _upload),
        (f"{PROJECT}-monitor", _label),
    ):
        dead = QUEUES[queue]
        url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        policy = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]["Policy"]
        before = _waiting(dead)
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": ""})
        try:
            cause(sagemaker)
            until("a dead letter", lambda dead=dead, before=before: _waiting(dead) > before, seconds=PATIENCE)  # type: ignore[misc]
        finally:
            sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    for dead in set(QUEUES.values()):
        until("the alarm", partial(_alarmed, dead))


def _session_of(role_arn: str) -> boto3.Session:
    """A session of a role that does not trust the account: for as long as it takes to assume it, it does."""
    iam, name = boto3.client("iam"), role_arn.rpartition("/")[2]
    trust = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    statements = [*trust["Statement"], _trusting_account()]  # type: ignore[index]
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=_document(statements))
    try:
        return _assume(role_arn)
    finally:
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(trust))


@contextmanager
def _stranger() -> Iterator[boto3.Session]:
    """A role of our own, which may do everything that its identity can allow."""
    iam = boto3.client("iam")
    role = iam.create_role(RoleName=STRANGER, AssumeRolePolicyDocument=_document([_trusting_account()]))
    actions = ["s3:*", "sqs:*", "sns:*", "kms:*"]
    statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
    iam.put_role_policy(RoleName=STRANGER, PolicyName="all", PolicyDocument=_document([statement]))
    try:
        yield _assume(role["Role"]["Arn"])
    finally:
        iam.delete_role_policy(RoleName=STRANGER, PolicyName="all")
        iam.delete_role(RoleName=STRANGER)


def _assume(role_arn: str) -> boto3.Session:
    granted = boto3.client("sts").assume_role(RoleArn=role_arn, RoleSessionName="probe")["Credentials"]
    return boto3.Session(
        aws_access_key_id=granted["AccessKeyId"],
        aws_secret_access_key=granted["SecretAccessKey"],
        aws_session_token=granted["SessionToken"],
    )


def _without_tls(session: boto3.Session) -> boto3.Session:
    """The same session; its requests say that they came over plain HTTP."""
    plain = boto3.Session(
        **{
            f"aws_{name}": getattr(session.get_credentials(), member)
            for name, member in (
                ("access_key_id", "access_key"),
                ("secret_access_key", "secret_key"),
                ("session_token", "token"),
            )
        }
    )

    def tell(request: Any, **_: Any) -> None:
        request.headers["x-forwarded-proto"] = "http"

    plain.events.register("before-send", tell)
    return plain


def _call(session: boto3.Session, arn: str) -> None:
    """Call the bucket, queue or topic."""
    service, name = arn.split(":")[2], arn.rpartition(":")[2]
    if service == "s3":
        session.client("s3").list_objects_v2(Bucket=name)
    elif service == "sqs":
        session.client("sqs").get_queue_url(QueueName=name)
    elif service == "sns":
        session.client("sns").publish(TopicArn=arn, Message="probe")
    else:
        raise DemoFailed(f"there is no probe for the policy of {arn}")


def _denying(statements: list[Statement]) -> set[str]:
    denied = [json.loads(statement.body) for statement in statements]
    return {written["Resource"][0] for written in denied if written["Effect"] == "Deny"}


def _reject(sagemaker: Any) -> None:
    listed = sagemaker.list_model_packages(ModelPackageGroupName=PROJECT, ModelApprovalStatus="Rejected")
    package = listed["ModelPackageSummaryList"][0]["ModelPackageArn"]
    for status in ("PendingManualApproval", "Rejected"):
        sagemaker.update_model_package(ModelPackageArn=package, ModelApprovalStatus=status)


def _upload(_: Any) -> None:
    s3, bucket = boto3.client("s3"), _incoming()
    s3.put_object(Bucket=bucket, Key="data/stranded.csv", Body=b"late\n1\n")
    s3.delete_object(Bucket=bucket, Key="data/stranded.csv")


def _label(_: Any) -> None:
    s3, bucket = boto3.client("s3"), _incoming()
    s3.put_object(Bucket=bucket, Key="labels/stranded.csv", Body=b"inference_id,late\na,1\n")
    s3.delete_object(Bucket=bucket, Key="labels/stranded.csv")


def _incoming() -> str:
    outputs = boto3.client("cloudformation").describe_stacks(StackName=f"{PROJECT}-storage")["Stacks"][0]
    return next(o["OutputValue"] for o in outputs["Outputs"] if o["OutputKey"] == "IncomingBucket")


def _waiting(queue: str) -> int:
    sqs = boto3.client("sqs")
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    asked = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
    return int(asked["Attributes"]["ApproximateNumberOfMessages"])


def _alarmed(name: str) -> bool:
    found = boto3.client("cloudwatch").describe_alarms(AlarmNames=[name])
    return found["MetricAlarms"][0]["StateValue"] == "ALARM"


def _trusting_account() -> dict[str, Any]:
    account = boto3.client("sts").get_caller_identity()["Account"]
    principal = {"AWS": f"arn:aws:iam::{account}:root"}
    return {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}


def _document(statements: list[Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})
