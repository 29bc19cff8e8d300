"""What takes a rollout back, and tells people at any other time."""

from collections.abc import Sequence

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sns as sns
from constructs import Construct

from declaration import Async, Endpoint, Serverless
from stacks.parts import metrics
from stacks.parts.alarms import alarm

FAULTS_ALLOWED = 0.01
# Where no other latency is declared; in milliseconds.
LATENCY_ALLOWED = 1_000


def guards(
    scope: Construct, name: str, declared: Endpoint | Serverless | Async, topic: sns.ITopic
) -> list[cloudwatch.Alarm]:
    """Alarms on faults, latency and silence; faults of the client (4xx) are none of the model's.

    What waits in a queue has no API in front that could see its silence, but a longest time to wait.
    """
    component = isinstance(declared, Endpoint) and declared.scale_to_zero
    made = [_faults(scope, name, topic, component=component)]
    if isinstance(declared, Async):
        return [*made, _age(scope, name, declared, topic)]
    limit = declared.p99_ms if isinstance(declared, Endpoint) else None
    return [*made, _latency(scope, name, limit, topic, component=component), _silence(scope, name, topic)]


def guard_names(name: str, declared: Endpoint | Async) -> Sequence[str]:
    """The names of the alarms, which the role of the model has to know before there are any."""
    last = ["age"] if isinstance(declared, Async) else ["latency", "silent"]
    return [f"{name}-{suffix}" for suffix in ("5xx", *last)]


def _faults(scope: Construct, name: str, topic: sns.ITopic, *, component: bool) -> cloudwatch.Alarm:
    return alarm(
        scope,
        "Faults",
        name=f"{name}-5xx",
        description=f"More than {FAULTS_ALLOWED:.0%} of the calls of {name} failed with a 5xx",
        # SageMaker sends 1 for a call that failed and 0 for one that did not: the average is the rate.
        metric=metrics.endpoint(name, "Invocation5XXErrors", "Average", component=component),
        above=FAULTS_ALLOWED,
        topic=topic,
    )


def _latency(
    scope: Construct, name: str, limit: int | None, topic: sns.ITopic, *, component: bool
) -> cloudwatch.Alarm:
    allowed = limit or LATENCY_ALLOWED
    longer = f"{limit:,} ms" if limit else "1 s"
    return alarm(
        scope,
        "Latency",
        name=f"{name}-latency",
        description=f"1% of the calls of {name} took the model longer than {longer}, for three minutes",
        # It is sent in microseconds.
        metric=metrics.endpoint(name, "ModelLatency", "p99", component=component),
        above=allowed * 1_000,
        periods=3,
        topic=topic,
    )


def _silence(scope: Construct, name: str, topic: sns.ITopic) -> cloudwatch.Alarm:
    """Calls come through the API, and none of those that are right gets an answer.

    An endpoint that is gone or hangs sends no metric of its own; the API in front counts what it lets
    through. Without calls there is nothing to answer, so that no night is an alarm.
    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-metrics-and-dimensions.html
    """
    count = {
        id_: metrics.api(name, metric)
        for id_, metric in (("calls", "Count"), ("refused", "4XXError"), ("failed", "5XXError"))
    }
    accepted = "FILL(calls, 0) - FILL(refused, 0)"
    silent = cloudwatch.MathExpression(
        expression=f"IF({accepted} > 0, IF({accepted} - FILL(failed, 0) > 0, 0, 1), 0)",
        using_metrics=count,
        label="Calls without any answer",
        period=metrics.MINUTE,
    )
    return alarm(
        scope,
        "Silence",
        name=f"{name}-silent",
        description=f"No call of {name} got an answer, for three minutes in which there were calls",
        metric=silent,
        above=0,
        periods=3,
        topic=topic,
    )


def _age(scope: Construct, name: str, declared: Async, topic: sns.ITopic) -> cloudwatch.Alarm:
    """https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-monitor.html"""
    return alarm(
        scope,
        "Age",
        name=f"{name}-age",
        description=f"A call of {name} has waited longer than {declared.wait_seconds:,} s",
        metric=metrics.queue_of(name, "ApproximateAgeOfOldestRequest", "Maximum"),
        above=declared.wait_seconds,
        periods=3,
        topic=topic,
    )
