"""What an endpoint configuration says: who answers, who only hears, what waits, and what is kept of it."""

import math
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk import aws_sns as sns

from declaration import Async, Capacity, Endpoint, Serverless, Shadow
from stacks.parts.approved import Approved
from stacks.parts.metrics import SHADOW_VARIANT, VARIANT

_Config = sagemaker.CfnEndpointConfig
_LEAST_OUTSTANDING = "LEAST_OUTSTANDING_REQUESTS"


@dataclass(frozen=True)
class Queue:
    """Where the answers and failures of calls that wait are put, and who is told of them."""

    answers_uri: str
    failures_uri: str
    topic: sns.ITopic


def on_fleet(
    model: sagemaker.CfnModel, declared: Endpoint | Async, instances: int
) -> _Config.ProductionVariantProperty:
    """A model with a fleet of its own, which begins with so many instances."""
    return _Config.ProductionVariantProperty(
        variant_name=VARIANT,
        model_name=model.attr_model_name,
        initial_variant_weight=1,
        initial_instance_count=instances,
        instance_type=declared.instance,
        # What waits in a queue goes to the instance that asks for it.
        routing_config=_least_outstanding() if isinstance(declared, Endpoint) else None,
    )


def for_components(declared: Endpoint, capacity: Capacity) -> _Config.ProductionVariantProperty:
    """Instances that come and go with the copies of an inference component."""
    return _Config.ProductionVariantProperty(
        variant_name=VARIANT,
        initial_instance_count=capacity.initial,
        instance_type=declared.instance,
        managed_instance_scaling=_Config.ManagedInstanceScalingProperty(
            status="ENABLED", min_instance_count=0, max_instance_count=capacity.maximum
        ),
        routing_config=_least_outstanding(),
    )


def without_instances(model: sagemaker.CfnModel, declared: Serverless) -> _Config.ProductionVariantProperty:
    """A model that runs where SageMaker likes."""
    return _Config.ProductionVariantProperty(
        variant_name=VARIANT,
        model_name=model.attr_model_name,
        initial_variant_weight=1,
        serverless_config=_Config.ServerlessConfigProperty(
            max_concurrency=declared.max_concurrency,
            memory_size_in_mb=declared.memory_mb,
            provisioned_concurrency=declared.warm or None,
        ),
    )


def in_shadow(
    approved: Approved, model: sagemaker.CfnModel, declared: Endpoint, rollout: Shadow, capacity: Capacity
) -> cdk.IResolvable:
    """ShadowProductionVariants while there is a model to compare, in the words of the template.

    The weight, by that of the production variant, is the share of the calls that is copied; SageMaker takes
    one production and one shadow variant. The fleet has its share of the instances and does not scale: a
    variant that is an auto scaling target cannot be removed, and CloudFormation would deregister it only
    after the update that removes it.
    https://docs.aws.amazon.com/sagemaker/latest/dg/model-shadow-deployment.html
    https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-scaling-update.html
    """
    variant = {
        "VariantName": SHADOW_VARIANT,
        "ModelName": model.attr_model_name,
        "InitialVariantWeight": rollout.percent / 100,
        "InitialInstanceCount": math.ceil(capacity.initial * rollout.percent / 100),
        "InstanceType": declared.instance,
        "RoutingConfig": {"RoutingStrategy": _LEAST_OUTSTANDING},
    }
    return cdk.Fn.condition_if(approved.exists.logical_id, [variant], cdk.Aws.NO_VALUE)


def capture(percent: int, uri: str, key: kms.IKey) -> _Config.DataCaptureConfigProperty:
    """A share of the calls and answers, of every variant, as readable lines."""
    return _Config.DataCaptureConfigProperty(
        enable_capture=True,
        initial_sampling_percentage=percent,
        destination_s3_uri=uri,
        kms_key_id=key.key_arn,
        capture_options=[_Config.CaptureOptionProperty(capture_mode=mode) for mode in ("Input", "Output")],
        # Without these, the captured bodies would be base64.
        capture_content_type_header=_Config.CaptureContentTypeHeaderProperty(
            csv_content_types=["text/csv"], json_content_types=["application/json"]
        ),
    )


def waiting(declared: Async, queue: Queue, key: kms.IKey) -> _Config.AsyncInferenceConfigProperty:
    """Calls wait, so many are worked on at a time, and the answers are put where the queue says."""
    told = queue.topic.topic_arn
    return _Config.AsyncInferenceConfigProperty(
        client_config=_Config.AsyncInferenceClientConfigProperty(
            max_concurrent_invocations_per_instance=declared.at_once
        ),
        output_config=_Config.AsyncInferenceOutputConfigProperty(
            kms_key_id=key.key_arn,
            s3_output_path=queue.answers_uri,
            s3_failure_path=queue.failures_uri,
            notification_config=_Config.AsyncInferenceNotificationConfigProperty(
                success_topic=told, error_topic=told
            ),
        ),
    )


def _least_outstanding() -> _Config.RoutingConfigProperty:
    return _Config.RoutingConfigProperty(routing_strategy=_LEAST_OUTSTANDING)
