"""Models: an image, an artifact and a role, by name."""

from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local.errors import ValidationException
from local.host import AccessDenied
from local.sagemaker.context import Context, now
from local.sagemaker.hosting.plan import HostPlan, VariantPlan
from local.sagemaker.operations import Answer, Params
from local.sagemaker.pagination import listed, page
from local.sagemaker.s3 import location
from local.sagemaker.store import Record
from local.sagemaker.tags import forget_tags, set_tags


class Models:
    """CreateModel, DescribeModel, ListModels and DeleteModel."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def create_model(self, params: Params) -> Answer:
        """Keep a model whose package, if it has one, is approved and whose artifact the role can read."""
        context, name = self._context, params["ModelName"]
        arn = context.arn("model", name)
        if not params.get("ExecutionRoleArn"):
            raise ValidationException("CreateModel needs ExecutionRoleArn.")
        image, data, _ = self._resolve(params)
        if not image:
            raise ValidationException(f"The container of model {name} needs an Image or a ModelPackageName.")
        if data:
            self._check_data(data, params["ExecutionRoleArn"])
        with context.store.transaction():
            if context.store.get("model", name):
                raise ValidationException(f'Cannot create already existing model "{arn}".')
            record = {**params, "ModelArn": arn, "CreationTime": now()}
            context.store.put("model", name, record)
            set_tags(context, arn, params.get("Tags"))
        return {"ModelArn": arn}

    def describe_model(self, params: Params) -> Answer:
        """Show a model."""
        return self.find(params["ModelName"])

    def list_models(self, params: Params) -> Answer:
        """Page through the models."""
        records = listed(self._context.store.list("model"), params, name="ModelName")
        models, token = page(records, params)
        return {"Models": models, "NextToken": token}

    def delete_model(self, params: Params) -> Answer:
        """Forget a model; endpoints that were made from it go on."""
        record = self.find(params["ModelName"])
        with self._context.store.transaction():
            self._context.store.delete("model", record["ModelName"])
            forget_tags(self._context, record["ModelArn"])
        return {}

    def find(self, name: str) -> Record:
        """The record of a model; ValidationException if there is none."""
        arn = self._context.arn("model", name)
        return self._context.find("model", name, ValidationException(f'Could not find model "{arn}".'))

    def variant(self, variant: Record, volume_key: str | None) -> VariantPlan:
        """What is to run for a production variant of an endpoint configuration."""
        model = self.find(variant["ModelName"])
        image, data, environment = self._resolve(model)
        vpc = model.get("VpcConfig", {})
        serverless = variant.get("ServerlessConfig")
        startup = variant.get("ContainerStartupHealthCheckTimeoutInSeconds")
        return VariantPlan(
            name=variant["VariantName"],
            model=model["ModelName"],
            image=image,
            model_data=data,
            environment=environment,
            role=model["ExecutionRoleArn"],
            isolated=model.get("EnableNetworkIsolation", False),
            subnets=tuple(vpc.get("Subnets", ())),
            security_groups=tuple(vpc.get("SecurityGroupIds", ())),
            volume_key=volume_key,
            instance_type=variant.get("InstanceType", "ml.m5.large"),
            count=1 if serverless else variant.get("InitialInstanceCount", 1),
            weight=float(variant.get("InitialVariantWeight", 1.0)),
            concurrency=serverless and serverless["MaxConcurrency"],
            memory_mb=serverless and serverless["MemorySizeInMB"],
            warm=serverless and serverless.get("ProvisionedConcurrency"),
            **({"startup_seconds": startup} if startup else {}),
        )

    def _resolve(self, model: Record) -> tuple[str, str | None, dict[str, str]]:
        """Image, artifact and environment of a model's only container."""
        containers = (
            [model["PrimaryContainer"]] if "PrimaryContainer" in model else model.get("Containers", [])
        )
        if len(containers) != 1:
            raise ValidationException(
                f"Model {model['ModelName']} has {len(containers)} containers; the embedded AWS runs models "
                "with exactly one."
            )
        container: dict[str, Any] = containers[0]
        environment = dict(container.get("Environment", {}))
        if package := container.get("ModelPackageName"):
            packaged = self._packaged(model["ModelName"], package)
            environment = {**packaged.get("Environment", {}), **environment}
            container = {**packaged, **container}
        data = container.get("ModelDataUrl")
        source = container.get("ModelDataSource", {}).get("S3DataSource")
        if source and not data:
            if source["CompressionType"] != "Gzip":
                raise ValidationException(
                    "The embedded AWS reads ModelDataSource with CompressionType Gzip only."
                )
            data = source["S3Uri"]
        return container.get("Image", ""), data, environment

    def _packaged(self, model: str, package: str) -> dict[str, Any]:
        missing = ValidationException(f"Model package {package} does not exist.")
        record = self._context.find("model-package", package, missing)
        approval = record.get("ModelApprovalStatus")
        if approval not in (None, "Approved"):
            raise ValidationException(
                f"Cannot create model {model} from model package {record['ModelPackageArn']}: its "
                f"ModelApprovalStatus is {approval}, and must be Approved."
            )
        container: dict[str, Any] = record["InferenceSpecification"]["Containers"][0]
        return container

    def _check_data(self, uri: str, role: str) -> None:
        place = location(uri)
        try:
            self._context.host.client("s3", role).head_object(Bucket=place.bucket, Key=place.key)
        except (ClientError, BotoCoreError, AccessDenied) as error:
            raise ValidationException(
                f'Could not access model data at {uri}. Please ensure that the role "{role}" exists and that '
                'its trust relationship policy allows the action "sts:AssumeRole" for the service principal '
                '"sagemaker.amazonaws.com". Also ensure that the role has "s3:GetObject" permissions and '
                f"that the object is located in {self._context.host.region}."
            ) from error


def host(variant: Record, config: Record) -> VariantPlan:
    """The instances of a production variant without a model, on which inference components are placed."""
    scaling = variant.get("ManagedInstanceScaling", {})
    managed = scaling.get("Status") == "ENABLED"
    low = scaling.get("MinInstanceCount", 1) if managed else variant["InitialInstanceCount"]
    count = variant.get("InitialInstanceCount", low)
    high = scaling["MaxInstanceCount"] if managed else count
    vpc = config.get("VpcConfig", {})
    return VariantPlan(
        name=variant["VariantName"],
        model="",
        image="",
        model_data=None,
        environment={},
        role=config["ExecutionRoleArn"],
        isolated=config.get("EnableNetworkIsolation", False),
        subnets=tuple(vpc.get("Subnets", ())),
        security_groups=tuple(vpc.get("SecurityGroupIds", ())),
        volume_key=config.get("KmsKeyId"),
        instance_type=variant["InstanceType"],
        count=count,
        weight=float(variant.get("InitialVariantWeight", 1.0)),
        hosts=HostPlan(low, high, managed),
    )
