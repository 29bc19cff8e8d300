"""The serving stack in CloudFormation, in memory: an update of its parameters, which may be rolled back.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_UpdateStack.html
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.histories.aws.bus import ACCOUNT, REGION
from tests.histories.aws.pipelines import SAGEMAKER, Tell
from tests.histories.aws.points import Refused

PACKAGE, SHADOW = "ModelPackageArn", "ShadowModelPackageArn"


@dataclass
class CloudFormation:
    """One stack: the model package that it serves, and an update that ends when the history says so.

    Where it `compares`, another package may run as a shadow. `broken` are the ARNs of packages whose
    deployment is rolled back.
    """

    name: str
    clock: Callable[[], float]
    tell: Tell
    compares: bool = False
    package: str = ""
    shadow: str = ""
    wanted: tuple[str, str] = ("", "")
    status: str = "CREATE_COMPLETE"
    changed: float = 0.0
    broken: set[str] = field(default_factory=set)
    tokens: list[str] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    served: list[str] = field(default_factory=list)

    def describe_stacks(self, *, StackName: str = "", **_: Any) -> dict[str, Any]:
        """The stack with its parameters."""
        self._require(StackName)
        return {
            "Stacks": [
                {
                    "StackName": self.name,
                    "StackId": self._id,
                    "StackStatus": self.status,
                    "CreationTime": _time(0),
                    "LastUpdatedTime": _time(self.changed),
                    "Parameters": [
                        {"ParameterKey": name, "ParameterValue": value}
                        for name, value in self._parameters().items()
                    ],
                    "Capabilities": ["CAPABILITY_IAM"],
                }
            ]
        }

    def describe_stack_events(self, *, StackName: str = "", **_: Any) -> dict[str, Any]:
        """What happened to it, newest first."""
        self._require(StackName)
        return {"StackEvents": self.events}

    def describe_stack_resources(self, *, StackName: str = "", **_: Any) -> dict[str, Any]:
        """What the stack has made for the package that it serves."""
        self._require(StackName)
        if not self.package:
            return {"StackResources": []}
        made = {
            "Endpoint": "the-endpoint",
            "Model": self.model,
            "EndpointConfig": f"{SAGEMAKER}:endpoint-config/{self.config}",
        }
        return {
            "StackResources": [
                {
                    "LogicalResourceId": kind,
                    "PhysicalResourceId": physical,
                    "ResourceType": f"AWS::SageMaker::{kind}",
                    "ResourceStatus": "UPDATE_COMPLETE",
                    "Timestamp": _time(self.changed),
                }
                for kind, physical in made.items()
            ]
        }

    def update_stack(
        self,
        *,
        StackName: str,
        Parameters: Sequence[Mapping[str, Any]] = (),
        ClientRequestToken: str = "",
        **_: Any,
    ) -> dict[str, Any]:
        """Begin an update, unless one is under way, nothing changes, or the token is known."""
        self._require(StackName)
        given = {one["ParameterKey"]: one.get("ParameterValue") for one in Parameters}
        assert given.keys() <= self._parameters().keys(), f"the stack has no parameters {sorted(given)}"
        # What has no value of its own keeps the one that it has.
        package, shadow = given.get(PACKAGE), given.get(SHADOW)
        wanted = (
            self.package if package is None else package,
            self.shadow if shadow is None else shadow,
        )
        if ClientRequestToken in self.tokens:
            raise Refused("TokenAlreadyExistsException", "A client request token already exists")
        if self.in_progress:
            raise Refused(
                "ValidationError", f"Stack:{self._id} is in {self.status} state and can not be updated."
            )
        if wanted == (self.package, self.shadow):
            raise Refused("ValidationError", "No updates are to be performed.")
        self.tokens.append(ClientRequestToken)
        self.wanted, self.status, self.changed = wanted, "UPDATE_IN_PROGRESS", self.clock()
        self._event("Stack", "UPDATE_IN_PROGRESS", "User Initiated")
        return {"StackId": self._id}

    @property
    def in_progress(self) -> bool:
        """Whether an update is under way."""
        return self.status.endswith("_IN_PROGRESS")

    @property
    def config(self) -> str:
        """The endpoint configuration in service."""
        beside = f"-{self.shadow.rpartition('/')[2]}" if self.shadow else ""
        return _of(self.package, "config") + beside if self.package else ""

    @property
    def model(self) -> str:
        """The model in service."""
        return _of(self.package, "model") if self.package else ""

    def finish(self) -> None:
        """The update ends, well or rolled back, and an event tells so."""
        if not self.in_progress:
            return
        if self.broken & set(self.wanted):
            self._event("Endpoint", "UPDATE_FAILED", "The alarm flights-5xx fired.")
            self.status = "UPDATE_ROLLBACK_COMPLETE"
        else:
            before = self.package
            (self.package, self.shadow), self.status = self.wanted, "UPDATE_COMPLETE"
            if self.package != before:
                self.served.append(self.package)
        self.changed = self.clock()
        self._event("Stack", self.status, "")
        detail = {"stack-id": self._id, "status-details": {"status": self.status, "status-reason": ""}}
        self.tell("aws.cloudformation", "CloudFormation Stack Status Change", detail)

    def _parameters(self) -> dict[str, str]:
        beside = {SHADOW: self.shadow} if self.compares else {}
        return {PACKAGE: self.package, **beside, "Other": "kept"}

    @property
    def _id(self) -> str:
        return f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{self.name}/1"

    def _event(self, resource: str, status: str, reason: str) -> None:
        self.events.insert(
            0,
            {
                "StackId": self._id,
                "EventId": f"{len(self.events)}",
                "StackName": self.name,
                "LogicalResourceId": resource,
                "ResourceStatus": status,
                "ResourceStatusReason": reason,
                "ClientRequestToken": self.tokens[-1],
                "Timestamp": _time(self.clock()),
            },
        )

    def _require(self, name: str) -> None:
        if name != self.name:
            raise Refused("ValidationError", f"Stack with id {name} does not exist")


def _of(package: str, kind: str) -> str:
    return f"{kind}-{package.rpartition('/')[2]}"


def _time(epoch: float) -> datetime:
    return datetime.fromtimestamp(epoch, UTC)
