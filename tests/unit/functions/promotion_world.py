"""A model package group, a serving stack and its endpoint, as promotion sees them: AWS in memory.

They do what AWS does; requests are checked by AWS's own model. With `rules`, the stack has a place for a
shadow, whose answers and those in service are captured as long as it runs.
"""

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import boto3
from botocore.exceptions import ClientError
from botocore.response import StreamingBody
from botocore.validate import validate_parameters

from promote.captured import Captured
from promote.eyes import Eyes
from promote.handler import Promotion
from promote.news import News
from promote.registry import Registry
from promote.service import Endpoint
from promote.shadow import Trial
from promote.stack import ServingStack
from promote.traffic import Metrics
from promote.verdict import Rules

GROUP_ARN = "arn:aws:sagemaker:us-east-1:000000000000:model-package/flights/"
TOPIC = "arn:aws:sns:us-east-1:000000000000:flights-notifications"
MODELS = {
    name: boto3.client(name, region_name="us-east-1").meta.service_model
    for name in ("sagemaker", "cloudformation", "events", "sns", "s3", "cloudwatch", "dynamodb")
}


class Crash(Exception):
    """The function's process died."""


@dataclass
class World:
    """A model package group and a serving stack; `broken` versions are rolled back when deployed.

    Of `requests` different calls, `misfits` answer another number, and fail `faults` as shadows.
    """

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
    begun_meanwhile: str = ""
    component: bool = False
    rules: Rules | None = None
    shadow: str = ""
    wanted_shadow: str = ""
    endpoint_at: int = 1_000_000
    updated_at: int = 1_000_000
    requests: int = 10
    misfits: set[int] = field(default_factory=set)
    faults: int = 0
    p99: float = 0.01
    people: int = 1
    approvers: dict[int, set[str]] = field(default_factory=dict)

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
        if self.rules:
            parameters.append({"ParameterKey": "ShadowModelPackageArn", "ParameterValue": self.shadow})
        stack = {
            "StackStatus": self.status,
            "CreationTime": datetime.fromtimestamp(1_000_000, UTC),
            "LastUpdatedTime": datetime.fromtimestamp(self.updated_at, UTC),
            "Parameters": parameters,
            "Capabilities": ["CAPABILITY_IAM"],
        }
        return {"Stacks": [stack]}

    def update_stack(self, **request: Any) -> None:
        self._called("cloudformation", "UpdateStack", **request)
        known = {"ModelPackageArn": self.serving, "Other": "kept"}
        known |= {"ShadowModelPackageArn": self.shadow} if self.rules else {}
        given = {p["ParameterKey"]: p.get("ParameterValue") for p in request["Parameters"]}
        assert given.keys() == known.keys(), "a parameter that is left out gets its default"
        wanted = {name: known[name] if value is None else value for name, value in given.items()}
        if request["ClientRequestToken"] in self.updates:
            raise _refused("TokenAlreadyExistsException", "A client request token already exists")
        if self.status.endswith("_IN_PROGRESS"):
            raise _refused("ValidationError", f"Stack:x is in {self.status} state and can not be updated.")
        if wanted == known:
            raise _refused("ValidationError", "No updates are to be performed.")
        self.parameters_seen.append(request)
        self.updates.append(request["ClientRequestToken"])
        shadow = wanted.get("ShadowModelPackageArn", "")
        self.begin(request["ClientRequestToken"], wanted["ModelPackageArn"], shadow)

    def begin(self, token: str, arn: str, shadow: str = "") -> None:
        self.now += 1
        self.updated_at = self.now
        self.status, self.wanted, self.wanted_shadow = "UPDATE_IN_PROGRESS", arn, shadow
        self._event(token, "Stack", "UPDATE_IN_PROGRESS", "User Initiated")

    def finish(self) -> None:
        token = self.events[0].get("ClientRequestToken", "")
        self.now += 5
        self.endpoint_at = self.now
        new = {self.wanted, self.wanted_shadow} - {self.serving, self.shadow, ""} or {self.wanted} - {""}
        if any(_version(arn) in self.broken for arn in new):
            self._event(token, "Endpoint", "UPDATE_FAILED", "The alarm flights-5xx fired.")
            self._event(token, "Alarm", "UPDATE_FAILED", "Resource update cancelled")
            self._event(token, "Stack", "UPDATE_ROLLBACK_IN_PROGRESS", "The following resource(s) failed")
            self.status = "UPDATE_ROLLBACK_COMPLETE"
        else:
            self.serving, self.shadow, self.status = self.wanted, self.wanted_shadow, "UPDATE_COMPLETE"
        self._event(token, "Stack", self.status, "")

    def describe_stack_resources(self, **request: Any) -> dict[str, Any]:
        self._called("cloudformation", "DescribeStackResources", **request)
        arn = f"arn:aws:sagemaker:us-east-1:000000000000:endpoint-config/{_made('config', self.serving)}"
        since = datetime.fromtimestamp(self.endpoint_at, UTC)
        made: list[dict[str, Any]] = [
            {
                "ResourceType": "AWS::SageMaker::Endpoint",
                "PhysicalResourceId": "flights",
                "Timestamp": since,
            },
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

    # What both models answered, an object each; nothing is captured of calls that failed
    def _captured(self, **request: Any) -> Iterator[dict[str, Any]]:
        self._called("s3", "ListObjectsV2", **request)
        variant = request["Prefix"].split("/")[2]
        hour = datetime.fromtimestamp(self.endpoint_at, UTC).strftime("%Y/%m/%d/%H")
        key = f"{request['Prefix']}{hour}/46-40-000-x.jsonl"
        assert request["StartAfter"] < key
        there = self.shadow and variant in ("primary", "shadow")
        modified = datetime.fromtimestamp(self.now, UTC)
        yield {"Contents": [{"Key": key, "LastModified": modified}]} if there else {}

    def get_object(self, **request: Any) -> dict[str, Any]:
        self._called("s3", "GetObject", **request)
        shadow = "/shadow/" in request["Key"]
        answered = self.requests - self.faults if shadow else self.requests
        off = 100 if shadow and _version(self.shadow) in self.misfits else 0
        at = datetime.fromtimestamp(self.endpoint_at, UTC)
        lines = "".join(captured(f"{n}", f"{n + off}", at) for n in range(answered)).encode()
        return {"Body": StreamingBody(io.BytesIO(lines), len(lines))}

    def get_metric_data(self, **request: Any) -> dict[str, Any]:
        self._called("cloudwatch", "GetMetricData", **request)
        dimensions = request["MetricDataQueries"][0]["MetricStat"]["Metric"]["Dimensions"]
        shadow = {"Name": "VariantName", "Value": "shadow"} in dimensions
        values = {
            "Invocations": float(self.requests),
            "Invocation5XXErrors": float(self.faults if shadow else 0),
            "ModelLatency": self.p99 * 1e6 if shadow else 10_000.0,
        }
        return {
            "MetricDataResults": [
                {"Id": query["Id"], "Values": [values[query["MetricStat"]["Metric"]["MetricName"]]]}
                for query in request["MetricDataQueries"]
            ]
        }

    def _in_service(self) -> str:
        if not self.serving:
            raise _refused("ValidationException", 'Could not find endpoint "arn".')
        if self.begun_meanwhile:
            self.begin("somebody", self.begun_meanwhile)
        return self.drifted_to or self.serving

    # Who has approved what
    def get_item(self, **request: Any) -> dict[str, Any]:
        self._called("dynamodb", "GetItem", **request)
        assert (request["TableName"], request["ConsistentRead"]) == ("flights-approvals", True)
        names = self.approvers.get(int(request["Key"]["id"]["S"].removeprefix("version#")))
        if names is None:
            return {}
        listed = [{"M": {"who": {"S": name}, "at": {"N": "1"}}} for name in sorted(names)]
        return {"Item": {"approvers": {"L": listed}}}

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
        if operation == "list_objects_v2":
            return SimpleNamespace(paginate=self._captured)
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
        eyes = Eyes(client, "flights-approvals", self.people) if self.people > 1 else None
        serving = ServingStack(client, "flights-serving")
        registry = Registry(client, "flights", eyes.suffice if eyes else None)
        endpoint = Endpoint(client, "flights", component=self.component)
        return Promotion(serving, registry, endpoint, news, self.trial(), eyes)

    def trial(self) -> Trial | None:
        if self.rules is None:
            return None
        client: Any = self
        return Trial(
            self.rules,
            Captured(client, "captured", "traffic/flights/"),
            Metrics(client, "flights"),
            service="primary",
            shadow="shadow",
            clock=lambda: self.now,
        )

    def look_by_the_clock(self) -> None:
        self.promotion().look_at_shadow()

    def settle(self) -> None:
        """Until there is nothing to do, however long that takes."""
        self.crash_at = -1
        for _ in range(100):
            self.look()
            if self.status.endswith("_IN_PROGRESS"):
                self.finish()
            elif self.shadow:
                self.now += 1_000
            else:
                return
        raise AssertionError("it never comes to rest")

    def status_of(self, version: int) -> str:
        return str(self.packages[version]["ModelApprovalStatus"])


def captured(asked: str, answered: str, at: datetime, kind: str = "text/csv", encoding: str = "CSV") -> str:
    """A line of the data capture."""
    sides = {
        name: {"observedContentType": kind, "mode": name[8:].upper(), "data": data, "encoding": encoding}
        for name, data in (("endpointInput", asked), ("endpointOutput", answered))
    }
    metadata = {"eventId": "1", "inferenceTime": f"{at:%Y-%m-%dT%H:%M:%SZ}"}
    return json.dumps({"captureData": sides, "eventMetadata": metadata, "eventVersion": "0"}) + "\n"


def _version(arn: str) -> int:
    return int(arn.rsplit("/", 1)[1]) if arn else 0


def _refused(code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "UpdateStack")


def _made(kind: str, arn: str) -> str:
    return f"{kind}-{arn.rsplit('/', 1)[-1]}"
