"""The figures of a look in CloudWatch, from which alarms and the dashboard know it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient

NAMESPACE = "Sageloop"


class Figures:
    """Puts the figures of one project."""

    def __init__(self, cloudwatch: "CloudWatchClient", project: str) -> None:
        self._cloudwatch, self._project = cloudwatch, project

    def put(self, figures: Mapping[str, float]) -> None:
        """Put them as of now: an alarm looks at the last minutes, not at the window that they are of.

        https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html
        """
        self._cloudwatch.put_metric_data(
            Namespace=NAMESPACE,
            MetricData=[
                {
                    "MetricName": name,
                    "Dimensions": [{"Name": "Project", "Value": self._project}],
                    "Value": value,
                }
                for name, value in figures.items()
            ],
        )
