"""A shadow variant by CloudFormation: it sees the requests and is captured; callers get the other answer."""

import json
from typing import Any

import pytest

from local.cloud import Cloud
from tests.loop.raw_stacks import Json, allow, att, client_of, deploy, eventually, finished
from tests.loop.tiny_cloud import BUCKET, model_of, model_role, tiny_cloud, variant

NAME = "shadowed"


def resources() -> Json:
    return {
        "ModelRole": model_role(allow("s3:PutObject", f"arn:aws:s3:::{BUCKET}/captured/*")),
        "One": model_of("one"),
        "Two": model_of("two"),
        "Config": {
            "Type": "AWS::SageMaker::EndpointConfig",
            "Properties": {
                "ProductionVariants": [variant("One")],
                "ShadowProductionVariants": [variant("Two", "shadow")],
                "DataCaptureConfig": {
                    "EnableCapture": "true",
                    "InitialSamplingPercentage": "100",
                    "DestinationS3Uri": f"s3://{BUCKET}/captured",
                    "CaptureOptions": [{"CaptureMode": "Output"}],
                    "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"]},
                },
            },
        },
        "Endpoint": {
            "Type": "AWS::SageMaker::Endpoint",
            "Properties": {
                "EndpointName": NAME,
                "EndpointConfigName": att("Config", "EndpointConfigName"),
            },
        },
    }


def captured(cloud: Cloud, variant_name: str) -> dict[str, str]:
    """The answers of a variant, by the id of the request."""
    s3: Any = client_of(cloud, "s3")
    found = s3.list_objects_v2(Bucket=BUCKET, Prefix=f"captured/{NAME}/{variant_name}/").get("Contents", [])
    answers = {}
    for one in found:
        body = s3.get_object(Bucket=BUCKET, Key=one["Key"])["Body"].read().decode()
        for line in map(json.loads, body.splitlines()):
            answers[line["eventMetadata"]["inferenceId"]] = line["captureData"]["endpointOutput"]["data"]
    return answers


def test_a_shadow_is_compared_and_never_heard(tmp_path_factory: pytest.TempPathFactory) -> None:
    with tiny_cloud(tmp_path_factory.mktemp("shadow")) as cloud:
        cloudformation = client_of(cloud, "cloudformation")
        deploy(cloudformation, "shadow", resources())
        runtime: Any = client_of(cloud, "sagemaker-runtime")
        asked = {str(number) for number in range(10)}
        for number in asked:
            answer = runtime.invoke_endpoint(
                EndpointName=NAME, ContentType="text/csv", Body=b"1,2\n", InferenceId=number
            )
            assert answer["Body"].read() == b"one"
        assert eventually(lambda: captured(cloud, "shadow").keys() == asked)
        assert captured(cloud, "shadow") == dict.fromkeys(asked, "two")
        assert captured(cloud, "primary") == dict.fromkeys(asked, "one")
        [stack] = cloudformation.describe_stacks(StackName="shadow")["Stacks"]
        cloudformation.delete_stack(StackName="shadow")
        assert eventually(lambda: finished(cloudformation, stack["StackId"]), 60) == "DELETE_COMPLETE"
