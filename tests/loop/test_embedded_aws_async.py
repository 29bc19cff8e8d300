"""An asynchronous endpoint by CloudFormation: S3 to S3, told over SNS, to no instance and back, kill -9."""

import json
import os
import signal
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local import cloud as clouds
from local.cloud import Cloud
from tests.loop.own_cloud import SPEED
from tests.loop.raw_stacks import (
    Json,
    allow,
    assume,
    att,
    client_of,
    deploy,
    eventually,
    finished,
    outputs,
    ref,
)
from tests.loop.tiny_cloud import (
    BUCKET,
    alarm,
    from_zero,
    model_of,
    model_role,
    target,
    tiny_cloud,
    variant,
)

NAME = "flights-async"


def resources() -> Json:
    results = f"arn:aws:s3:::{BUCKET}/results/*"
    backlog = {
        "Namespace": "AWS/SageMaker",
        "MetricName": "ApproximateBacklogSizePerInstance",
        "Dimensions": [{"Name": "EndpointName", "Value": NAME}],
        "Statistic": "Average",
    }
    return {
        "ModelRole": model_role(allow("s3:PutObject", results), allow("sns:Publish", ref("Topic"))),
        "Nobody": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "RoleName": "nobody",
                "AssumeRolePolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Principal": {"AWS": {"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:root"}},
                            "Action": "sts:AssumeRole",
                        }
                    ],
                },
            },
        },
        "Topic": {"Type": "AWS::SNS::Topic"},
        "Queue": {"Type": "AWS::SQS::Queue"},
        "Subscription": {
            "Type": "AWS::SNS::Subscription",
            "Properties": {
                "TopicArn": ref("Topic"),
                "Protocol": "sqs",
                "Endpoint": att("Queue", "Arn"),
                "RawMessageDelivery": True,
            },
        },
        "QueuePolicy": {
            "Type": "AWS::SQS::QueuePolicy",
            "Properties": {
                "Queues": [ref("Queue")],
                "PolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Principal": {"Service": "sns.amazonaws.com"},
                            "Action": "sqs:SendMessage",
                            "Resource": att("Queue", "Arn"),
                        }
                    ],
                },
            },
        },
        "Model": model_of("one"),
        "Config": {
            "Type": "AWS::SageMaker::EndpointConfig",
            "Properties": {
                "ProductionVariants": [variant("Model")],
                "AsyncInferenceConfig": {
                    "ClientConfig": {"MaxConcurrentInvocationsPerInstance": "2"},
                    "OutputConfig": {
                        "S3OutputPath": f"s3://{BUCKET}/results/good",
                        "S3FailurePath": f"s3://{BUCKET}/results/bad",
                        "NotificationConfig": {"SuccessTopic": ref("Topic"), "ErrorTopic": ref("Topic")},
                    },
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
        "Target": target(
            {"Fn::Sub": "endpoint/${Endpoint.EndpointName}/variant/primary"},
            "sagemaker:variant:DesiredInstanceCount",
            0,
            2,
        ),
        "Tracking": {
            "Type": "AWS::ApplicationAutoScaling::ScalingPolicy",
            "Properties": {
                "PolicyName": "backlog",
                "PolicyType": "TargetTrackingScaling",
                "ScalingTargetId": ref("Target"),
                "TargetTrackingScalingPolicyConfiguration": {
                    "TargetValue": "5",
                    "CustomizedMetricSpecification": backlog,
                    "ScaleInCooldown": "60",
                },
            },
        },
        "FromZero": from_zero("Target"),
        "Waiting": alarm("FromZero", "HasBacklogWithoutCapacity", "EndpointName", NAME),
    }


def ask(cloud: Cloud, body: bytes, credentials: dict[str, str] | None = None) -> dict[str, Any]:
    client_of(cloud, "s3").put_object(Bucket=BUCKET, Key="questions/one.csv", Body=body)
    answer: dict[str, Any] = client_of(cloud, "sagemaker-runtime", credentials).invoke_endpoint_async(
        EndpointName=NAME, InputLocation=f"s3://{BUCKET}/questions/one.csv", ContentType="text/csv"
    )
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 202
    return answer


def content(cloud: Cloud, uri: str) -> bytes:
    """What lies at an S3 address; nothing while there is nothing."""
    s3 = client_of(cloud, "s3")
    key = uri.removeprefix(f"s3://{BUCKET}/")
    if "Contents" not in s3.list_objects_v2(Bucket=BUCKET, Prefix=key):
        return b""
    body: bytes = s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    return body


def instances(cloud: Cloud) -> int:
    [variant] = client_of(cloud, "sagemaker").describe_endpoint(EndpointName=NAME)["ProductionVariants"]
    return int(variant["CurrentInstanceCount"])


def notice(cloud: Cloud, queue: str) -> dict[str, Any]:
    def look() -> dict[str, Any]:
        for message in client_of(cloud, "sqs").receive_message(QueueUrl=queue).get("Messages", []):
            client_of(cloud, "sqs").delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
            told: dict[str, Any] = json.loads(message["Body"])
            return told
        return {}

    return eventually(look)


def test_from_s3_to_s3_and_from_zero_to_one(tmp_path_factory: pytest.TempPathFactory) -> None:
    with tiny_cloud(tmp_path_factory.mktemp("async")) as cloud:
        cloudformation = client_of(cloud, "cloudformation")
        deploy(cloudformation, "async", resources(), Outputs=outputs(Queue=ref("Queue")))
        [stack] = cloudformation.describe_stacks(StackName="async")["Stacks"]
        queue = stack["Outputs"][0]["OutputValue"]

        good = ask(cloud, b"1,2")
        assert eventually(lambda: content(cloud, good["OutputLocation"])) == b"one"
        told = notice(cloud, queue)
        assert (told["invocationStatus"], told["inferenceId"]) == ("Completed", good["InferenceId"])
        assert told["responseParameters"]["outputLocation"] == good["OutputLocation"]

        bad = ask(cloud, b"garbage")
        assert b"Malformed" in eventually(lambda: content(cloud, bad["FailureLocation"]))
        assert notice(cloud, queue)["invocationStatus"] == "Failed"

        granted = assume(lambda name: client_of(cloud, name), "arn:aws:iam::000000000000:role/nobody")
        with pytest.raises(ClientError, match="not authorized to perform: sagemaker:InvokeEndpointAsync"):
            ask(cloud, b"1", granted)
        forged = granted | {"SecretAccessKey": "x" * 40}
        with pytest.raises(ClientError, match="signature"):
            ask(cloud, b"1", forged)

        assert eventually(lambda: instances(cloud) == 0, 60), "an empty queue needs no instance"
        late = ask(cloud, b"1,2")
        os.kill(cloud.pid, signal.SIGKILL)
        assert eventually(lambda: not clouds.processes(cloud.state)), "containers die with the server"
        clouds.start(cloud.state, speed=SPEED)
        assert eventually(lambda: content(cloud, late["OutputLocation"]), 60) == b"one"
        assert instances(cloud) >= 1

        cloudformation = client_of(cloud, "cloudformation")
        cloudformation.delete_stack(StackName="async")
        assert eventually(lambda: finished(cloudformation, stack["StackId"]), 60) == "DELETE_COMPLETE"
