"""The serving stack in CloudFormation."""

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from promote.decision import Failure, Package, Stack

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import ParameterTypeDef

PARAMETER = "ModelPackageArn"
MADE = ("AWS::SageMaker::EndpointConfig", "AWS::SageMaker::Model")


class ServingStack:
    """Reads the stack and updates its one parameter; everything else in it stays as it was deployed."""

    def __init__(self, cloudformation: "CloudFormationClient", name: str) -> None:
        self._cloudformation = cloudformation
        self._name = name

    def read(self) -> Stack:
        """The stack as it is now."""
        stack = self._cloudformation.describe_stacks(StackName=self._name)["Stacks"][0]
        values = {p["ParameterKey"]: p.get("ParameterValue", "") for p in stack.get("Parameters", [])}
        return Stack(stack["StackStatus"], values.get(PARAMETER, ""))

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

    def deploy(self, package: Package) -> None:
        """Ask for the update; harmless when it was asked for already or another one is on its way."""
        stack = self._cloudformation.describe_stacks(StackName=self._name)["Stacks"][0]
        parameters: list[ParameterTypeDef] = [
            {"ParameterKey": p["ParameterKey"], "UsePreviousValue": True}
            for p in stack.get("Parameters", [])
            if p["ParameterKey"] != PARAMETER
        ]
        try:
            self._cloudformation.update_stack(
                StackName=self._name,
                UsePreviousTemplate=True,
                Parameters=[{"ParameterKey": PARAMETER, "ParameterValue": package.arn}, *parameters],
                Capabilities=stack.get("Capabilities", []),
                ClientRequestToken=package.token,
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
