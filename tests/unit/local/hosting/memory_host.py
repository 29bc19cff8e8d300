"""S3, CloudWatch and EventBridge in memory, for the tests of hosting."""

import io
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from local.host import AccessDenied, AlarmAction, Credentials, Metric


class MemoryS3:
    """The calls of an S3 client that hosting makes."""

    def __init__(self, objects: dict[str, bytes], refused: Callable[[], bool]) -> None:
        self._objects = objects
        self._refused = refused
        self.puts: list[dict[str, Any]] = []

    def head_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        self._find(Bucket, Key, "HeadObject")
        return {}

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        return {"Body": io.BytesIO(self._find(Bucket, Key, "GetObject"))}

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, **rest: str) -> None:
        if self._refused():
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no s3:PutObject"}}, "PutObject")
        self._objects[f"{Bucket}/{Key}"] = Body
        self.puts.append({"Bucket": Bucket, "Key": Key, **rest})

    def _find(self, bucket: str, key: str, operation: str) -> bytes:
        if f"{bucket}/{key}" not in self._objects:
            raise ClientError({"Error": {"Code": "404", "Message": "Not Found"}}, operation)
        return self._objects[f"{bucket}/{key}"]


class MemoryHost:
    """A Host whose services are lists."""

    account = "000000000000"
    region = "us-east-1"
    endpoint_url = "http://127.0.0.1:4566"

    def __init__(self, state: Path, speed: float) -> None:
        self.state = state
        self.speed = speed
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.metrics: list[Metric] = []
        self.arrivals: list[float] = []
        self.services: dict[str, Any] = {}
        self.alarms: dict[str, str] = {}
        self.alarm_rules: dict[str, Callable[[], bool]] = {}
        self.logs: dict[str, list[str]] = {}
        self.denied: set[str] = set()
        self.objects: dict[str, bytes] = {}
        self.s3 = MemoryS3(self.objects, lambda: "s3:PutObject" in self.denied)

    def emit(
        self, source: str, detail_type: str, detail: Mapping[str, Any], resources: Sequence[str] = ()
    ) -> None:
        self.events.append((detail_type, dict(detail)))

    def put_metrics(self, namespace: str, data: Sequence[Metric]) -> None:
        assert namespace == "AWS/SageMaker"
        self.metrics.extend(data)
        self.arrivals.extend([time.time()] * len(data))

    def metric(
        self,
        namespace: str,
        name: str,
        dimensions: Mapping[str, str],
        statistic: str,
        start: float,
        end: float,
    ) -> float | None:
        found = [
            metric
            for metric, arrival in zip(list(self.metrics), list(self.arrivals), strict=False)
            if metric.name == name and metric.dimensions == dimensions and start <= arrival < end
        ]
        if not found:
            return None
        return (
            max(m.value for m in found) if statistic == "Maximum" else sum(m.value * m.count for m in found)
        )

    def alarm_state(self, name: str) -> str | None:
        if name in self.alarm_rules:
            return "ALARM" if self.alarm_rules[name]() else "OK"
        return self.alarms.get(name)

    def on_alarm(self, prefix: str, listener: Callable[[AlarmAction], None]) -> None:
        """Nothing here calls it."""

    def write_log(self, group: str, stream: str, lines: Sequence[str]) -> None:
        self.logs.setdefault(f"{group}:{stream}", []).extend(lines)

    def credentials(self, role_arn: str, session_name: str) -> Credentials:
        return Credentials("AKIA", "secret", "token")

    def client(
        self,
        service: str,
        role_arn: str | None = None,
        session_name: str = "SageMaker",
        subnets: Sequence[str] = (),
    ) -> Any:
        return self.services.get(service) or {"s3": self.s3}[service]

    def require(
        self, role_arn: str, action: str, resource: str, context: Mapping[str, str] | None = None
    ) -> None:
        if action in self.denied:
            raise AccessDenied(
                f"User: {role_arn} is not authorized to perform: {action} on resource: {resource}"
            )

    def checkpoint(self) -> None:
        """Nothing to wait for."""
