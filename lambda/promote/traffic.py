"""How often the calls of a variant failed, and how long they took, as CloudWatch has counted them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_cloudwatch.type_defs import MetricDataQueryTypeDef

# https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
ASKED = {
    "calls": ("Invocations", "Sum"),
    "faults": ("Invocation5XXErrors", "Sum"),
    "p99": ("ModelLatency", "p99"),
}
LONGEST_PERIOD = 86_400


@dataclass(frozen=True)
class Traffic:
    """The calls of a variant, those that failed with a 5xx, and its p99 latency in milliseconds, if known."""

    calls: int = 0
    faults: int = 0
    p99_ms: float | None = None

    @property
    def fault_rate(self) -> float:
        """The share of the calls that failed."""
        return self.faults / self.calls if self.calls else 0.0


class Metrics:
    """Reads the metrics of one endpoint."""

    def __init__(self, cloudwatch: "CloudWatchClient", endpoint: str) -> None:
        self._cloudwatch, self._endpoint = cloudwatch, endpoint

    def of(self, variant: str, since: float, until: float) -> Traffic:
        """The variant's calls between two epoch seconds.

        https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
        """
        # As few periods as may be; of latencies the worst period counts.
        period = min(LONGEST_PERIOD, 60 * math.ceil(max(60.0, until - since) / 60))
        answer = self._cloudwatch.get_metric_data(
            MetricDataQueries=[self._query(id_, variant, period) for id_ in ASKED],
            StartTime=datetime.fromtimestamp(since, UTC),
            EndTime=datetime.fromtimestamp(until, UTC),
        )
        found: Mapping[str, list[float]] = {
            result["Id"]: list(result.get("Values", [])) for result in answer["MetricDataResults"]
        }
        latencies = found.get("p99", [])
        return Traffic(
            calls=round(sum(found.get("calls", []))),
            faults=round(sum(found.get("faults", []))),
            # It is sent in microseconds.
            p99_ms=max(latencies) / 1_000 if latencies else None,
        )

    def _query(self, id_: str, variant: str, period: int) -> "MetricDataQueryTypeDef":
        name, statistic = ASKED[id_]
        dimensions = {"EndpointName": self._endpoint, "VariantName": variant}
        return {
            "Id": id_,
            "MetricStat": {
                "Metric": {
                    "Namespace": "AWS/SageMaker",
                    "MetricName": name,
                    "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
                },
                "Period": period,
                "Stat": statistic,
            },
        }
