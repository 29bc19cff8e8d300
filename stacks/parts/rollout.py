"""How traffic moves to a new model, in SageMaker's words.

https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-blue-green.html
"""

from collections.abc import Sequence

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sagemaker as sagemaker

from declaration import AllAtOnce, Canary, Linear

# An invocation takes 60 s at most, so nothing is under way any more when the old fleet goes.
LONGEST_CALL = 60

_Routing = sagemaker.CfnEndpoint.TrafficRoutingConfigProperty


def deployment(
    rollout: Canary | Linear | AllAtOnce, guards: Sequence[cloudwatch.Alarm]
) -> sagemaker.CfnEndpoint.DeploymentConfigProperty:
    """Blue/green, taken back as soon as one of the alarms fires."""
    return sagemaker.CfnEndpoint.DeploymentConfigProperty(
        auto_rollback_configuration=sagemaker.CfnEndpoint.AutoRollbackConfigProperty(
            alarms=[sagemaker.CfnEndpoint.AlarmProperty(alarm_name=guard.alarm_name) for guard in guards]
        ),
        blue_green_update_policy=sagemaker.CfnEndpoint.BlueGreenUpdatePolicyProperty(
            traffic_routing_configuration=_routing(rollout),
            termination_wait_in_seconds=max(
                LONGEST_CALL, rollout.wait_seconds if isinstance(rollout, AllAtOnce) else 0
            ),
        ),
    )


def _routing(rollout: Canary | Linear | AllAtOnce) -> _Routing:
    match rollout:
        case Canary():
            return _Routing(
                type="CANARY",
                canary_size=_share(rollout.percent),
                wait_interval_in_seconds=rollout.wait_seconds,
            )
        case Linear():
            return _Routing(
                type="LINEAR",
                linear_step_size=_share(rollout.percent),
                wait_interval_in_seconds=rollout.wait_seconds,
            )
        case AllAtOnce():
            return _Routing(type="ALL_AT_ONCE", wait_interval_in_seconds=0)


def _share(percent: int) -> sagemaker.CfnEndpoint.CapacitySizeProperty:
    return sagemaker.CfnEndpoint.CapacitySizeProperty(type="CAPACITY_PERCENT", value=percent)
