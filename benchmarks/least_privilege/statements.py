"""The statements that are deployed, and the record of those that decided something."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

TRUST = "trust"
RESOURCE = "resource policy"
Decided = Mapping[tuple[str, str], set[str]]
"""The actions that a statement decided, by role (empty for the policies of resources) and statement."""


@dataclass(frozen=True)
class Statement:
    """One statement; `policy` is a role's policy by name, "trust" or "resource policy"."""

    stack: str
    resource: str
    policy: str
    role: str
    body: str

    @property
    def key(self) -> tuple[str, str]:
        """How the record names it."""
        return (self.role if self.policy not in (TRUST, RESOURCE) else "", self.body)

    @property
    def title(self) -> str:
        """The Sid; without one, the effect and the first action."""
        written = json.loads(self.body)
        title: str = written.get("Sid") or f"{written['Effect']} {written['Action'][0]}"
        return title

    def unused(self, decided: Decided) -> list[str]:
        """The actions, as far as they are named in full, that nothing was decided about."""
        named = [action for action in json.loads(self.body)["Action"] if "*" not in action]
        return sorted(set(named) - decided.get(self.key, set()))

    def __str__(self) -> str:
        return f"{self.stack}/{self.resource} ({self.policy}): {self.title}"


def recorded(path: Path) -> Decided:
    """Read the record of the embedded AWS."""
    decided: dict[tuple[str, str], set[str]] = {}
    for found in json.loads(path.read_text()):
        decided.setdefault((found["role"], _written(found["statement"])), set()).add(found["action"])
    return decided


def deployed(prefix: str) -> list[Statement]:
    """Every statement of the stacks whose names begin with `prefix`, as the services have them now."""
    cloudformation = boto3.client("cloudformation")
    stacks = [
        stack["StackName"]
        for page in cloudformation.get_paginator("describe_stacks").paginate()
        for stack in page["Stacks"]
        if stack["StackName"].startswith(prefix)
    ]
    found = []
    for stack in stacks:
        pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
        for resource in (item for page in pages for item in page["StackResourceSummaries"]):
            read = _READERS.get(resource["ResourceType"])
            name, physical = resource["LogicalResourceId"], resource.get("PhysicalResourceId", "")
            for policy, role, statement in read(physical) if read else ():
                found.append(Statement(stack, name, policy, role, _written(statement)))
    return found


Found = Iterator[tuple[str, str, Mapping[str, Any]]]


def _role(name: str) -> Found:
    iam = boto3.client("iam")
    role = iam.get_role(RoleName=name)["Role"]
    for statement in _statements(role["AssumeRolePolicyDocument"]):
        # A trust policy names no resource: it is about its role.
        yield TRUST, name, {**statement, "Resource": role["Arn"]}
    for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
        document = iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
        yield from ((policy, name, statement) for statement in _statements(document))
    for attached in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
        version = iam.get_policy(PolicyArn=attached["PolicyArn"])["Policy"]["DefaultVersionId"]
        managed = iam.get_policy_version(PolicyArn=attached["PolicyArn"], VersionId=version)
        for statement in _statements(managed["PolicyVersion"]["Document"]):
            yield attached["PolicyName"], name, statement


def _of_resource(read: Callable[[str], Any]) -> Callable[[str], Found]:
    def statements(physical: str) -> Found:
        try:
            document = read(physical)
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("NoSuchBucketPolicy", "ResourceNotFoundException"):
                raise
            return
        yield from ((RESOURCE, "", statement) for statement in _statements(document))

    return statements


def _queue(url: str) -> Any:
    asked = boto3.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])
    return asked.get("Attributes", {}).get("Policy")


def _endpoint(endpoint: str) -> Any:
    found = boto3.client("ec2").describe_vpc_endpoints(VpcEndpointIds=[endpoint])["VpcEndpoints"]
    return found[0].get("PolicyDocument")


_READERS: dict[str, Callable[[str], Found]] = {
    "AWS::IAM::Role": _role,
    "AWS::KMS::Key": _of_resource(
        lambda key: boto3.client("kms").get_key_policy(KeyId=key, PolicyName="default")["Policy"]
    ),
    "AWS::S3::Bucket": _of_resource(
        lambda bucket: boto3.client("s3").get_bucket_policy(Bucket=bucket)["Policy"]
    ),
    "AWS::SQS::Queue": _of_resource(_queue),
    "AWS::SNS::Topic": _of_resource(
        lambda topic: boto3.client("sns").get_topic_attributes(TopicArn=topic)["Attributes"].get("Policy")
    ),
    "AWS::EC2::VPCEndpoint": _of_resource(_endpoint),
    "AWS::Lambda::Function": _of_resource(
        lambda function: boto3.client("lambda").get_policy(FunctionName=function)["Policy"]
    ),
    "AWS::ApiGateway::RestApi": _of_resource(
        lambda api: boto3.client("apigateway").get_rest_api(restApiId=api).get("policy")
    ),
}


def _statements(document: Any) -> list[Mapping[str, Any]]:
    parsed = json.loads(document) if isinstance(document, str) and document else document
    return _listed((parsed or {}).get("Statement", []))


def _written(statement: Mapping[str, Any]) -> str:
    """One way to write a statement: lists where a single value would do, members in order."""
    written = {
        name: _listed(value) if name in ("Action", "NotAction", "Resource", "NotResource") else value
        for name, value in statement.items()
        if value
    }
    return json.dumps(written, sort_keys=True)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
