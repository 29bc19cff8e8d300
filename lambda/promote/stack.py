"""The serving stack in CloudFormation."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from promote.decision import END_SHADOW, Failure, Package, Stack

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import ParameterTypeDef

PARAMETER = "ModelPackageArn"
SHADOW = "ShadowModelPackageArn"
ENDPOINT = "AWS::SageMaker::Endpoint"
MADE = ("AWS::SageMaker::EndpointConfig", "AWS::SageMaker::Model")


class ServingStack:
    """Reads the stack and updates its parameters; everything else in it stays as it was deployed."""

    def __init__(self, cloudformation: "CloudFormationClient", name: str) -> None:
        self._cloudformation = cloudformation
        self._name = name

    def read(self) -> Stack:
        """The stack as it is now."""
        stack = self._cloudformation.describe_stacks(StackName=self._name)["Stacks"][0]
        values = {p["ParameterKey"]: p.get("ParameterValue", "") for p in stack.get("Parameters", [])}
        updated = stack.get("LastUpdatedTime", stack["CreationTime"])
        return Stack(
            stack["StackStatus"],
            values.get(PARAMETER, ""),
            values.get(SHADOW, ""),
            int(updated.timestamp()),
        )

    def endpoint_since(self) -> float:
        """The epoch second at which the endpoint became what it is: other updates of the stack leave it."""
        resources = self._cloudformation.describe_stack_resources(StackName=self._name)["StackResources"]
        return max(
            (found["Timestamp"].timestamp() for found in resources if found["ResourceType"] == ENDPOINT),
            default=0.0,
        )

    def made(self) -> set[str]:
        """The names of the endpoint configuration and the model that the stack has made.

        https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStackResources.html
        """
        resources = self._cloudformation.describe_stack_resources(StackName=self._name)["StackResources"]
        return {
            resource.get("PhysicalResourceId", "").rpartition("/")[2]
            for resource in resources
            if resource["ResourceType"] in MADE
        }

    def failure(self) -> Failure | None:
        """Why the last update was rolled back; None when it was not asked for with a token.

        All events of one operation carry its token, and come newest first.
        https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_StackEvent.html
        """
        token, reason = "", "the update failed without a reason"
        for page in self._cloudformation.get_paginator("describe_stack_events").paginate(
            StackName=self._name
        ):
            for event in page["StackEvents"]:
                its_token = event.get("ClientRequestToken", "")
                token = token or its_token
                if not token or its_token != token:
                    return Failure(token, reason) if token else None
                why = event.get("ResourceStatusReason", "")
                if event["ResourceStatus"].endswith("_FAILED") and why and "cancelled" not in why.lower():
                    reason = f"{event['LogicalResourceId']}: {why}"
        return Failure(token, reason) if token else None

    def deploy(self, package: Package, stack: Stack) -> None:
        """Ask for the package to serve, with nothing beside it."""
        self._update(stack.token(package.token), {PARAMETER: package.arn, SHADOW: ""})

    def run_shadow(self, package: Package, stack: Stack) -> None:
        """Ask for the package to run beside the one that serves."""
        self._update(stack.token(package.shadow_token), {SHADOW: package.arn})

    def end_shadow(self, stack: Stack) -> None:
        """Ask for nothing to run beside the one that serves."""
        self._update(stack.token(END_SHADOW), {SHADOW: ""})

    def _update(self, token: str, values: Mapping[str, str]) -> None:
        """Ask for the update; harmless when it was asked for already or another one is on its way."""
        stack = self._cloudformation.describe_stacks(StackName=self._name)["Stacks"][0]
        known = [p["ParameterKey"] for p in stack.get("Parameters", [])]
        # Only a stack whose rollout is Shadow has a place for one.
        changed: list[ParameterTypeDef] = [
            {"ParameterKey": name, "ParameterValue": value}
            for name, value in values.items()
            if value or name in known
        ]
        kept: list[ParameterTypeDef] = [
            {"ParameterKey": name, "UsePreviousValue": True} for name in known if name not in values
        ]
        try:
            self._cloudformation.update_stack(
                StackName=self._name,
                UsePreviousTemplate=True,
                Parameters=[*changed, *kept],
                Capabilities=stack.get("Capabilities", []),
                ClientRequestToken=token,
            )
        except ClientError as error:
            if not _already_under_way(error):
                raise


def _already_under_way(error: ClientError) -> bool:
    code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
    return code == "TokenAlreadyExistsException" or (
        code == "ValidationError"
        and ("No updates are to be performed" in message or "_IN_PROGRESS" in message)
    )
