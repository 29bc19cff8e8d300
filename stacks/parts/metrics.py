"""The metrics that alarms and dashboard speak of, by the names of what they measure."""

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch

# One variant, always of this name: SageMaker moves traffic only between variants of the same name.
VARIANT = "primary"
# That of a model which only hears what this one is asked.
SHADOW_VARIANT = "shadow"
# Of the figures that our own functions send, with the dimension Project.
NAMESPACE = "Sageloop"
MINUTE = cdk.Duration.minutes(1)


def endpoint(name: str, metric: str, statistic: str, *, component: bool = False) -> cloudwatch.Metric:
    """A metric of an endpoint's variant, or of its inference component; latencies are in microseconds.

    https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
    """
    of_variant = {"EndpointName": name, "VariantName": VARIANT}
    dimensions = {"InferenceComponentName": name} if component else of_variant
    return _minutely("AWS/SageMaker", metric, statistic, dimensions)


def queue_of(name: str, metric: str, statistic: str) -> cloudwatch.Metric:
    """A metric of the queue of an asynchronous endpoint; ages are in seconds."""
    return _minutely("AWS/SageMaker", metric, statistic, {"EndpointName": name})


def api(name: str, metric: str) -> cloudwatch.Metric:
    """How many calls of a REST API there were, or which ended so."""
    return _minutely("AWS/ApiGateway", metric, "Sum", {"ApiName": name})


def pipeline(name: str, metric: str) -> cloudwatch.Metric:
    """How many executions of a pipeline there were that ended so.

    https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html#cloudwatch-metrics-pipelines
    """
    return _minutely("AWS/Sagemaker/ModelBuildingPipeline", metric, "Sum", {"PipelineName": name})


def messages(queue: str) -> cloudwatch.Metric:
    """The messages that wait in a queue."""
    return _minutely("AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum", {"QueueName": queue})


def of_project(project: str, name: str) -> cloudwatch.Metric:
    """A figure that our own functions send of a project; the largest of a minute."""
    return _minutely(NAMESPACE, name, "Maximum", {"Project": project})


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
        period=MINUTE,
    )
