"""A rolling update by CloudFormation, and one that an alarm brings back, told as an event."""

import json
from typing import Any

import pytest

from local.cloud import Cloud
from tests.loop.raw_stacks import (
    Json,
    allow,
    att,
    client_of,
    deploy,
    eventually,
    finished,
    outputs,
    queue_policy,
    ref,
    send_from_events,
)
from tests.loop.tiny_cloud import model_of, model_role, tiny_cloud, variant

NAME, ALARM = "rolled", "late"


def resources(answer: str) -> Json:
    batch = {"Type": "INSTANCE_COUNT", "Value": "1"}
    return {
        "ModelRole": model_role(allow("cloudwatch:DescribeAlarms", "*")),
        f"Model{answer}": model_of(answer),
        "Alarm": {
            "Type": "AWS::CloudWatch::Alarm",
            "Properties": {
                "AlarmName": ALARM,
                "Namespace": "Mine",
                "MetricName": "Complaints",
                "Statistic": "Sum",
                "Period": "600",
                "EvaluationPeriods": "1",
                "Threshold": "1",
                "ComparisonOperator": "GreaterThanOrEqualToThreshold",
                "TreatMissingData": "notBreaching",
            },
        },
        "Queue": {"Type": "AWS::SQS::Queue"},
        "QueuePolicy": queue_policy("Queue", [send_from_events("Queue")]),
        "Rule": {
            "Type": "AWS::Events::Rule",
            "Properties": {
                "EventPattern": {
                    "source": ["aws.sagemaker"],
                    "detail-type": ["SageMaker Endpoint State Change"],
                    "detail": {"EndpointStatus": ["ROLLING_BACK"]},
                },
                "Targets": [{"Id": "q", "Arn": att("Queue", "Arn")}],
            },
        },
        f"Config{answer}": {
            "Type": "AWS::SageMaker::EndpointConfig",
            "Properties": {"ProductionVariants": [variant(f"Model{answer}", instances=2)]},
        },
        "Endpoint": {
            "Type": "AWS::SageMaker::Endpoint",
            "Properties": {
                "EndpointName": NAME,
                "EndpointConfigName": att(f"Config{answer}", "EndpointConfigName"),
                "DeploymentConfig": {
                    "RollingUpdatePolicy": {
                        "MaximumBatchSize": batch,
                        "RollbackMaximumBatchSize": batch,
                        "WaitIntervalInSeconds": "120",
                    },
                    "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": ref("Alarm")}]},
                },
            },
        },
    }


def ask(cloud: Cloud) -> str:
    answer: Any = client_of(cloud, "sagemaker-runtime").invoke_endpoint(
        EndpointName=NAME, ContentType="text/csv", Body=b"1,2\n"
    )
    return str(answer["Body"].read().decode())


def test_a_rolling_update_and_one_that_goes_back(tmp_path_factory: pytest.TempPathFactory) -> None:
    with tiny_cloud(tmp_path_factory.mktemp("rolling")) as cloud:
        cloudformation, sagemaker = client_of(cloud, "cloudformation"), client_of(cloud, "sagemaker")
        deploy(cloudformation, "rolling", resources("one"), Outputs=outputs(Queue=ref("Queue")))
        [stack] = cloudformation.describe_stacks(StackName="rolling")["Stacks"]
        assert ask(cloud) == "one"

        def update(answer: str) -> None:
            template = {"Resources": resources(answer), "Outputs": outputs(Queue=ref("Queue"))}
            cloudformation.update_stack(
                StackName="rolling",
                TemplateBody=json.dumps(template),
                Capabilities=["CAPABILITY_NAMED_IAM"],
            )

        update("two")
        assert eventually(lambda: finished(cloudformation, "rolling"), 60) == "UPDATE_COMPLETE"
        assert {ask(cloud) for _ in range(4)} == {"two"}

        update("one")
        assert eventually(lambda: "one" in {ask(cloud) for _ in range(4)}, 30), "the first batch has traffic"
        client_of(cloud, "cloudwatch").put_metric_data(
            Namespace="Mine", MetricData=[{"MetricName": "Complaints", "Value": 1}]
        )
        assert eventually(lambda: finished(cloudformation, "rolling"), 60) == "UPDATE_ROLLBACK_COMPLETE"
        described = sagemaker.describe_endpoint(EndpointName=NAME)
        assert ALARM in described["FailureReason"]
        assert described["ProductionVariants"][0]["CurrentInstanceCount"] == 2
        assert {ask(cloud) for _ in range(4)} == {"two"}

        queue = stack["Outputs"][0]["OutputValue"]
        [message] = client_of(cloud, "sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=5)["Messages"]
        detail = json.loads(message["Body"])["detail"]
        assert (detail["EndpointName"], detail["EndpointStatus"]) == (NAME, "ROLLING_BACK")
        assert ALARM in detail["FailureReason"]
