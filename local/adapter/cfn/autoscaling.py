"""AWS::ApplicationAutoScaling::* resource types on our Application Auto Scaling."""

from collections.abc import Iterator
from typing import Any

from local.adapter.cfn.types import Created, Props, ResourceType, only, typed
from local.adapter.routing import Service
from local.errors import ApiError

SERVICE = "application-autoscaling"
_KEY = ("ServiceNamespace", "ResourceId", "ScalableDimension")


def types(service: Service) -> Iterator[ResourceType]:
    """The types; the Ref of a target is "resource|dimension|namespace", that of a policy its ARN."""
    yield _target(service)
    yield _policy(service)


def _key_of(target_id: str) -> dict[str, str]:
    resource, dimension, namespace = target_id.split("|")
    return {"ServiceNamespace": namespace, "ResourceId": resource, "ScalableDimension": dimension}


def _target(service: Service) -> ResourceType:
    def put(props: Props) -> Created:
        actions = props.pop("ScheduledActions", None) or []
        service.call("RegisterScalableTarget", typed(SERVICE, "RegisterScalableTarget", props))
        key = {member: props[member] for member in _KEY}
        for action in actions:
            asked = typed(SERVICE, "PutScheduledAction", action | key)
            service.call("PutScheduledAction", asked)
        target_id = "|".join((key["ResourceId"], key["ScalableDimension"], key["ServiceNamespace"]))
        return target_id, {"Id": target_id}

    def update(_physical_id: str, old: Props, new: Props) -> Created:
        kept = {action["ScheduledActionName"] for action in new.get("ScheduledActions") or []}
        key = {member: new[member] for member in _KEY}
        for action in old.get("ScheduledActions") or []:
            if (name := action["ScheduledActionName"]) not in kept:
                service.call("DeleteScheduledAction", {"ScheduledActionName": name} | key)
        return put(new)

    def delete(physical_id: str, _props: Props) -> None:
        _unless_gone(service, "DeregisterScalableTarget", _key_of(physical_id))

    return ResourceType(
        "AWS::ApplicationAutoScaling::ScalableTarget",
        lambda _name, props: put(props),
        delete,
        update,
        _KEY,
        tags=False,
    )


def _policy(service: Service) -> ResourceType:
    def request(props: Props) -> dict[str, Any]:
        if target := props.pop("ScalingTargetId", None):
            props |= _key_of(target)
        return props

    def put(props: Props) -> Created:
        asked = typed(SERVICE, "PutScalingPolicy", request(props))
        arn = service.call("PutScalingPolicy", asked)["PolicyARN"]
        return arn, {"Arn": arn}

    def delete(_physical_id: str, props: Props) -> None:
        _unless_gone(service, "DeleteScalingPolicy", only(SERVICE, "DeleteScalingPolicy", request(props)))

    return ResourceType(
        "AWS::ApplicationAutoScaling::ScalingPolicy",
        lambda _name, props: put(props),
        delete,
        lambda _physical_id, _old, new: put(new),
        ("PolicyName", "ScalingTargetId", *_KEY),
        tags=False,
    )


def _unless_gone(service: Service, operation: str, asked: dict[str, Any]) -> None:
    """Delete, unless it is gone already: deregistering a target takes its policies with it."""
    try:
        service.call(operation, asked)
    except ApiError as error:
        if error.code != "ObjectNotFoundException":
            raise
