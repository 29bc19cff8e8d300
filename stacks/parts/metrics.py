"""The metrics that alarms and dashboard speak of, by the names of what they measure."""

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch

# One variant, always of this name: SageMaker moves traffic only between variants of the same name.
VARIANT = "primary"


def endpoint(name: str, metric: str, statistic: str) -> cloudwatch.Metric:
    """A metric of an endpoint's variant; latencies are in microseconds.

    https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
    """
    return _minutely("AWS/SageMaker", metric, statistic, {"EndpointName": name, "VariantName": VARIANT})


def messages(queue: str) -> cloudwatch.Metric:
    """The messages that wait in a queue."""
    return _minutely("AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum", {"QueueName": queue})


def rule(name: str) -> cloudwatch.Metric:
    """How often an EventBridge rule matched.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html
    """
    return _minutely("AWS/Events", "TriggeredRules", "Sum", {"RuleName": name})


def _minutely(namespace: str, name: str, statistic: str, dimensions: dict[str, str]) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace=namespace,
        metric_name=name,
        statistic=statistic,
        dimensions_map=dimensions,
        period=cdk.Duration.minutes(1),
    )
