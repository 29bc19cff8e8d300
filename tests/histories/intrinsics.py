"""What the functions of a template come to once the stacks are deployed: names, addresses and ARNs.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html
"""

import re
from collections.abc import Mapping
from typing import Any

from tests.histories.aws.bus import ACCOUNT, REGION

Json = Mapping[str, Any]

_PSEUDO = {
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::AccountId": ACCOUNT,
    "AWS::URLSuffix": "amazonaws.com",
}
# The property that names a resource, and its ARN by that name; what is not here is never asked for by a name.
_NAMED = {
    "AWS::SQS::Queue": ("QueueName", "sqs:{region}:{account}:{name}"),
    "AWS::SNS::Topic": ("TopicName", "sns:{region}:{account}:{name}"),
    "AWS::DynamoDB::Table": ("TableName", "dynamodb:{region}:{account}:table/{name}"),
    "AWS::S3::Bucket": ("BucketName", "s3:::{name}"),
    "AWS::Events::Rule": ("Name", "events:{region}:{account}:rule/{name}"),
    "AWS::Lambda::Function": ("FunctionName", "lambda:{region}:{account}:function:{name}"),
    "AWS::KMS::Key": ("", "kms:{region}:{account}:key/{name}"),
    "AWS::SageMaker::Pipeline": ("PipelineName", "sagemaker:{region}:{account}:pipeline/{name}"),
}
# What a reference to them gives, where that is not the name.
_BY_ARN = {"AWS::SNS::Topic"}


class Deployed:
    """The templates of an app, by the names of their stacks."""

    def __init__(self, templates: Mapping[str, Json]) -> None:
        self.templates = templates
        self._exports = {
            self.value(stack, output["Export"]["Name"]): (stack, output["Value"])
            for stack, template in templates.items()
            for output in template.get("Outputs", {}).values()
            if "Export" in output
        }

    def value(self, stack: str, expression: Any) -> Any:
        """The expression with every function in it replaced by what it comes to."""
        match expression:
            case {"Ref": str(name)}:
                return self._reference(stack, name)
            case {"Fn::GetAtt": [str(name), str(attribute)]}:
                return self._attribute(stack, name, attribute)
            case {"Fn::ImportValue": name}:
                return self.value(*self._exports[self.value(stack, name)])
            case {"Fn::Join": [str(separator), parts]}:
                return separator.join(str(part) for part in self.value(stack, parts))
            case {"Fn::Select": [index, parts]}:
                return self.value(stack, parts)[int(index)]
            case {"Fn::Split": [str(separator), text]}:
                return self.value(stack, text).split(separator)
            case {"Fn::Sub": str(text)}:
                return re.sub(r"\$\{([\w:]+)\}", lambda found: str(self._reference(stack, found[1])), text)
            case {**members}:
                return {name: self.value(stack, member) for name, member in members.items()}
            case [*elements]:
                return [self.value(stack, element) for element in elements]
            case _:
                return expression

    def of(self, type_: str) -> list[tuple[str, str, Json]]:
        """Stack, logical id and properties of every resource of a type, in the order of the templates."""
        return [
            (stack, name, self.value(stack, resource.get("Properties", {})))
            for stack, template in self.templates.items()
            for name, resource in template.get("Resources", {}).items()
            if resource["Type"] == type_
        ]

    def name(self, stack: str, logical_id: str) -> str:
        """The physical name of a resource: the one that it declares, or one of CloudFormation's making."""
        resource = self.templates[stack]["Resources"][logical_id]
        member, _ = _NAMED.get(resource["Type"], ("", ""))
        given = resource.get("Properties", {}).get(member)
        return str(self.value(stack, given)) if given else f"{stack}-{logical_id}".lower()

    def _reference(self, stack: str, name: str) -> Any:
        if name in _PSEUDO:
            return _PSEUDO[name]
        template = self.templates[stack]
        if name in template.get("Parameters", {}):
            return template["Parameters"][name].get("Default", "")
        type_ = template["Resources"][name]["Type"]
        if type_ == "AWS::SQS::Queue":
            return queue_url(self.name(stack, name))
        return self._attribute(stack, name, "Arn") if type_ in _BY_ARN else self.name(stack, name)

    def _attribute(self, stack: str, name: str, attribute: str) -> str:
        type_ = self.templates[stack]["Resources"][name]["Type"]
        physical = self.name(stack, name)
        if attribute in ("Arn", "TopicArn") and type_ in _NAMED:
            form = _NAMED[type_][1].format(region=REGION, account=ACCOUNT, name=physical)
            return f"arn:aws:{form}"
        if attribute in ("QueueName", "TopicName"):
            return physical
        if attribute == "QueueUrl":
            return queue_url(physical)
        return f"{physical}.{attribute}"


def queue_url(name: str) -> str:
    """The URL of a queue."""
    return f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{name}"
