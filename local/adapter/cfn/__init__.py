"""CloudFormation resource types that ministack lacks, and the properties that it drops."""

from collections.abc import Mapping

from local.adapter.cfn import (
    alarms,
    autoscaling,
    buckets,
    functions,
    inference_components,
    log_groups,
    network,
    sagemaker,
    topics,
)
from local.adapter.cfn.types import install
from local.adapter.host import MinistackHost
from local.adapter.routing import Service


def register(host: MinistackHost, services: Mapping[str, Service]) -> None:
    """Teach CloudFormation our types."""
    install(sagemaker.types(services["sagemaker"]))
    install(inference_components.types(services["sagemaker"]))
    install(autoscaling.types(services["application-autoscaling"]))
    install(alarms.types(host))
    install(network.types(host))
    buckets.complete(host)
    functions.complete()
    log_groups.complete()
    topics.complete()
