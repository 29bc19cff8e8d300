"""A reader of policies for tests: what a policy of the templates allows, with names instead of references."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from tests.stacks.synthesised import Synthesised

PSEUDO = {
    "AWS::Partition": "aws",
    "AWS::Region": "us-east-1",
    "AWS::AccountId": "000000000000",
    "AWS::URLSuffix": "amazonaws.com",
}
POLICY_TYPES = (
    "AWS::S3::BucketPolicy",
    "AWS::SQS::QueuePolicy",
    "AWS::SNS::TopicPolicy",
    "AWS::EC2::VPCEndpoint",
)


@dataclass(frozen=True)
class Call:
    """One call that somebody makes; `by` is a service, or empty for whoever holds the role."""

    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict)
    by: str = ""
    outcome: str = "Allow"


@dataclass(frozen=True)
class Policy:
    """The statements of one role, or of one resource's policy."""

    name: str
    statements: Sequence[Mapping[str, Any]]

    def decide(self, call: Call) -> str:
        """Deny, Allow, or nothing of either."""
        effects = {statement["Effect"] for statement in self.statements if _applies(statement, call)}
        return "Deny" if "Deny" in effects else "Allow" if effects else ""

    def without(self, index: int) -> "Policy":
        """The policy with one statement less."""
        return Policy(self.name, [*self.statements[:index], *self.statements[index + 1 :]])


def _applies(statement: Mapping[str, Any], call: Call) -> bool:
    return (
        any(fnmatchcase(call.action, pattern) for pattern in _listed(statement["Action"]))
        and any(fnmatchcase(call.resource, pattern) for pattern in _listed(statement["Resource"]))
        and _holds(statement.get("Condition", {}), call.context)
        and _is_principal(statement.get("Principal"), call.by)
    )


def _holds(conditions: Mapping[str, Mapping[str, Any]], context: Mapping[str, str]) -> bool:
    return all(
        any(fnmatchcase(context.get(key, ""), pattern) for pattern in _listed(values))
        for operator in conditions.values()
        for key, values in operator.items()
    )


def _is_principal(principal: Any, by: str) -> bool:
    if principal is None or principal in ("*", {"AWS": "*"}):
        return True
    ((_, names),) = principal.items()
    return by in _listed(names)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def roles(app: Synthesised) -> Iterator[Policy]:
    """Every role of the app, by stack and name."""
    for role in app.of("AWS::IAM::Role"):
        path = role.body["Metadata"]["aws:cdk:path"].removesuffix("/Resource")
        statements = [
            statement
            for policy in role.properties["Policies"]
            for statement in policy["PolicyDocument"]["Statement"]
        ]
        yield Policy(path, _named(app, role.stack, statements))


def resource_policies(app: Synthesised) -> Iterator[Policy]:
    """Every policy of a bucket, queue, topic, endpoint or key, by stack and name."""
    for resource in app.resources:
        document = resource.properties.get("PolicyDocument") or resource.properties.get("KeyPolicy")
        if document and resource.body["Type"] in (*POLICY_TYPES, "AWS::KMS::Key"):
            path = resource.body["Metadata"]["aws:cdk:path"].removesuffix("/Resource").removesuffix("/Policy")
            yield Policy(path, _named(app, resource.stack, document["Statement"]))


def _named(app: Synthesised, stack: str, value: Any) -> Any:
    """The value with every reference to a resource written as that resource's name."""
    match value:
        case {"Ref": str(name)}:
            return PSEUDO.get(name) or _name(app, stack, name)
        case {"Fn::GetAtt": [str(name), str(attribute)]}:
            return f"{_name(app, stack, name)}.{attribute}"
        case {"Fn::ImportValue": str(export)}:
            producer = export.split(":")[0]
            outputs = app.templates[producer]["Outputs"].values()
            (exported,) = [o["Value"] for o in outputs if o.get("Export", {}).get("Name") == export]
            return _named(app, producer, exported)
        case {"Fn::FindInMap": [str(name), region, str(key)]}:
            return app.templates[stack]["Mappings"][name][_named(app, stack, region)][key]
        case {"Fn::Join": [str(delimiter), [*parts]]}:
            return delimiter.join(_named(app, stack, part) for part in parts)
        case {"Fn::Sub": str(text)}:
            for name, pseudo in PSEUDO.items():
                text = text.replace(f"${{{name}}}", pseudo)
            return text
        case dict():
            return {key: _named(app, stack, member) for key, member in value.items()}
        case list():
            return [_named(app, stack, member) for member in value]
        case _:
            return value


def _name(app: Synthesised, stack: str, logical_id: str) -> str:
    resource = app.templates[stack]["Resources"][logical_id]
    path: str = resource["Metadata"]["aws:cdk:path"]
    return path.removesuffix("/Resource").rsplit("/", 1)[-1]


def shown(statement: Mapping[str, Any]) -> str:
    """A statement on one line."""
    return json.dumps(statement, sort_keys=True)
