"""How traffic moves to a new model, in SageMaker's words.

https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails.html
"""

from collections.abc import Sequence

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sagemaker as sagemaker

from declaration import AllAtOnce, Canary, Linear, Rolling, Shadow

# An invocation takes 60 s at most, so nothing is under way any more when the old fleet goes.
LONGEST_CALL = 60

_Routing = sagemaker.CfnEndpoint.TrafficRoutingConfigProperty


def deployment(
    rollout: Canary | Linear | AllAtOnce | Rolling | Shadow, guards: Sequence[cloudwatch.Alarm]
) -> sagemaker.CfnEndpoint.DeploymentConfigProperty:
    """Blue/green or in batches, taken back as soon as one of the alarms fires.

    A model begins and ends as a shadow all at once: no traffic moves. Nor does it in batches, which an
    endpoint of more than one variant cannot have:
    https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-exclusions.html
    """
    if isinstance(rollout, Shadow):
        rollout = AllAtOnce()
    taken_back = sagemaker.CfnEndpoint.AutoRollbackConfigProperty(
        alarms=[sagemaker.CfnEndpoint.AlarmProperty(alarm_name=guard.alarm_name) for guard in guards]
    )
    if isinstance(rollout, Rolling):
        return sagemaker.CfnEndpoint.DeploymentConfigProperty(
            auto_rollback_configuration=taken_back,
            # Without a size for rollbacks, all of the old fleet comes back at once.
            rolling_update_policy=sagemaker.CfnEndpoint.RollingUpdatePolicyProperty(
                maximum_batch_size=_share(rollout.percent),
                wait_interval_in_seconds=rollout.wait_seconds,
            ),
        )
    return sagemaker.CfnEndpoint.DeploymentConfigProperty(
        auto_rollback_configuration=taken_back,
        blue_green_update_policy=sagemaker.CfnEndpoint.BlueGreenUpdatePolicyProperty(
            traffic_routing_configuration=_routing(rollout),
            termination_wait_in_seconds=max(
                LONGEST_CALL, rollout.wait_seconds if isinstance(rollout, AllAtOnce) else 0
            ),
        ),
    )


def component_deployment(
    rollout: Rolling, guards: Sequence[cloudwatch.Alarm]
) -> sagemaker.CfnInferenceComponent.InferenceComponentDeploymentConfigProperty:
    """The copies of an inference component in batches, taken back as soon as one of the alarms fires.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_InferenceComponentDeploymentConfig.html
    """
    component = sagemaker.CfnInferenceComponent
    return component.InferenceComponentDeploymentConfigProperty(
        auto_rollback_configuration=component.AutoRollbackConfigurationProperty(
            alarms=[component.AlarmProperty(alarm_name=guard.alarm_name) for guard in guards]
        ),
        rolling_update_policy=component.InferenceComponentRollingUpdatePolicyProperty(
            maximum_batch_size=component.InferenceComponentCapacitySizeProperty(
                type="CAPACITY_PERCENT", value=rollout.percent
            ),
            wait_interval_in_seconds=rollout.wait_seconds,
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
