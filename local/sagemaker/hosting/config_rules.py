"""What AWS allows together in an endpoint configuration.

docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateEndpointConfig.html
and …/API_ProductionVariant.html
"""

from typing import Any

from local.errors import ValidationException
from local.sagemaker.operations import Params


def check(params: Params) -> None:
    """Raise ValidationException for a configuration that AWS refuses, or that the embedded AWS cannot run."""
    if "ExplainerConfig" in params:
        raise ValidationException("The embedded AWS does not run endpoints with ExplainerConfig.")
    production, shadows = params["ProductionVariants"], params.get("ShadowProductionVariants", [])
    variants = [*production, *shadows]
    names = [variant["VariantName"] for variant in variants]
    if len(set(names)) < len(names):
        raise ValidationException("Production variant names must be unique within an endpoint configuration.")
    for variant in variants:
        _check_size(variant)
    if shadows:
        _check_shadows(params)
    if "AsyncInferenceConfig" in params:
        _check_async(params)
    if any("ServerlessConfig" in variant for variant in variants) and "DataCaptureConfig" in params:
        raise ValidationException("Data capture is not supported for serverless endpoints.")
    if any("ModelName" not in variant for variant in variants):
        _check_components(params)


def _check_size(variant: dict[str, Any]) -> None:
    name = variant["VariantName"]
    if "ServerlessConfig" in variant:
        _check_serverless(variant["ServerlessConfig"])
        return
    scaling = variant.get("ManagedInstanceScaling", {})
    if "ModelName" in variant and scaling:
        raise ValidationException(
            f"Production variant {name} has ModelName and ManagedInstanceScaling, which is for variants that "
            "host inference components. Scale it with Application Auto Scaling."
        )
    sized = variant.get("InitialInstanceCount", 0) >= 1 or scaling.get("Status") == "ENABLED"
    if "InstanceType" not in variant or not sized:
        raise ValidationException(
            f"Production variant {name} needs InstanceType and an InitialInstanceCount of at least 1, or a "
            "ServerlessConfig."
        )


def _check_serverless(config: dict[str, Any]) -> None:
    """…/APIReference/API_ProductionVariantServerlessConfig.html."""
    warm, most = config.get("ProvisionedConcurrency", 1), config["MaxConcurrency"]
    if warm > most:
        raise ValidationException(
            f"ProvisionedConcurrency {warm} must be at most MaxConcurrency, which is {most}."
        )


def _check_shadows(params: Params) -> None:
    """One production and one shadow variant, real-time (…/latest/dg/shadow-tests.html)."""
    production, shadows = params["ProductionVariants"], params["ShadowProductionVariants"]
    if len(production) != 1 or len(shadows) != 1:
        raise ValidationException(
            "With ShadowProductionVariants you can only specify one variant for ProductionVariants and one "
            "variant for ShadowProductionVariants."
        )
    if "AsyncInferenceConfig" in params or any("ServerlessConfig" in one for one in (*production, *shadows)):
        raise ValidationException(
            "ShadowProductionVariants are not supported for serverless and asynchronous endpoints."
        )
    if any("ModelName" not in one for one in (*production, *shadows)):
        raise ValidationException("ShadowProductionVariants cannot host inference components.")


def _check_async(params: Params) -> None:
    if any("ServerlessConfig" in variant for variant in params["ProductionVariants"]):
        raise ValidationException("AsyncInferenceConfig is not supported for serverless endpoints.")
    if not params["AsyncInferenceConfig"]["OutputConfig"].get("S3OutputPath"):
        raise ValidationException("AsyncInferenceConfig needs OutputConfig.S3OutputPath.")


def _check_components(params: Params) -> None:
    """A variant without a model holds inference components, and the configuration has their role."""
    for variant in params["ProductionVariants"]:
        if "ModelName" in variant or "ServerlessConfig" in variant:
            raise ValidationException(
                "Either every production variant has a ModelName, or none has and all host inference "
                "components on instances."
            )
        scaling = variant.get("ManagedInstanceScaling", {})
        if scaling.get("Status") == "ENABLED":
            low, high = scaling.get("MinInstanceCount", 1), scaling.get("MaxInstanceCount")
            if high is None or high < low:
                raise ValidationException(
                    f"ManagedInstanceScaling of production variant {variant['VariantName']} needs a "
                    f"MaxInstanceCount of at least its MinInstanceCount, {low}."
                )
    if "ExecutionRoleArn" not in params:
        raise ValidationException(
            "ExecutionRoleArn is required for an endpoint configuration whose production variants have no "
            "ModelName."
        )
    for member in ("AsyncInferenceConfig", "DataCaptureConfig"):
        if member in params:
            raise ValidationException(
                f"The embedded AWS does not run inference components on endpoints with {member}."
            )
