"""A model package group, a serving stack and its endpoint, as promotion sees them: AWS in memory.

They do what AWS does; requests are checked by AWS's own model.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import boto3
from botocore.exceptions import ClientError
from botocore.validate import validate_parameters

from promote.handler import Promotion
from promote.news import News
from promote.registry import Registry
from promote.service import Endpoint
from promote.stack import ServingStack

GROUP_ARN = "arn:aws:sagemaker:us-east-1:000000000000:model-package/flights/"
TOPIC = "arn:aws:sns:us-east-1:000000000000:flights-notifications"
MODELS = {
    name: boto3.client(name, region_name="us-east-1").meta.service_model
    for name in ("sagemaker", "cloudformation", "events", "sns")
}


class Crash(Exception):
    """The function's process died."""


@dataclass
class World:
    """A model package group and a serving stack; `broken` versions are rolled back when deployed."""

    packages: dict[int, dict[str, Any]] = field(default_factory=dict)
    serving: str = ""
    status: str = "CREATE_COMPLETE"
    wanted: str = ""
    events: list[dict[str, Any]] = field(default_factory=list)
    broken: set[int] = field(default_factory=set)
    updates: list[str] = field(default_factory=list)
    now: int = 1_000_000
    crash_at: int = -1
    calls: int = 0
    parameters_seen: list[Any] = field(default_factory=list)
    told: list[dict[str, Any]] = field(default_factory=list)
    published: list[dict[str, Any]] = field(default_factory=list)
    bus_is_down: bool = False
    drifted_to: str = ""
    component: bool = False

    def __getattr__(self, operation: str) -> Any:
        if operation.startswith("_"):
            raise AttributeError(operation)
        raise AssertionError(f"unexpected call of {operation}")

    def _called(self, service: str, operation: str, **request: Any) -> None:
        shape = MODELS[service].operation_model(operation).input_shape
        assert shape
        validate_parameters(request, shape)
        self.calls += 1
        if self.calls == self.crash_at:
            raise Crash

    # SageMaker
    def _list(self, **request: Any) -> dict[str, Any]:
        self._called("sagemaker", "ListModelPackages", **request)
        chosen = [p for p in self.packages.values() if p["ModelApprovalStatus"] == "Approved"]
        return {"ModelPackageSummaryList": sorted(chosen, key=lambda p: -p["ModelPackageVersion"])}

    def describe_model_package(self, **request: Any) -> dict[str, Any]:
        self._called("sagemaker", "DescribeModelPackage", **request)
        return dict(self.packages[int(request["ModelPackageName"].rsplit("/", 1)[1])])

    def update_model_package(self, **request: Any) -> None:
        self._called("sagemaker", "UpdateModelPackage", **request)
        version = int(request.pop("ModelPackageArn").rsplit("/", 1)[1])
        self.packages[version] |= request | {"LastModifiedTime": datetime.fromtimestamp(self.now, UTC)}

    # CloudFormation
    def describe_stacks(self, **request: Any) -> dict[str, Any]:
        self._called("cloudformation", "DescribeStacks", **request)
        parameters = [
            {"ParameterKey": "ModelPackageArn", "ParameterValue": self.serving},
            {"ParameterKey": "Other", "ParameterValue": "kept"},
        ]
        stack = {"StackStatus": self.status, "Parameters": parameters, "Capabilities": ["CAPABILITY_IAM"]}
        return {"Stacks": [stack]}

    def update_stack(self, **request: Any) -> None:
        self._called("cloudformation", "UpdateStack", **request)
        arn = request["Parameters"][0]["ParameterValue"]
        if self.status.endswith("_IN_PROGRESS"):
            raise _refused("ValidationError", f"Stack:x is in {self.status} state and can not be updated.")
        if arn == self.serving:
            raise _refused("ValidationError", "No updates are to be performed.")
        self.parameters_seen.append(request)
        self.updates.append(request["ClientRequestToken"])
        self.begin(request["ClientRequestToken"], arn)

    def begin(self, token: str, arn: str) -> None:
        self.status, self.wanted = "UPDATE_IN_PROGRESS", arn
        self._event(token, "Stack", "UPDATE_IN_PROGRESS", "User Initiated")

    def finish(self) -> None:
        token = self.events[0].get("ClientRequestToken", "")
        if self.wanted and int(self.wanted.rsplit("/", 1)[1]) in self.broken:
            self._event(token, "Endpoint", "UPDATE_FAILED", "The alarm flights-5xx fired.")
            self._event(token, "Alarm", "UPDATE_FAILED", "Resource update cancelled")
            self._event(token, "Stack", "UPDATE_ROLLBACK_IN_PROGRESS", "The following resource(s) failed")
            self.status = "UPDATE_ROLLBACK_COMPLETE"
        else:
            self.serving, self.status = self.wanted, "UPDATE_COMPLETE"
        self._event(token, "Stack", self.status, "")

    def describe_stack_resources(self, **request: Any) -> dict[str, Any]:
        self._called("cloudformation", "DescribeStackResources", **request)
        arn = f"arn:aws:sagemaker:us-east-1:000000000000:endpoint-config/{_made('config', self.serving)}"
        made = [
            {"ResourceType": "AWS::SageMaker::Endpoint", "PhysicalResourceId": "flights"},
            {"ResourceType": "AWS::SageMaker::Model", "PhysicalResourceId": _made("model", self.serving)},
            {"ResourceType": "AWS::SageMaker::EndpointConfig", "PhysicalResourceId": arn},
        ]
        return {"StackResources": made if self.serving else []}

    # The endpoint, or the component on it
    def describe_endpoint(self, **request: Any) -> dict[str, Any]:
        self._called("sagemaker", "DescribeEndpoint", **request)
        return {"EndpointConfigName": _made("config", self._in_service())}

    def describe_inference_component(self, **request: Any) -> dict[str, Any]:
        self._called("sagemaker", "DescribeInferenceComponent", **request)
        return {"Specification": {"ModelName": _made("model", self._in_service())}}

    def _in_service(self) -> str:
        if not self.serving:
            raise _refused("ValidationException", 'Could not find endpoint "arn".')
        return self.drifted_to or self.serving

    # What is told
    def put_events(self, **request: Any) -> dict[str, Any]:
        self._called("events", "PutEvents", **request)
        if self.bus_is_down:
            return {"FailedEntryCount": 1, "Entries": [{"ErrorMessage": "try again"}]}
        self.told += request["Entries"]
        return {"FailedEntryCount": 0, "Entries": [{}]}

    def publish(self, **request: Any) -> None:
        self._called("sns", "Publish", **request)
        self.published.append(request)

    def _event(self, token: str, resource: str, status: str, reason: str) -> None:
        event = {
            "LogicalResourceId": resource,
            "ResourceStatus": status,
            "ResourceStatusReason": reason,
            "ClientRequestToken": token,
        }
        self.events.insert(0, event)

    def _pages(self, **request: Any) -> list[dict[str, Any]]:
        self._called("cloudformation", "DescribeStackEvents", **request)
        return [{"StackEvents": [event]} for event in self.events]

    def get_paginator(self, operation: str) -> SimpleNamespace:
        if operation == "describe_stack_events":
            return SimpleNamespace(paginate=self._pages)
        assert operation == "list_model_packages"
        return SimpleNamespace(paginate=lambda **request: iter([self._list(**request)]))

    # What people and pipelines do
    def register(self, status: str = "PendingManualApproval") -> int:
        version = len(self.packages) + 1
        self.packages[version] = {
            "ModelPackageArn": f"{GROUP_ARN}{version}",
            "ModelPackageVersion": version,
            "ModelApprovalStatus": status,
            "CreationTime": datetime.fromtimestamp(self.now, UTC),
        }
        return version

    def set(self, version: int, status: str) -> None:
        self.now += 10
        self.update_model_package(ModelPackageArn=f"{GROUP_ARN}{version}", ModelApprovalStatus=status)

    def look(self, *, rolled_back: bool = False) -> None:
        self.promotion().reconcile(rolled_back=rolled_back)

    def promotion(self) -> Promotion:
        client: Any = self
        guards = ["flights-5xx", "flights-latency"]
        news = News("flights", TOPIC, guards, events=client, sns=client)
        serving, registry = ServingStack(client, "flights-serving"), Registry(client, "flights")
        endpoint = Endpoint(client, "flights", component=self.component)
        return Promotion(serving, registry, endpoint, news)

    def settle(self) -> None:
        self.crash_at = -1
        for _ in range(100):
            self.look()
            if not self.status.endswith("_IN_PROGRESS"):
                return
            self.finish()
        raise AssertionError("it never comes to rest")

    def status_of(self, version: int) -> str:
        return str(self.packages[version]["ModelApprovalStatus"])


def _refused(code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "UpdateStack")


def _made(kind: str, arn: str) -> str:
    return f"{kind}-{arn.rsplit('/', 1)[-1]}"
