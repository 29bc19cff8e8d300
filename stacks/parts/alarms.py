"""Alarms that tell a topic."""

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns
from constructs import Construct


def alarm(
    scope: Construct,
    id_: str,
    *,
    name: str,
    description: str,
    metric: cloudwatch.IMetric,
    above: float,
    periods: int = 1,
    topic: sns.ITopic,
    until_the_next: bool = False,
) -> cloudwatch.Alarm:
    """An alarm that fires when the metric was above a limit for some periods; no data is no alarm.

    Of a metric that comes rarely the last figure holds `until_the_next`, and no data changes nothing.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
    """
    missing = cloudwatch.TreatMissingData
    made = cloudwatch.Alarm(
        scope,
        id_,
        alarm_name=name,
        alarm_description=description,
        metric=metric,
        threshold=above,
        comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
        evaluation_periods=periods,
        treat_missing_data=missing.IGNORE if until_the_next else missing.NOT_BREACHING,
    )
    made.add_alarm_action(actions.SnsAction(topic))
    return made
