"""What Application Auto Scaling keeps, and how it names things."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.autoscaling.resources import resource
from local.errors import ApiError, ValidationException
from local.host import MonitoringHost
from local.sagemaker.store import Record, Store


@dataclass(frozen=True)
class State:
    """The cloud around and the records: kinds target, policy, scheduled and activity."""

    host: MonitoringHost
    store: Store
    _clients: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def open(cls, host: MonitoringHost) -> "State":
        """The state in the directory of the cloud."""
        return cls(host, Store(Path(host.state) / "autoscaling.sqlite"))

    def client(self, service: str) -> Any:
        """A client with the rights of the service itself, as its service-linked role has on AWS."""
        if service not in self._clients:
            self._clients[service] = self.host.client(service)
        return self._clients[service]

    def target(self, key: str) -> Record:
        """A scalable target; ObjectNotFoundException if it is not registered."""
        if record := self.store.get("target", key):
            return record
        namespace, resource, dimension = key.split("|")
        raise missing(
            f"No scalable target registered for service namespace: {namespace}, resource ID: {resource}, "
            f"scalable dimension: {dimension}"
        )


def key(params: Mapping[str, Any]) -> str:
    """The name of a target in the store; ValidationException for what the embedded AWS cannot scale."""
    found = resource(params["ResourceId"])
    if (params["ServiceNamespace"], params["ScalableDimension"]) != ("sagemaker", found.dimension):
        raise ValidationException(
            f"The embedded AWS scales {found.dimension} of {params['ResourceId']}, not "
            f"{params['ScalableDimension']} of {params['ServiceNamespace']}."
        )
    return "|".join((params["ServiceNamespace"], params["ResourceId"], params["ScalableDimension"]))


def missing(message: str) -> ApiError:
    """ObjectNotFoundException."""
    return ApiError("ObjectNotFoundException", message)


def matches(record: Record, params: Mapping[str, Any]) -> bool:
    """Whether the filters of a Describe request let a record through."""
    return all(
        params.get(name) in (None, record[name])
        for name in ("ServiceNamespace", "ResourceId", "ScalableDimension")
    )
