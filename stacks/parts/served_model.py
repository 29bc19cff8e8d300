"""The approved model behind its endpoint; nothing of it exists before there is one."""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from declaration import Async, Capacity, Endpoint, Rolling, Serverless, Shadow
from declaration.instances import vcpus
from stacks.network import Network
from stacks.parts.acknowledgements import acknowledge
from stacks.parts.approved import Approved
from stacks.parts.endpoint_config import (
    Queue,
    capture,
    for_components,
    in_shadow,
    on_fleet,
    waiting,
    without_instances,
)
from stacks.parts.metrics import VARIANT
from stacks.parts.rollout import component_deployment, deployment
from stacks.parts.scaling import Scaling

_Config = sagemaker.CfnEndpointConfig
# Above what the model server and a model of ours need, and below what the smallest instance has. Copies share
# no instance all the same: each asks for all of its vCPUs.
_COPY_MEMORY_MB = 1_024


class ServedModel(Construct):
    """Model, endpoint configuration and endpoint.

    Model and configuration cannot be changed, only replaced, so they have no names: a fixed one would
    already exist when its successor is made.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        name: str,
        approved: Approved,
        role: iam.IRole,
        key: kms.IKey,
        shadow: Approved | None = None,
    ) -> None:
        super().__init__(scope, id_)
        self._name, self._approved, self._role, self._key = name, approved, role, key
        self._shadow = shadow

    def on_instances(
        self,
        declared: Endpoint,
        capacity: Capacity,
        *,
        network: Network,
        capture_uri: str,
        guards: Sequence[cloudwatch.Alarm],
    ) -> sagemaker.CfnEndpoint:
        """A fleet that scales with its load and is replaced as the rollout says."""
        config = self._config(
            on_fleet(self.model(network), declared, capacity.initial),
            shadow=self._in_shadow(declared, capacity, network),
            capture=capture(declared.capture_percent, capture_uri, self._key)
            if declared.capture_percent
            else None,
        )
        if capacity.initial < 2:
            acknowledge(config, {"SageMaker.4": f"The declaration of {self._name} asks for one instance"})
        endpoint = self._endpoint(config, deployment(declared.rollout, guards))
        if capacity.autoscaled:
            Scaling(self, self._name, self._approved, endpoint).by_load(declared, capacity)
        return endpoint

    def from_zero(
        self,
        declared: Endpoint,
        capacity: Capacity,
        *,
        network: Network,
        guards: Sequence[cloudwatch.Alarm],
    ) -> sagemaker.CfnEndpoint:
        """An endpoint whose instances come and go with the copies of an inference component, down to none.

        Network and isolation are the endpoint's: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateEndpointConfig.html
        A component cannot start with no copies; it has the name of the endpoint, by which calls ask for it.
        """
        model = self.model(None)
        config = self._config(for_components(declared, capacity), network=network)
        if capacity.initial < 2:
            acknowledge(config, {"SageMaker.4": f"The declaration of {self._name} asks for one instance"})
        endpoint = self._endpoint(config)
        component = self._component(declared, model, endpoint, guards)
        Scaling(self, self._name, self._approved, component, component=True).by_load(declared, capacity)
        return endpoint

    def queued(
        self,
        declared: Async,
        *,
        network: Network,
        queue: Queue,
        guards: Sequence[cloudwatch.Alarm],
    ) -> sagemaker.CfnEndpoint:
        """A fleet that works on a queue, and is none while that is empty."""
        config = self._config(
            on_fleet(self.model(network), declared, declared.initial),
            queue=waiting(declared, queue, self._key),
        )
        if declared.initial < 2:
            acknowledge(config, {"SageMaker.4": "Calls wait in a queue while an instance is replaced"})
        endpoint = self._endpoint(config, deployment(declared.rollout, guards))
        if declared.maximum > declared.min_instances:
            Scaling(self, self._name, self._approved, endpoint).by_backlog(declared)
        return endpoint

    def serverless(self, declared: Serverless) -> sagemaker.CfnEndpoint:
        """No instances: SageMaker offers neither VPC, isolation, capture nor guarded rollout for these.

        https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html
        """
        model = self._model(self._approved, "Model")
        acknowledge(model, {"SageMaker.5": "Serverless endpoints do not support network isolation"})
        config = self._config(without_instances(model, declared))
        return self._endpoint(config)

    def model(self, network: Network | None) -> sagemaker.CfnModel:
        """The model of the approved package, isolated, in the network if that is not its endpoint's."""
        return self._isolated(self._approved, "Model", network)

    def _in_shadow(self, declared: Endpoint, capacity: Capacity, network: Network) -> cdk.IResolvable | None:
        if self._shadow is None or not isinstance(declared.rollout, Shadow):
            return None
        model = self._isolated(self._shadow, "ShadowModel", network)
        return in_shadow(self._shadow, model, declared, declared.rollout, capacity)

    def _isolated(self, approved: Approved, id_: str, network: Network | None) -> sagemaker.CfnModel:
        return self._model(
            approved,
            id_,
            enable_network_isolation=True,
            vpc_config=sagemaker.CfnModel.VpcConfigProperty(
                subnets=network.subnet_ids, security_group_ids=[network.jobs.security_group_id]
            )
            if network
            else None,
        )

    def _model(
        self,
        approved: Approved,
        id_: str,
        *,
        enable_network_isolation: bool | None = None,
        vpc_config: sagemaker.CfnModel.VpcConfigProperty | None = None,
    ) -> sagemaker.CfnModel:
        model = sagemaker.CfnModel(
            self,
            id_,
            execution_role_arn=self._role.role_arn,
            containers=[
                sagemaker.CfnModel.ContainerDefinitionProperty(model_package_name=approved.package_arn)
            ],
            enable_network_isolation=enable_network_isolation,
            vpc_config=vpc_config,
        )
        return approved.only(model)

    def _config(
        self,
        variant: _Config.ProductionVariantProperty,
        *,
        shadow: cdk.IResolvable | None = None,
        capture: _Config.DataCaptureConfigProperty | None = None,
        queue: _Config.AsyncInferenceConfigProperty | None = None,
        network: Network | None = None,
    ) -> sagemaker.CfnEndpointConfig:
        """With a network, the configuration is that of an endpoint for inference components."""
        return self._approved.only(
            _Config(
                self,
                "Config",
                production_variants=[variant],
                shadow_production_variants=shadow,
                data_capture_config=capture,
                async_inference_config=queue,
                kms_key_id=self._key.key_arn,
                execution_role_arn=self._role.role_arn if network else None,
                enable_network_isolation=True if network else None,
                vpc_config=_Config.VpcConfigProperty(
                    subnets=network.subnet_ids, security_group_ids=[network.jobs.security_group_id]
                )
                if network
                else None,
            )
        )

    def _endpoint(
        self,
        config: sagemaker.CfnEndpointConfig,
        rollout: sagemaker.CfnEndpoint.DeploymentConfigProperty | None = None,
    ) -> sagemaker.CfnEndpoint:
        return self._approved.only(
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

    def _component(
        self,
        declared: Endpoint,
        model: sagemaker.CfnModel,
        endpoint: sagemaker.CfnEndpoint,
        guards: Sequence[cloudwatch.Alarm],
    ) -> sagemaker.CfnInferenceComponent:
        if not isinstance(declared.rollout, Rolling):
            raise TypeError("an inference component is updated in batches alone")
        of = sagemaker.CfnInferenceComponent
        return self._approved.only(
            sagemaker.CfnInferenceComponent(
                self,
                "Component",
                inference_component_name=self._name,
                endpoint_name=endpoint.attr_endpoint_name,
                variant_name=VARIANT,
                specification=of.InferenceComponentSpecificationProperty(
                    model_name=model.attr_model_name,
                    compute_resource_requirements=of.InferenceComponentComputeResourceRequirementsProperty(
                        number_of_cpu_cores_required=vcpus(declared.instance),
                        min_memory_required_in_mb=_COPY_MEMORY_MB,
                    ),
                ),
                runtime_config=of.InferenceComponentRuntimeConfigProperty(copy_count=declared.min_instances),
                deployment_config=component_deployment(declared.rollout, guards),
            )
        )
