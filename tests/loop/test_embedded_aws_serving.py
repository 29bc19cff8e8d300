"""An endpoint deployed by CloudFormation: it serves, scales, is replaced, goes back, and outlives a kill."""

import json
import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from local import cloud as clouds
from local.cloud import Cloud
from tests.loop.own_cloud import SPEED
from tests.loop.raw_stacks import Json, att, client_of, eventually, finished, outputs, ref
from tests.loop.test_embedded_aws_api import call, rest_api
from tests.loop.tiny_cloud import model_of, model_role, target, tiny_cloud, variant


@pytest.fixture(scope="module")
def serving_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with tiny_cloud(tmp_path_factory.mktemp("serving")) as cloud:
        yield cloud


def serving(answer: str) -> Json:
    resources = {
        "ModelRole": model_role(),
        "Model": model_of(answer),
        "Config": {
            "Type": "AWS::SageMaker::EndpointConfig",
            "Properties": {"ProductionVariants": [variant("Model")]},
        },
        "Endpoint": {
            "Type": "AWS::SageMaker::Endpoint",
            "Properties": {
                "EndpointName": "flights-x",
                "EndpointConfigName": att("Config", "EndpointConfigName"),
                "RetainAllVariantProperties": "true",
                "DeploymentConfig": {
                    "BlueGreenUpdatePolicy": {
                        "TrafficRoutingConfiguration": {
                            "Type": "ALL_AT_ONCE",
                            "WaitIntervalInSeconds": "30",
                        },
                        "TerminationWaitInSeconds": 0,
                    }
                },
            },
        },
        "Target": target(
            {"Fn::Sub": "endpoint/${Endpoint.EndpointName}/variant/primary"},
            "sagemaker:variant:DesiredInstanceCount",
            2,
            3,
        ),
        "Policy": {
            "Type": "AWS::ApplicationAutoScaling::ScalingPolicy",
            "Properties": {
                "PolicyName": "load",
                "PolicyType": "TargetTrackingScaling",
                "ScalingTargetId": ref("Target"),
                "TargetTrackingScalingPolicyConfiguration": {
                    "TargetValue": "1000",
                    "PredefinedMetricSpecification": {
                        "PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"
                    },
                },
            },
        },
    }
    return resources | rest_api("sagemaker:InvokeEndpoint")


def change(cloud: Cloud, answer: str, verb: str) -> str:
    cloudformation = client_of(cloud, "cloudformation")
    template = {"Resources": serving(answer), "Outputs": outputs(Api=ref("Api"))}
    call_ = cloudformation.create_stack if verb == "create" else cloudformation.update_stack
    call_(StackName="serving", TemplateBody=json.dumps(template), Capabilities=["CAPABILITY_IAM"])
    return eventually(lambda: finished(cloudformation, "serving"), 60)


def invoke(cloud: Cloud) -> str:
    answer = client_of(cloud, "sagemaker-runtime").invoke_endpoint(
        EndpointName="flights-x", ContentType="text/csv", Body=b"1,2\n"
    )
    return str(answer["Body"].read().decode())


def events(cloud: Cloud) -> list[tuple[str, str]]:
    shown = client_of(cloud, "cloudformation").describe_stack_events(StackName="serving")["StackEvents"]
    failed = [e for e in shown if e["ResourceStatus"].endswith("_FAILED")]
    return [(e["LogicalResourceId"], e.get("ResourceStatusReason", "")) for e in failed]


def test_from_creation_to_deletion(serving_cloud: Cloud) -> None:
    cloud = serving_cloud
    sagemaker = client_of(cloud, "sagemaker")
    assert change(cloud, "one", "create") == "CREATE_COMPLETE", events(cloud)
    assert invoke(cloud) == "one"

    described = client_of(cloud, "cloudformation").describe_stacks(StackName="serving")["Stacks"][0]
    api = described["Outputs"][0]["OutputValue"]
    assert call(cloud, api, b"1,2\n").data == b"one"
    refused = call(cloud, api, b"garbage")
    assert refused.status == 400
    assert json.loads(refused.data) == {"code": "Malformed", "message": "not numbers"}

    def instances() -> int:
        [variant] = sagemaker.describe_endpoint(EndpointName="flights-x")["ProductionVariants"]
        return int(variant["CurrentInstanceCount"])

    assert eventually(lambda: instances() == 2), "the minimum of the scalable target"

    before = sagemaker.describe_endpoint(EndpointName="flights-x")["EndpointConfigName"]
    assert change(cloud, "two", "update") == "UPDATE_COMPLETE", events(cloud)
    assert invoke(cloud) == "two"
    after = sagemaker.describe_endpoint(EndpointName="flights-x")["EndpointConfigName"]
    assert [c["EndpointConfigName"] for c in sagemaker.list_endpoint_configs()["EndpointConfigs"]] == [after]
    assert before != after

    assert change(cloud, "broken", "update") == "UPDATE_ROLLBACK_COMPLETE"
    assert any(name == "Endpoint" and "ping" in reason for name, reason in events(cloud)), events(cloud)
    assert invoke(cloud) == "two"
    configs = sagemaker.list_endpoint_configs()["EndpointConfigs"]
    assert [c["EndpointConfigName"] for c in configs] == [after]

    os.kill(cloud.pid, signal.SIGKILL)
    assert eventually(lambda: clouds.running(cloud.state) is None)
    assert eventually(lambda: not clouds.processes(cloud.state)), "containers die with the server"
    clouds.start(cloud.state, speed=SPEED)
    assert eventually(lambda: answers(cloud) == "two")

    cloudformation = client_of(cloud, "cloudformation")
    cloudformation.delete_stack(StackName="serving")
    stack_id = described["StackId"]
    assert eventually(lambda: finished(cloudformation, stack_id)) == "DELETE_COMPLETE", events(cloud)
    assert sagemaker.list_endpoints()["Endpoints"] == []


def answers(cloud: Cloud) -> str:
    """What the endpoint answers; nothing while its instances are coming back."""
    sagemaker: Any = client_of(cloud, "sagemaker-runtime")
    try:
        return invoke(cloud)
    except sagemaker.exceptions.ClientError:
        return ""
