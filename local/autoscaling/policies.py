"""Scaling policies, and the alarms that target tracking makes for itself."""

import uuid
from typing import Any, NamedTuple

from local.autoscaling.resources import PERIOD, resource
from local.autoscaling.state import State, key, matches, missing
from local.errors import ValidationException
from local.sagemaker.context import now
from local.sagemaker.operations import Answer, Params
from local.sagemaker.pagination import page
from local.sagemaker.store import Record

HIGH_PERIODS, LOW_PERIODS = 3, 15
LOW_SHARE = 0.9
"""Datapoints above the target to scale out, and below 90 % of it to scale in.

So the alarms that AWS makes read; its guide says only "more than 10% lower"
(docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html).
"""
_ALARM_NOTE = "DO NOT EDIT OR DELETE. For TargetTrackingScaling policy"


class Tracked(NamedTuple):
    """The metric of a policy; `period` is that of the alarm which scales out, in seconds."""

    namespace: str
    name: str
    dimensions: dict[str, str]
    statistic: str
    period: int


class Policies:
    """PutScalingPolicy, DescribeScalingPolicies and DeleteScalingPolicy."""

    def __init__(self, state: State) -> None:
        self._state = state

    def put(self, params: Params) -> Answer:
        """Make or change a policy; one of target tracking gets its two alarms."""
        target_key = key(params)
        self._state.target(target_key)
        name = _name(target_key, params["PolicyName"])
        before = self._state.store.get("policy", name)
        policy = self._policy(params, before, target_key)
        if before:
            self._delete_alarms(before)
        if policy["PolicyType"] == "TargetTrackingScaling":
            policy["Alarms"] = self._make_alarms(policy)
        self._state.store.put("policy", name, policy)
        return {"PolicyARN": policy["PolicyARN"], "Alarms": policy["Alarms"]}

    def describe(self, params: Params) -> Answer:
        """Page through the policies."""
        names = params.get("PolicyNames")
        found = [p for p in self.all() if matches(p, params) and (not names or p["PolicyName"] in names)]
        policies, token = page(found, params)
        return {"ScalingPolicies": policies, "NextToken": token}

    def delete(self, params: Params) -> Answer:
        """Delete a policy and its own alarms."""
        name = _name(key(params), params["PolicyName"])
        policy = self._state.store.get("policy", name)
        if policy is None:
            raise missing(f"No scaling policy found for {params['ResourceId']}: {params['PolicyName']}")
        self._state.store.delete("policy", name)
        self._delete_alarms(policy)
        return {}

    def all(self) -> list[Record]:
        """Every policy."""
        return self._state.store.list("policy")

    def remember_alarm(self, policy: Record, alarm: str) -> None:
        """Note that an alarm names a step policy as its action."""
        if any(one["AlarmName"] == alarm for one in policy["Alarms"]):
            return
        arn = f"arn:aws:cloudwatch:{self._state.host.region}:{self._state.host.account}:alarm:{alarm}"
        alarms = [*policy["Alarms"], {"AlarmName": alarm, "AlarmARN": arn}]
        self._state.store.update("policy", _name(policy["_Key"], policy["PolicyName"]), Alarms=alarms)

    def _policy(self, params: Params, before: Record | None, target_key: str) -> Record:
        kind = params.get("PolicyType") or (before or {}).get("PolicyType", "StepScaling")
        member = f"{kind}PolicyConfiguration"
        configuration = params.get(member) or (before or {}).get(member)
        if kind not in ("StepScaling", "TargetTrackingScaling"):
            raise ValidationException(f"The embedded AWS has no policies of type {kind}.")
        if configuration is None:
            raise ValidationException(f"A policy of type {kind} needs {member}.")
        if kind == "TargetTrackingScaling":
            metric(params["ResourceId"], configuration)
            if configuration["TargetValue"] <= 0:
                raise ValidationException("TargetValue must be greater than 0.")
        elif not configuration.get("StepAdjustments") or "AdjustmentType" not in configuration:
            raise ValidationException("A step scaling policy needs AdjustmentType and StepAdjustments.")
        host = self._state.host
        arn = (
            f"arn:aws:autoscaling:{host.region}:{host.account}:scalingPolicy:{uuid.uuid4()}:resource/sagemaker/"
            f"{params['ResourceId']}:policyName/{params['PolicyName']}"
        )
        return {
            "PolicyARN": arn,
            "CreationTime": now(),
            "Alarms": [],
            **(before or {}),
            **params,
            "PolicyType": kind,
            member: configuration,
            "_Key": target_key,
        }

    def _make_alarms(self, policy: Record) -> list[dict[str, str]]:
        configuration = policy["TargetTrackingScalingPolicyConfiguration"]
        target = configuration["TargetValue"]
        watched = metric(policy["ResourceId"], configuration)
        wanted = [("AlarmHigh", "GreaterThanThreshold", target, HIGH_PERIODS, watched.period)]
        if not configuration.get("DisableScaleIn"):
            # Metrics of high resolution speed up the way out alone.
            wanted.append(("AlarmLow", "LessThanThreshold", target * LOW_SHARE, LOW_PERIODS, PERIOD))
        host, cloudwatch, made = self._state.host, self._state.client("cloudwatch"), []
        for suffix, comparison, threshold, periods, period in wanted:
            alarm = f"TargetTracking-{policy['ResourceId']}-{suffix}-{uuid.uuid4()}"
            cloudwatch.put_metric_alarm(
                AlarmName=alarm,
                AlarmDescription=f"{_ALARM_NOTE} {policy['PolicyARN']}.",
                Namespace=watched.namespace,
                MetricName=watched.name,
                Dimensions=[{"Name": one, "Value": value} for one, value in watched.dimensions.items()],
                Statistic=watched.statistic,
                Period=period,
                EvaluationPeriods=periods,
                Threshold=threshold,
                ComparisonOperator=comparison,
                AlarmActions=[policy["PolicyARN"]],
            )
            arn = f"arn:aws:cloudwatch:{host.region}:{host.account}:alarm:{alarm}"
            made.append({"AlarmName": alarm, "AlarmARN": arn})
        return made

    def _delete_alarms(self, policy: Record) -> None:
        own = [one["AlarmName"] for one in policy["Alarms"] if one["AlarmName"].startswith("TargetTracking-")]
        if own:
            self._state.client("cloudwatch").delete_alarms(AlarmNames=own)


def metric(resource_id: str, configuration: dict[str, Any]) -> Tracked:
    """The metric that a target tracking policy watches."""
    if predefined := configuration.get("PredefinedMetricSpecification"):
        kind, scaled = predefined["PredefinedMetricType"], resource(resource_id)
        if kind not in scaled.metrics:
            raise ValidationException(
                f"The embedded AWS tracks {', '.join(scaled.metrics)} and customized metrics of "
                f"{resource_id}, not {kind}."
            )
        name, statistic, period = scaled.metrics[kind]
        return Tracked("AWS/SageMaker", name, scaled.dimensions, statistic, period)
    custom = configuration.get("CustomizedMetricSpecification", {})
    if not {"MetricName", "Namespace", "Statistic"} <= set(custom):
        raise ValidationException(
            "A target tracking policy needs PredefinedMetricSpecification, or CustomizedMetricSpecification "
            "with MetricName, Namespace and Statistic (the embedded AWS has no metric math)."
        )
    dimensions = {one["Name"]: one["Value"] for one in custom.get("Dimensions", [])}
    return Tracked(custom["Namespace"], custom["MetricName"], dimensions, custom["Statistic"], PERIOD)


def _name(target_key: str, policy: str) -> str:
    return f"{target_key}|{policy}"
