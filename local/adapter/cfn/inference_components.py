"""AWS::SageMaker::InferenceComponent on our SageMaker.

docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-sagemaker-inferencecomponent.html
"""

import time
from collections.abc import Iterator, Mapping
from typing import Any

from local.adapter.cfn.again import (
    POLL_SECONDS,
    name_of,
    retag,
    unless_gone,
    unless_there,
    wait_until_gone,
)
from local.adapter.cfn.types import Created, Props, ResourceType, only
from local.adapter.routing import Service

_MEMBER = "InferenceComponentName"


def types(service: Service) -> Iterator[ResourceType]:
    """The type; Ref gives the ARN."""
    yield _component(service)


def _component(service: Service) -> ResourceType:
    def describe(name: str) -> Mapping[str, Any]:
        return service.call("DescribeInferenceComponent", {_MEMBER: name})

    def settled(name: str) -> Mapping[str, Any]:
        while (described := describe(name))["InferenceComponentStatus"] not in ("InService", "Failed"):
            time.sleep(POLL_SECONDS)
        return described

    def shown(described: Mapping[str, Any]) -> Created:
        arn, runtime = described["InferenceComponentArn"], described["RuntimeConfig"]
        return arn, {
            "InferenceComponentArn": arn,
            "InferenceComponentStatus": described["InferenceComponentStatus"],
            "CreationTime": str(described["CreationTime"]),
            "LastModifiedTime": str(described["LastModifiedTime"]),
            "RuntimeConfig.CurrentCopyCount": str(runtime["CurrentCopyCount"]),
            "RuntimeConfig.DesiredCopyCount": str(runtime["DesiredCopyCount"]),
        }

    def create(name: str, props: Props) -> Created:
        asked = only("sagemaker", "CreateInferenceComponent", {_MEMBER: name} | props)
        unless_there(service, "CreateInferenceComponent", asked)
        described = settled(asked[_MEMBER])
        if described["InferenceComponentStatus"] != "InService":
            # CloudFormation removes what it could not finish, so that the name is free again.
            delete(asked[_MEMBER], props)
            raise ValueError(described.get("FailureReason", "The inference component could not be created."))
        return shown(described)

    def update(physical_id: str, old: Props, new: Props) -> Created:
        name = name_of(physical_id)
        retag(service, physical_id, old, new)
        changed: dict[str, Any] = {
            member: new[member]
            for member in ("Specification", "RuntimeConfig")
            if member in new and new[member] != old.get(member)
        }
        if changed:
            if "Specification" in changed and "DeploymentConfig" in new:
                changed["DeploymentConfig"] = new["DeploymentConfig"]
            asked = only("sagemaker", "UpdateInferenceComponent", changed | {_MEMBER: name})
            service.call("UpdateInferenceComponent", asked)
            described = settled(name)
            if reason := described.get("FailureReason"):
                raise ValueError(reason)
        return shown(settled(name))

    def delete(physical_id: str, _props: Props) -> None:
        name = name_of(physical_id)
        unless_gone(lambda: service.call("DeleteInferenceComponent", {_MEMBER: name}))
        wait_until_gone(lambda: describe(name))

    return ResourceType(
        "AWS::SageMaker::InferenceComponent",
        create,
        delete,
        update,
        (_MEMBER, "EndpointName", "EndpointArn", "VariantName"),
    )
