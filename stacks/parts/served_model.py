"""The approved model behind its endpoint; nothing of it exists before there is one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import aws_cdk as cdk
from aws_cdk import aws_applicationautoscaling as autoscaling
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from declaration import Capacity, Endpoint, Serverless
from stacks.network import Network
from stacks.parts.acknowledgements import acknowledge
from stacks.parts.metrics import VARIANT
from stacks.parts.rollout import deployment

Resource = TypeVar("Resource", bound=cdk.CfnResource)


@dataclass(frozen=True)
class Approved:
    """The model package to serve, and the condition that there is one."""

    package_arn: str
    exists: cdk.CfnCondition


class ServedModel(Construct):
    """Model, endpoint configuration and endpoint.

    Model and configuration cannot be changed, only replaced, so they have no names: a fixed one would
    already exist when its successor is made.
    """

    def __init__(
        self, scope: Construct, id_: str, *, name: str, approved: Approved, role: iam.IRole, key: kms.IKey
    ) -> None:
        super().__init__(scope, id_)
        self._name, self._approved, self._role, self._key = name, approved, role, key

    def on_instances(
        self,
        declared: Endpoint,
        *,
        network: Network,
        capture_uri: str,
        guards: Sequence[cloudwatch.Alarm],
    ) -> sagemaker.CfnEndpoint:
        """A fleet that scales with its load and is replaced blue/green."""
        capacity = declared.capacity
        model = self._model(
            enable_network_isolation=True,
            vpc_config=sagemaker.CfnModel.VpcConfigProperty(
                subnets=network.subnet_ids, security_group_ids=[network.jobs.security_group_id]
            ),
        )
        config = self._config(
            sagemaker.CfnEndpointConfig.ProductionVariantProperty(
                variant_name=VARIANT,
                model_name=model.attr_model_name,
                initial_variant_weight=1,
                initial_instance_count=capacity.initial,
                instance_type=declared.instance,
                routing_config=sagemaker.CfnEndpointConfig.RoutingConfigProperty(
                    routing_strategy="LEAST_OUTSTANDING_REQUESTS"
                ),
            ),
            _capture(declared.capture_percent, capture_uri, self._key) if declared.capture_percent else None,
        )
        if capacity.initial < 2:
            acknowledge(config, {"SageMaker.4": f"The declaration of {self._name} asks for one instance"})
        endpoint = self._endpoint(config, deployment(declared.rollout, guards))
        if capacity.autoscaled:
            self._scale(endpoint, capacity)
        return endpoint

    def serverless(self, declared: Serverless) -> sagemaker.CfnEndpoint:
        """No instances: SageMaker offers neither VPC, isolation, capture nor guarded rollout for these.

        https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html
        """
        model = self._model()
        acknowledge(model, {"SageMaker.5": "Serverless endpoints do not support network isolation"})
        config = self._config(
            sagemaker.CfnEndpointConfig.ProductionVariantProperty(
                variant_name=VARIANT,
                model_name=model.attr_model_name,
                initial_variant_weight=1,
                serverless_config=sagemaker.CfnEndpointConfig.ServerlessConfigProperty(
                    max_concurrency=declared.max_concurrency, memory_size_in_mb=declared.memory_mb
                ),
            )
        )
        return self._endpoint(config)

    def _model(
        self,
        *,
        enable_network_isolation: bool | None = None,
        vpc_config: sagemaker.CfnModel.VpcConfigProperty | None = None,
    ) -> sagemaker.CfnModel:
        model = sagemaker.CfnModel(
            self,
            "Model",
            execution_role_arn=self._role.role_arn,
            containers=[
                sagemaker.CfnModel.ContainerDefinitionProperty(model_package_name=self._approved.package_arn)
            ],
            enable_network_isolation=enable_network_isolation,
            vpc_config=vpc_config,
        )
        return self._if_approved(model)

    def _config(
        self,
        variant: sagemaker.CfnEndpointConfig.ProductionVariantProperty,
        capture: sagemaker.CfnEndpointConfig.DataCaptureConfigProperty | None = None,
    ) -> sagemaker.CfnEndpointConfig:
        return self._if_approved(
            sagemaker.CfnEndpointConfig(
                self,
                "Config",
                production_variants=[variant],
                data_capture_config=capture,
                kms_key_id=self._key.key_arn,
            )
        )

    def _endpoint(
        self,
        config: sagemaker.CfnEndpointConfig,
        rollout: sagemaker.CfnEndpoint.DeploymentConfigProperty | None = None,
    ) -> sagemaker.CfnEndpoint:
        return self._if_approved(
            sagemaker.CfnEndpoint(
                self,
                "Endpoint",
                endpoint_name=self._name,
                endpoint_config_name=config.attr_endpoint_config_name,
                deployment_config=rollout,
                # A new model starts with as many instances as autoscaling has given the old one.
                retain_all_variant_properties=True if rollout else None,
            )
        )

    def _scale(self, endpoint: sagemaker.CfnEndpoint, capacity: Capacity) -> None:
        # The L2 target would make a role; SageMaker endpoints scale under a service-linked one.
        target = self._if_approved(
            autoscaling.CfnScalableTarget(
                self,
                "Scaling",
                service_namespace="sagemaker",
                resource_id=f"endpoint/{self._name}/variant/{VARIANT}",
                scalable_dimension="sagemaker:variant:DesiredInstanceCount",
                min_capacity=capacity.minimum,
                max_capacity=capacity.maximum,
            )
        )
        target.add_resource_dependency(endpoint)
        self._if_approved(
            autoscaling.CfnScalingPolicy(
                self,
                "ScalingPolicy",
                policy_name=f"{self._name}-calls-per-instance",
                policy_type="TargetTrackingScaling",
                scaling_target_id=target.ref,
                target_tracking_scaling_policy_configuration=(
                    autoscaling.CfnScalingPolicy.TargetTrackingScalingPolicyConfigurationProperty(
                        target_value=capacity.target,
                        predefined_metric_specification=(
                            autoscaling.CfnScalingPolicy.PredefinedMetricSpecificationProperty(
                                predefined_metric_type="SageMakerVariantInvocationsPerInstance"
                            )
                        ),
                        # Out at once, in only when the load has really gone.
                        scale_out_cooldown=60,
                        scale_in_cooldown=300,
                    )
                ),
            )
        )

    def _if_approved(self, resource: Resource) -> Resource:
        resource.cfn_options.condition = self._approved.exists
        return resource


def _capture(percent: int, uri: str, key: kms.IKey) -> sagemaker.CfnEndpointConfig.DataCaptureConfigProperty:
    config = sagemaker.CfnEndpointConfig
    return config.DataCaptureConfigProperty(
        enable_capture=True,
        initial_sampling_percentage=percent,
        destination_s3_uri=uri,
        kms_key_id=key.key_arn,
        capture_options=[config.CaptureOptionProperty(capture_mode=mode) for mode in ("Input", "Output")],
        # Without these, the captured bodies would be base64.
        capture_content_type_header=config.CaptureContentTypeHeaderProperty(
            csv_content_types=["text/csv"], json_content_types=["application/json"]
        ),
    )
