"""How often the endpoint was asked, as CloudWatch has counted it: the job has no network to find out."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient

# https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
ASKED = {"calls": "Invocations", "refused": "Invocation4XXErrors", "faults": "Invocation5XXErrors"}
# Figures of single minutes are gone after 15 days, those of whole hours are not:
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
LONGEST_PERIOD = 86_400


@dataclass(frozen=True)
class Counts:
    """All calls, those that were refused (4xx), and those that failed (5xx)."""

    calls: int = 0
    refused: int = 0
    faults: int = 0


class Calls:
    """Reads the metrics of one variant of an endpoint."""

    def __init__(self, cloudwatch: "CloudWatchClient", endpoint: str, variant: str) -> None:
        self._cloudwatch = cloudwatch
        self._dimensions = {"EndpointName": endpoint, "VariantName": variant}

    def between(self, start: int, end: int) -> Counts:
        """The calls between two epoch seconds."""
        period = min(LONGEST_PERIOD, 60 * math.ceil(max(60, end - start) / 60))
        answer = self._cloudwatch.get_metric_data(
            MetricDataQueries=[
                {
                    "Id": id_,
                    "MetricStat": {
                        "Metric": {
                            "Namespace": "AWS/SageMaker",
                            "MetricName": name,
                            "Dimensions": [
                                {"Name": key, "Value": value} for key, value in self._dimensions.items()
                            ],
                        },
                        "Period": period,
                        "Stat": "Sum",
                    },
                }
                for id_, name in ASKED.items()
            ],
            StartTime=datetime.fromtimestamp(start, UTC),
            EndTime=datetime.fromtimestamp(end, UTC),
        )
        sums = {found["Id"]: round(sum(found.get("Values", []))) for found in answer["MetricDataResults"]}
        return Counts(**{id_: sums.get(id_, 0) for id_ in ASKED})
