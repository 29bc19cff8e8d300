"""An inference component by CloudFormation: served, scaled to no copy and no instance and back, updated."""

import json
from collections.abc import Callable

import pytest
from botocore.exceptions import ClientError

from local.cloud import Cloud
from tests.loop.raw_stacks import Json, att, client_of, deploy, eventually, finished, ref
from tests.loop.tiny_cloud import alarm, from_zero, model_of, model_role, target, tiny_cloud

NAME, COMPONENT = "shared", "flights-ic"


def resources(answer: str) -> Json:
    needs = {"NumberOfCpuCoresRequired": "1", "MinMemoryRequiredInMb": "512"}
    batch = {"Type": "CAPACITY_PERCENT", "Value": "50"}
    return {
        "ModelRole": model_role(),
        # A model of its own name each: a component is updated to another one.
        f"Model{answer}": model_of(answer),
        "Config": {
            "Type": "AWS::SageMaker::EndpointConfig",
            "Properties": {
                "ExecutionRoleArn": att("ModelRole", "Arn"),
                "EnableNetworkIsolation": "true",
                "ProductionVariants": [
                    {
                        "VariantName": "AllTraffic",
                        "InitialInstanceCount": "1",
                        "InstanceType": "ml.c5.large",
                        "ManagedInstanceScaling": {
                            "Status": "ENABLED",
                            "MinInstanceCount": "0",
                            "MaxInstanceCount": "2",
                        },
                        "RoutingConfig": {"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"},
                    }
                ],
            },
        },
        "Endpoint": {
            "Type": "AWS::SageMaker::Endpoint",
            "Properties": {
                "EndpointName": NAME,
                "EndpointConfigName": att("Config", "EndpointConfigName"),
            },
        },
        "Component": {
            "Type": "AWS::SageMaker::InferenceComponent",
            "Properties": {
                "InferenceComponentName": COMPONENT,
                "EndpointName": att("Endpoint", "EndpointName"),
                "VariantName": "AllTraffic",
                "Specification": {
                    "ModelName": att(f"Model{answer}", "ModelName"),
                    "ComputeResourceRequirements": needs,
                },
                "RuntimeConfig": {"CopyCount": "2"},
                "DeploymentConfig": {
                    "RollingUpdatePolicy": {"MaximumBatchSize": batch, "WaitIntervalInSeconds": "0"}
                },
            },
        },
        "Target": {
            **target(
                f"inference-component/{COMPONENT}", "sagemaker:inference-component:DesiredCopyCount", 0, 3
            ),
            "DependsOn": "Component",
        },
        "Tracking": {
            "Type": "AWS::ApplicationAutoScaling::ScalingPolicy",
            "Properties": {
                "PolicyName": "invocations",
                "PolicyType": "TargetTrackingScaling",
                "ScalingTargetId": ref("Target"),
                "TargetTrackingScalingPolicyConfiguration": {
                    "TargetValue": "1000",
                    "PredefinedMetricSpecification": {
                        "PredefinedMetricType": "SageMakerInferenceComponentInvocationsPerCopy"
                    },
                    "ScaleInCooldown": "60",
                },
            },
        },
        "FromZero": from_zero("Target"),
        "Called": alarm("FromZero", "NoCapacityInvocationFailures", "InferenceComponentName", COMPONENT),
    }


def ask(cloud: Cloud) -> str:
    """What the component answers; AWS's code and words if it refuses."""
    try:
        answer = client_of(cloud, "sagemaker-runtime").invoke_endpoint(
            EndpointName=NAME, InferenceComponentName=COMPONENT, ContentType="text/csv", Body=b"1,2\n"
        )
    except ClientError as error:
        return f"{error.response['Error']['Code']}: {error.response['Error']['Message']}"
    return str(answer["Body"].read().decode())


def test_from_two_copies_to_none_and_back(tmp_path_factory: pytest.TempPathFactory) -> None:
    with tiny_cloud(tmp_path_factory.mktemp("components")) as cloud:
        cloudformation, sagemaker = client_of(cloud, "cloudformation"), client_of(cloud, "sagemaker")
        deploy(cloudformation, "components", resources("one"))

        def copies() -> int:
            described = sagemaker.describe_inference_component(InferenceComponentName=COMPONENT)
            return int(described["RuntimeConfig"]["CurrentCopyCount"])

        def instances() -> int:
            [variant] = sagemaker.describe_endpoint(EndpointName=NAME)["ProductionVariants"]
            return int(variant["CurrentInstanceCount"])

        assert (copies(), instances()) == (2, 1)
        assert ask(cloud) == "one"

        template = json.dumps({"Resources": resources("two")})
        cloudformation.update_stack(
            StackName="components", TemplateBody=template, Capabilities=["CAPABILITY_NAMED_IAM"]
        )
        assert eventually(lambda: finished(cloudformation, "components"), 60) == "UPDATE_COMPLETE"
        assert ask(cloud) == "two"

        nothing: list[Callable[[], int]] = [copies, instances]
        for count in nothing:
            assert eventually(lambda count=count: count() == 0, 60)  # type: ignore[misc]
        refusal = ask(cloud)
        assert refusal.startswith("ValidationError: Inference Component has no capacity to process")
        assert eventually(lambda: ask(cloud) == "two", 60), "the failures call a copy back"
        assert instances() == 1

        [stack] = cloudformation.describe_stacks(StackName="components")["Stacks"]
        cloudformation.delete_stack(StackName="components")
        assert eventually(lambda: finished(cloudformation, stack["StackId"]), 60) == "DELETE_COMPLETE"
        assert sagemaker.list_inference_components()["InferenceComponents"] == []
