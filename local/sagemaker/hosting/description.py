"""An endpoint as DescribeEndpoint and the events show it."""

import re
from typing import Any

from local.sagemaker import events
from local.sagemaker.hosting.fleet import Fleet
from local.sagemaker.hosting.live import LiveEndpoint
from local.sagemaker.hosting.placement import HostPools
from local.sagemaker.hosting.plan import AsyncPlan, FleetPlan, VariantPlan
from local.sagemaker.store import Record


def describe(record: Record, live: LiveEndpoint | None, pools: HostPools) -> dict[str, Any]:
    """The answer of DescribeEndpoint."""
    answer = dict(record)
    if "_Fleet" in record:
        plan = FleetPlan.from_record(record["_Fleet"])
        blue = live.blue if live else None
        answer["ProductionVariants"] = [_variant(variant, blue, record, pools) for variant in plan.variants]
        if plan.capture:
            answer["DataCaptureConfig"] = {
                "EnableCapture": True,
                "CaptureStatus": "Started",
                "CurrentSamplingPercentage": plan.capture.percent,
                "DestinationS3Uri": plan.capture.destination,
                "KmsKeyId": plan.capture.kms_key or "",
            }
        if plan.shadows:
            answer["ShadowProductionVariants"] = [
                _variant(shadow, blue, record, pools) for shadow in plan.shadows
            ]
        if plan.asynchronous:
            answer["AsyncInferenceConfig"] = _asynchronous(plan.asynchronous)
    if "_Next" in record:
        answer["PendingDeploymentSummary"] = _pending(record, live, pools)
    return answer


def event(
    record: Record, live: LiveEndpoint | None, pools: HostPools, tags: dict[str, str]
) -> dict[str, Any]:
    """The detail of an endpoint event; its status reads IN_SERVICE, not InService."""
    detail = events.detail("DescribeEndpoint", describe(record, live, pools), events.milliseconds)
    status = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", record["EndpointStatus"]).upper()
    return {**detail, "EndpointStatus": status, "Tags": tags}


def _asynchronous(plan: AsyncPlan) -> dict[str, Any]:
    notices = {
        "SuccessTopic": plan.success_topic,
        "ErrorTopic": plan.error_topic,
        "IncludeInferenceResponseIn": list(plan.response_in) or None,
    }
    output = {
        "S3OutputPath": plan.output,
        "S3FailurePath": plan.failure,
        "KmsKeyId": plan.kms_key,
        "NotificationConfig": notices if any(notices.values()) else None,
    }
    return {
        "ClientConfig": {"MaxConcurrentInvocationsPerInstance": plan.concurrency},
        "OutputConfig": output,
    }


def _hosts(variant: VariantPlan, count: int) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "VariantName": variant.name,
        "CurrentWeight": variant.weight,
        "DesiredWeight": variant.weight,
        "CurrentInstanceCount": count,
        "DesiredInstanceCount": count,
    }
    if variant.hosts and variant.hosts.managed:
        shown["ManagedInstanceScaling"] = {
            "Status": "ENABLED",
            "MinInstanceCount": variant.hosts.minimum,
            "MaxInstanceCount": variant.hosts.maximum,
        }
    return shown


def _pending(record: Record, live: LiveEndpoint | None, pools: HostPools) -> dict[str, Any]:
    plan = FleetPlan.from_record(record["_Next"]["plan"])
    green = live.green if live else None
    variants = [_variant(variant, green, record, pools) for variant in plan.variants]
    if live and live.progress:
        status = {
            "Status": live.progress.status,
            "StatusMessage": live.progress.message,
            "StartTime": live.progress.start,
        }
        variants = [{**variant, "VariantStatus": [status]} for variant in variants]
    return {
        "EndpointConfigName": plan.config,
        "ProductionVariants": variants,
        "StartTime": record["LastModifiedTime"],
    }


def _variant(variant: VariantPlan, fleet: Fleet | None, record: Record, pools: HostPools) -> dict[str, Any]:
    if variant.hosts:
        return _hosts(variant, pools.count(record["EndpointName"], variant.name))
    image = {
        "SpecifiedImage": variant.image,
        "ResolvedImage": variant.image,
        "ResolutionTime": record["LastModifiedTime"],
    }
    shown: dict[str, Any] = {
        "VariantName": variant.name,
        "DeployedImages": [image],
        "CurrentWeight": variant.weight,
        "DesiredWeight": variant.weight,
    }
    if variant.concurrency:
        serverless = {"MemorySizeInMB": variant.memory_mb, "MaxConcurrency": variant.concurrency}
        serverless |= {"ProvisionedConcurrency": variant.warm} if variant.warm else {}
        return {**shown, "CurrentServerlessConfig": serverless, "DesiredServerlessConfig": serverless}
    count = len(fleet.instances(variant.name)) if fleet else 0
    return {**shown, "CurrentInstanceCount": count, "DesiredInstanceCount": variant.count}
