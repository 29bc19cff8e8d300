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
) -> cloudwatch.Alarm:
    """An alarm that fires when the metric was above a limit for some periods; no data is no alarm."""
    made = cloudwatch.Alarm(
        scope,
        id_,
        alarm_name=name,
        alarm_description=description,
        metric=metric,
        threshold=above,
        comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
        evaluation_periods=periods,
        treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
    )
    made.add_alarm_action(actions.SnsAction(topic))
    return made
