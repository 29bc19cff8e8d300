"""AWS::SageMaker::* resource types on our SageMaker."""

import time
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from botocore.model import StructureShape

from local.adapter.cfn.again import (
    POLL_SECONDS,
    name_of,
    retag,
    unless_gone,
    unless_there,
    wait_until_gone,
)
from local.adapter.cfn.types import Created, Props, ResourceType, only, typed
from local.adapter.routing import Service
from local.model import operation_model

PREFIX = "AWS::SageMaker::"


def types(service: Service) -> Iterator[ResourceType]:
    """The types; what Ref and Fn::GetAtt give: the CloudFormation reference, AWS::SageMaker."""
    yield _pipeline(service)
    for kind in ("ModelPackageGroup", "Model", "EndpointConfig", "NotebookInstanceLifecycleConfig"):
        yield _plain(service, kind)
    yield _endpoint(service)
    yield _notebook(service)


def _attributes(kind: str, name: str, described: Mapping[str, Any]) -> dict[str, Any]:
    attributes: dict[str, Any] = {f"{kind}Name": name}
    for attribute in ("ModelPackageGroupArn", "ModelPackageGroupStatus", "CreationTime"):
        if attribute in described:
            attributes[attribute] = str(described[attribute])
    return attributes


def _plain(service: Service, kind: str) -> ResourceType:
    """A type whose every property but tags (and a lifecycle configuration's scripts) is fixed for life."""
    member, describe = f"{kind}Name", f"Describe{kind}"
    update_operation = f"Update{kind}" if kind == "NotebookInstanceLifecycleConfig" else None

    def shown(name: str) -> Created:
        described = service.call(describe, {member: name})
        return described[f"{kind}Arn"], _attributes(kind, name, described)

    def create(name: str, props: Props) -> Created:
        request = {member: name} | props
        unless_there(service, f"Create{kind}", typed("sagemaker", f"Create{kind}", request))
        return shown(request[member])

    def update(physical_id: str, old: Props, new: Props) -> Created:
        if update_operation:
            request = only("sagemaker", update_operation, new) | {member: name_of(physical_id)}
            service.call(update_operation, request)
        else:
            retag(service, physical_id, old, new)
        return shown(name_of(physical_id))

    def delete(physical_id: str, _props: Props) -> None:
        unless_gone(lambda: service.call(f"Delete{kind}", {member: name_of(physical_id)}))

    replacing = (member,) if update_operation else _all_but_tags(f"Create{kind}")
    return ResourceType(PREFIX + kind, create, delete, update, replacing, tags=update_operation is None)


def _all_but_tags(operation: str) -> tuple[str, ...]:
    shape = operation_model("sagemaker", operation).input_shape
    return (
        tuple(name for name in shape.members if name != "Tags") if isinstance(shape, StructureShape) else ()
    )


def _pipeline(service: Service) -> ResourceType:
    def request(props: Props) -> dict[str, Any]:
        definition = props.pop("PipelineDefinition")
        if body := definition.get("PipelineDefinitionBody"):
            props["PipelineDefinition"] = body
        else:
            location = definition["PipelineDefinitionS3Location"]
            props["PipelineDefinitionS3Location"] = {
                "Bucket": location["Bucket"],
                "ObjectKey": location["Key"],
                **({"VersionId": location["Version"]} if location.get("Version") else {}),
            }
        return props

    def create(_name: str, props: Props) -> Created:
        asked = request(props) | {"ClientRequestToken": uuid.uuid4().hex}
        unless_there(service, "CreatePipeline", typed("sagemaker", "CreatePipeline", asked))
        return asked["PipelineName"], {}

    def update(physical_id: str, old: Props, new: Props) -> Created:
        asked = only("sagemaker", "UpdatePipeline", request(dict(new)) | {"PipelineName": physical_id})
        answer = service.call("UpdatePipeline", asked)
        retag(service, answer["PipelineArn"], old, new)
        return physical_id, {}

    def delete(physical_id: str, _props: Props) -> None:
        asked = {"PipelineName": physical_id, "ClientRequestToken": uuid.uuid4().hex}
        unless_gone(lambda: service.call("DeletePipeline", asked))

    return ResourceType(f"{PREFIX}Pipeline", create, delete, update, ("PipelineName",))


def _endpoint(service: Service) -> ResourceType:
    def describe(name: str) -> Mapping[str, Any]:
        return service.call("DescribeEndpoint", {"EndpointName": name})

    def settled(name: str) -> Mapping[str, Any]:
        while (described := describe(name))["EndpointStatus"] not in (
            "InService",
            "Failed",
            "UpdateRollbackFailed",
        ):
            time.sleep(POLL_SECONDS)
        return described

    def create(name: str, props: Props) -> Created:
        name = props.get("EndpointName") or name
        asked = only("sagemaker", "CreateEndpoint", props | {"EndpointName": name})
        unless_there(service, "CreateEndpoint", asked)
        described = settled(name)
        if described["EndpointStatus"] != "InService":
            # CloudFormation removes what it could not finish, so that the name is free again.
            delete(name, props)
            raise ValueError(described.get("FailureReason", "The endpoint could not be created."))
        return described["EndpointArn"], {"EndpointName": name}

    def update(physical_id: str, old: Props, new: Props) -> Created:
        name = name_of(physical_id)
        retag(service, physical_id, old, new)
        if {**old, "Tags": None} != {**new, "Tags": None}:
            asked = only("sagemaker", "UpdateEndpoint", new | {"EndpointName": name})
            service.call("UpdateEndpoint", asked)
            described = settled(name)
            in_service = described.get("EndpointConfigName")
            if described["EndpointStatus"] != "InService" or in_service != name_of(new["EndpointConfigName"]):
                raise ValueError(described.get("FailureReason", f"The endpoint went back to {in_service}."))
        return physical_id, {"EndpointName": name}

    def delete(physical_id: str, _props: Props) -> None:
        asked = {"EndpointName": name_of(physical_id)}
        unless_gone(lambda: service.call("DeleteEndpoint", asked))
        wait_until_gone(lambda: describe(name_of(physical_id)))

    return ResourceType(f"{PREFIX}Endpoint", create, delete, update, ("EndpointName",))


def _notebook(service: Service) -> ResourceType:
    fixed = (
        "NotebookInstanceName",
        "SubnetId",
        "SecurityGroupIds",
        "KmsKeyId",
        "DirectInternetAccess",
        "PlatformIdentifier",
    )

    def call(operation: str, name: str) -> Mapping[str, Any]:
        return service.call(operation, {"NotebookInstanceName": name})

    def settled(name: str, *states: str) -> str:
        while True:
            described = call("DescribeNotebookInstance", name)
            status: str = described["NotebookInstanceStatus"]
            if status == "Failed":
                raise ValueError(described.get("FailureReason", f"Notebook instance {name} failed."))
            if status in states:
                return status
            time.sleep(POLL_SECONDS)

    def shown(name: str) -> Created:
        arn = call("DescribeNotebookInstance", name)["NotebookInstanceArn"]
        return arn, {"NotebookInstanceName": name}

    def create(name: str, props: Props) -> Created:
        asked = {"NotebookInstanceName": name} | props
        request = typed("sagemaker", "CreateNotebookInstance", asked)
        unless_there(service, "CreateNotebookInstance", request)
        settled(asked["NotebookInstanceName"], "InService")
        return shown(asked["NotebookInstanceName"])

    def stop(name: str) -> bool:
        """Stop the instance; whether it was running."""
        if settled(name, "InService", "Stopped") == "Stopped":
            return False
        call("StopNotebookInstance", name)
        settled(name, "Stopped")
        return True

    def update(physical_id: str, old: Props, new: Props) -> Created:
        name = name_of(physical_id)
        retag(service, physical_id, old, new)
        if {**old, "Tags": None} != {**new, "Tags": None}:
            was_running = stop(name)
            asked = only("sagemaker", "UpdateNotebookInstance", new | {"NotebookInstanceName": name})
            service.call("UpdateNotebookInstance", asked)
            settled(name, "Stopped")
            if was_running:
                call("StartNotebookInstance", name)
                settled(name, "InService")
        return shown(name)

    def delete(physical_id: str, _props: Props) -> None:
        name = name_of(physical_id)
        unless_gone(lambda: stop(name))
        unless_gone(lambda: call("DeleteNotebookInstance", name))
        wait_until_gone(lambda: call("DescribeNotebookInstance", name))

    return ResourceType(f"{PREFIX}NotebookInstance", create, delete, update, fixed)
