"""What the services of our own need of the cloud that they live in."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol


class AccessDenied(Exception):
    """IAM refused; the text is AWS's own ("User: … is not authorized to perform: … on resource: …")."""


@dataclass(frozen=True)
class Metric:
    """One CloudWatch datum: `value` was seen `count` times at `timestamp` (Unix seconds; None is now)."""

    name: str
    value: float
    unit: str = "None"
    dimensions: Mapping[str, str] = field(default_factory=dict)
    timestamp: float | None = None
    count: float = 1.0


@dataclass(frozen=True)
class Credentials:
    """Temporary credentials of a role."""

    access_key_id: str
    secret_access_key: str
    session_token: str

    def environment(self) -> dict[str, str]:
        """Return the variables by which a process of its own finds these credentials."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
            "AWS_SESSION_TOKEN": self.session_token,
        }


@dataclass(frozen=True)
class AlarmAction:
    """An alarm went into `state`, for which it names `action`; `value` is the newest datapoint, if any."""

    action: str
    alarm: str
    state: str
    value: float | None


class MonitoringHost(Protocol):
    """What Application Auto Scaling needs; every method may be called from any thread and blocks."""

    account: str
    region: str
    speed: float
    state: Path

    def metric(
        self,
        namespace: str,
        name: str,
        dimensions: Mapping[str, str],
        statistic: str,
        start: float,
        end: float,
    ) -> float | None:
        """Return Sum, Average, Minimum, Maximum, SampleCount or pNN over [start, end), None without data."""

    def alarm_state(self, name: str) -> str | None:
        """Return "OK", "ALARM" or "INSUFFICIENT_DATA"; None when there is no such alarm."""

    def on_alarm(self, prefix: str, listener: Callable[[AlarmAction], None]) -> None:
        """Call `listener`, in a thread, for each alarm action whose ARN begins with `prefix`."""

    def client(
        self,
        service: str,
        role_arn: str | None = None,
        session_name: str = "SageMaker",
        subnets: Sequence[str] = (),
    ) -> Any:
        """Return a boto3 client of this cloud with the role's credentials (else the service's own).

        With `subnets` its calls come from inside their VPC, as those of a job with a VpcConfig do.
        """


class Host(MonitoringHost, Protocol):
    """What SageMaker needs beyond that."""

    endpoint_url: str

    def emit(
        self, source: str, detail_type: str, detail: Mapping[str, Any], resources: Sequence[str] = ()
    ) -> None:
        """Put an AWS event (say source "aws.sagemaker") on the default event bus."""

    def put_metrics(self, namespace: str, data: Sequence[Metric]) -> None:
        """Record metrics, as CloudWatch's PutMetricData does."""

    def write_log(self, group: str, stream: str, lines: Sequence[str]) -> None:
        """Append lines to a CloudWatch log stream; makes group and stream where they are missing."""

    def credentials(self, role_arn: str, session_name: str) -> Credentials:
        """Assume the role for SageMaker; AccessDenied if it is missing or does not trust SageMaker."""

    def require(
        self, role_arn: str, action: str, resource: str, context: Mapping[str, str] | None = None
    ) -> None:
        """Raise AccessDenied unless the role's policies allow the action, with these condition keys."""

    def checkpoint(self) -> None:
        """Return when everything that the cloud acknowledged so far is on disk and survives kill -9."""
