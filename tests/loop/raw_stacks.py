"""Small stacks of raw CloudFormation, and clients of the cloud that they are deployed to."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import boto3
from botocore.config import Config

from local.cloud import Cloud

T = TypeVar("T")
Json = dict[str, Any]


def client_of(cloud: Cloud, service: str, credentials: dict[str, str] | None = None) -> Any:
    """A boto3 client of that cloud: root's, or that of an AssumeRole answer's Credentials."""
    granted = credentials or {"AccessKeyId": "test", "SecretAccessKey": "test"}
    session: Any = boto3.Session()
    return session.client(
        service,
        endpoint_url=cloud.url,
        region_name=cloud.region,
        aws_access_key_id=granted["AccessKeyId"],
        aws_secret_access_key=granted["SecretAccessKey"],
        aws_session_token=granted.get("SessionToken"),
        config=Config(retries={"total_max_attempts": 1}),
    )


def ref(name: str) -> Json:
    return {"Ref": name}


def att(name: str, attribute: str) -> Json:
    return {"Fn::GetAtt": [name, attribute]}


def role(service: str, *statements: Json) -> Json:
    trust = [{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}]
    policies = [
        {"PolicyName": "p", "PolicyDocument": {"Version": "2012-10-17", "Statement": list(statements)}}
    ]
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": trust},
            **({"Policies": policies} if statements else {}),
        },
    }


def allow(actions: str | list[str], resource: Any, **extra: Any) -> Json:
    return {"Effect": "Allow", "Action": actions, "Resource": resource, **extra}


def container_rights(repository: str) -> list[Json]:
    """What a role needs so that its containers are pulled from there, and write their logs and metrics."""
    pull = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:BatchCheckLayerAvailability"]
    logs = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"]
    return [
        allow(pull, f"arn:aws:ecr:us-east-1:{repository}"),
        allow(["ecr:GetAuthorizationToken", "cloudwatch:PutMetricData", *logs], "*"),
    ]


def eventually(look: Callable[[], T], seconds: float = 20) -> T:
    """The first truthy thing that `look` sees."""
    deadline = time.monotonic() + seconds
    while True:
        seen = look()
        if seen or time.monotonic() > deadline:
            return seen
        time.sleep(0.1)


@contextmanager
def stack(client: Any, name: str, resources: Json, **parts: Any) -> Iterator[dict[str, str]]:
    """A stack, for the length of the block; its outputs."""
    cloudformation = client("cloudformation")
    deploy(cloudformation, name, resources, **parts)
    [described] = cloudformation.describe_stacks(StackName=name)["Stacks"]
    try:
        yield {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])}
    finally:
        cloudformation.delete_stack(StackName=name)
        cloudformation.get_waiter("stack_delete_complete").wait(
            StackName=described["StackId"], WaiterConfig={"Delay": 1, "MaxAttempts": 60}
        )


def deploy(cloudformation: Any, name: str, resources: Json, **parts: Any) -> None:
    template = {"Resources": resources, **parts}
    cloudformation.create_stack(
        StackName=name, TemplateBody=json.dumps(template), Capabilities=["CAPABILITY_NAMED_IAM"]
    )
    status = eventually(lambda: finished(cloudformation, name), 60)
    events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    why = [
        (e["LogicalResourceId"], e["ResourceStatusReason"]) for e in events if "FAILED" in e["ResourceStatus"]
    ]
    assert status == "CREATE_COMPLETE", why


def finished(cloudformation: Any, name: str) -> str:
    status: str = cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]
    return "" if status.endswith("IN_PROGRESS") else status


def outputs(**values: Any) -> Json:
    return {name: {"Value": value} for name, value in values.items()}


ROOT_MAY_ALL = {
    "Effect": "Allow",
    "Principal": {"AWS": {"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:root"}},
    "Action": "kms:*",
    "Resource": "*",
}


def key(*statements: Json) -> Json:
    policy = {"Version": "2012-10-17", "Statement": [ROOT_MAY_ALL, *statements]}
    return {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": policy, "EnableKeyRotation": True}}


def for_service(service: str) -> Json:
    return {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": ["kms:GenerateDataKey*", "kms:Decrypt"],
        "Resource": "*",
    }


def queue_policy(queue: str, statements: list[Json]) -> Json:
    return {
        "Type": "AWS::SQS::QueuePolicy",
        "Properties": {
            "Queues": [ref(queue)],
            "PolicyDocument": {"Version": "2012-10-17", "Statement": statements},
        },
    }


def send_from_events(queue: str, **condition: Any) -> Json:
    return {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": att(queue, "Arn"),
        **condition,
    }


def assume(client: Any, arn: str) -> dict[str, str]:
    answer = client("sts").assume_role(RoleArn=arn, RoleSessionName="test")
    credentials: dict[str, str] = answer["Credentials"]
    return credentials


PUBLIC_ACCESS = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")


def encrypted_bucket(**more: Any) -> Json:
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": att("Key", "Arn")}
    encryption = [{"ServerSideEncryptionByDefault": default, "BucketKeyEnabled": True}]
    return {
        "Type": "AWS::S3::Bucket",
        "Properties": {
            "BucketEncryption": {"ServerSideEncryptionConfiguration": encryption},
            "VersioningConfiguration": {"Status": "Enabled"},
            "PublicAccessBlockConfiguration": dict.fromkeys(PUBLIC_ACCESS, True),
            **more,
        },
    }


def delete_all(s3: Any, bucket: str) -> None:
    versions = s3.list_object_versions(Bucket=bucket)
    for version in [*versions.get("Versions", []), *versions.get("DeleteMarkers", [])]:
        s3.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])


def create_role(iam: Any, name: str, principal: Json, *statements: Json) -> None:
    """A role outside of any stack, with one policy."""
    trust = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)
    put_policy(iam, name, list(statements))


def put_policy(iam: Any, role_name: str, statements: list[Json]) -> None:
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam.put_role_policy(RoleName=role_name, PolicyName="p", PolicyDocument=document)
