"""How many instances serve: targets and policies of Application Auto Scaling.

https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling.html
"""

from dataclasses import dataclass, field

import aws_cdk as cdk
from aws_cdk import aws_applicationautoscaling as autoscaling
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from declaration import Async, Capacity, Endpoint
from declaration.capacity import SCALE_IN_COOLDOWN, SCALE_OUT_COOLDOWN
from declaration.hours import Hours
from stacks.parts.approved import Approved
from stacks.parts.metrics import VARIANT

_Policy = autoscaling.CfnScalingPolicy
_Action = autoscaling.CfnScalableTarget.ScheduledActionProperty
# The metrics that SageMaker divides by instances, or by the copies of an inference component, of which each
# has an instance of its own. The second pair is there every 10 seconds, and sees what one call costs.
_TRACKED = {
    ("calls", False): "SageMakerVariantInvocationsPerInstance",
    ("concurrency", False): "SageMakerVariantConcurrentRequestsPerModelHighResolution",
    ("calls", True): "SageMakerInferenceComponentInvocationsPerCopy",
    ("concurrency", True): "SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution",
}


@dataclass(frozen=True)
class Scaling:
    """Scales what one endpoint has, once there is `after`."""

    scope: Construct
    name: str
    approved: Approved
    after: cdk.CfnResource
    component: bool = field(default=False, kw_only=True)

    def by_load(self, declared: Endpoint, capacity: Capacity) -> None:
        """With the calls, or with the calls at once; in busy hours not below what they need."""
        target = self._target(capacity.minimum, capacity.maximum, _raised(capacity, declared.busy_hours))
        tracked = capacity.target if declared.scale_on == "calls" else capacity.concurrency
        self._policy(
            "ScalingPolicy",
            target,
            name={"calls": "calls-per-instance", "concurrency": "concurrency"}[declared.scale_on],
            tracking=_Policy.TargetTrackingScalingPolicyConfigurationProperty(
                target_value=tracked or 0,
                predefined_metric_specification=_Policy.PredefinedMetricSpecificationProperty(
                    predefined_metric_type=_TRACKED[declared.scale_on, self.component]
                ),
                scale_out_cooldown=SCALE_OUT_COOLDOWN,
                scale_in_cooldown=SCALE_IN_COOLDOWN,
            ),
        )
        if not capacity.minimum:
            # One refused call is a sign, and it starts as many as are wanted while there is load.
            # https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-zero-instances.html
            self._wake(
                target,
                metric="NoCapacityInvocationFailures",
                dimension=("InferenceComponentName", self.name),
                statistic="Sum",
                periods=1,
                instances=capacity.woken,
                cooldown=SCALE_OUT_COOLDOWN,
            )

    def by_backlog(self, declared: Async) -> None:
        """With the calls that wait for each instance, of which there is no predefined metric.

        At zero instances, fewer calls than the target would wait for ever, so any call at all starts one.
        https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-autoscale.html
        """
        target = self._target(declared.min_instances, declared.maximum, ())
        self._policy(
            "ScalingPolicy",
            target,
            name="backlog-per-instance",
            tracking=_Policy.TargetTrackingScalingPolicyConfigurationProperty(
                target_value=declared.backlog,
                customized_metric_specification=_Policy.CustomizedMetricSpecificationProperty(
                    metric_name="ApproximateBacklogSizePerInstance",
                    namespace="AWS/SageMaker",
                    dimensions=[_Policy.MetricDimensionProperty(name="EndpointName", value=self.name)],
                    statistic="Average",
                ),
                scale_out_cooldown=SCALE_OUT_COOLDOWN,
                scale_in_cooldown=SCALE_IN_COOLDOWN,
            ),
        )
        if not declared.min_instances:
            self._wake(
                target,
                metric="HasBacklogWithoutCapacity",
                dimension=("EndpointName", self.name),
                statistic="Average",
                periods=2,
                instances=1,
                cooldown=SCALE_IN_COOLDOWN,
            )

    def _target(
        self, minimum: int, maximum: int, scheduled: tuple[_Action, ...]
    ) -> autoscaling.CfnScalableTarget:
        resource, dimension = f"endpoint/{self.name}/variant/{VARIANT}", "variant:DesiredInstanceCount"
        if self.component:
            resource, dimension = f"inference-component/{self.name}", "inference-component:DesiredCopyCount"
        # The L2 target would make a role; SageMaker endpoints scale under a service-linked one.
        target = self.approved.only(
            autoscaling.CfnScalableTarget(
                self.scope,
                "Scaling",
                service_namespace="sagemaker",
                resource_id=resource,
                scalable_dimension=f"sagemaker:{dimension}",
                min_capacity=minimum,
                max_capacity=maximum,
                scheduled_actions=[*scheduled] or None,
            )
        )
        target.add_resource_dependency(self.after)
        return target

    def _policy(
        self,
        id_: str,
        target: autoscaling.CfnScalableTarget,
        *,
        name: str,
        tracking: _Policy.TargetTrackingScalingPolicyConfigurationProperty | None = None,
        step: _Policy.StepScalingPolicyConfigurationProperty | None = None,
    ) -> autoscaling.CfnScalingPolicy:
        return self.approved.only(
            autoscaling.CfnScalingPolicy(
                self.scope,
                id_,
                policy_name=f"{self.name}-{name}",
                policy_type="TargetTrackingScaling" if tracking else "StepScaling",
                scaling_target_id=target.ref,
                target_tracking_scaling_policy_configuration=tracking,
                step_scaling_policy_configuration=step,
            )
        )

    def _wake(
        self,
        target: autoscaling.CfnScalableTarget,
        *,
        metric: str,
        dimension: tuple[str, str],
        statistic: str,
        periods: int,
        instances: int,
        cooldown: int,
    ) -> None:
        """Where target tracking cannot: a step leads out of zero instances."""
        policy = self._policy(
            "WakePolicy",
            target,
            name="wake",
            step=_Policy.StepScalingPolicyConfigurationProperty(
                adjustment_type="ChangeInCapacity",
                metric_aggregation_type="Maximum",
                cooldown=cooldown,
                step_adjustments=[
                    _Policy.StepAdjustmentProperty(
                        metric_interval_lower_bound=0, scaling_adjustment=instances
                    )
                ],
            ),
        )
        self.approved.only(
            cloudwatch.CfnAlarm(
                self.scope,
                "Wake",
                alarm_name=f"{self.name}-wake",
                alarm_description=f"{self.name} is called and has no instance: this starts {instances}",
                namespace="AWS/SageMaker",
                metric_name=metric,
                dimensions=[cloudwatch.CfnAlarm.DimensionProperty(name=dimension[0], value=dimension[1])],
                statistic=statistic,
                period=60,
                evaluation_periods=periods,
                datapoints_to_alarm=periods,
                threshold=1,
                comparison_operator="GreaterThanOrEqualToThreshold",
                treat_missing_data="missing",
                alarm_actions=[policy.ref],
            )
        )


def _raised(capacity: Capacity, busy: Hours | None) -> tuple[_Action, ...]:
    """The floor goes up before the busy hours, and back when they are over."""
    if busy is None or capacity.busy is None or capacity.busy <= capacity.minimum:
        return ()
    return tuple(
        _Action(
            scheduled_action_name=name,
            schedule=schedule,
            timezone=busy.timezone,
            scalable_target_action=autoscaling.CfnScalableTarget.ScalableTargetActionProperty(
                min_capacity=floor, max_capacity=capacity.maximum
            ),
        )
        for name, schedule, floor in (
            ("busy", busy.begin_expression, capacity.busy),
            ("quiet", busy.end_expression, capacity.minimum),
        )
    )
