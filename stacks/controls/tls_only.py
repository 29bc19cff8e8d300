"""Buckets, queues and topics refuse whoever does not come over TLS."""

from collections.abc import Iterator, Mapping
from typing import Any

from stacks.controls.finding import Finding, found
from stacks.controls.template import Template

GUARDED = {
    "AWS::S3::Bucket": ("AWS::S3::BucketPolicy", "Bucket"),
    "AWS::SQS::Queue": ("AWS::SQS::QueuePolicy", "Queues"),
    "AWS::SNS::Topic": ("AWS::SNS::TopicPolicy", "Topics"),
}


def check(template: Template) -> Iterator[Finding]:
    """Each has a policy that denies requests without TLS."""
    for logical_id, resource in template.resources.items():
        if resource.type not in GUARDED:
            continue
        policy_type, member = GUARDED[resource.type]
        policies = [
            policy.properties["PolicyDocument"]
            for policy in template.of(policy_type)
            if {"Ref": logical_id} in _list(policy.properties[member])
        ]
        if not any(_denies_plain(statement) for policy in policies for statement in policy["Statement"]):
            yield found("Sageloop.TlsOnly", resource, "its policy does not deny requests without TLS")


def _denies_plain(statement: Mapping[str, Any]) -> bool:
    return (
        statement["Effect"] == "Deny"
        and statement["Principal"] in ("*", {"AWS": "*"})
        and statement.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}
    )


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
