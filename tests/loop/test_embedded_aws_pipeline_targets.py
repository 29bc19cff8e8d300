"""Rules that start pipelines: with what the event says, with the role of the target, or not at all."""

import json
from typing import Any

from tests.loop.raw_stacks import (
    Json,
    allow,
    att,
    delete_all,
    encrypted_bucket,
    eventually,
    for_service,
    key,
    outputs,
    queue_policy,
    ref,
    role,
    send_from_events,
    stack,
)

START = "sagemaker:StartPipelineExecution"
# It ends at once.
DEFINITION = {
    "Version": "2020-12-01",
    "Metadata": {},
    "Parameters": [{"Name": "Rows", "Type": "String", "DefaultValue": "rows/"}],
    "Steps": [
        {"Name": "Say", "Type": "Fail", "Arguments": {"ErrorMessage": {"Get": "Parameters.Rows"}}},
    ],
}


def resources(pipeline: str, *rights: Json) -> Json:
    arn = {"Fn::Sub": f"arn:aws:sagemaker:${{AWS::Region}}:${{AWS::AccountId}}:pipeline/{pipeline}"}
    pattern = {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {"bucket": {"name": [ref("Data")]}, "object": {"key": [{"prefix": "rows/"}]}},
    }
    target = {
        "Id": "pipeline",
        "Arn": arn,
        "RoleArn": att("Starter", "Arn"),
        "SageMakerPipelineParameters": {
            "PipelineParameterList": [{"Name": "Rows", "Value": "$.detail.object.key"}]
        },
        "DeadLetterConfig": {"Arn": att("Dead", "Arn")},
    }
    return {
        "Key": key(for_service("events.amazonaws.com")),
        "Data": encrypted_bucket(
            NotificationConfiguration={"EventBridgeConfiguration": {"EventBridgeEnabled": True}}
        ),
        "Dead": {"Type": "AWS::SQS::Queue", "Properties": {"SqsManagedSseEnabled": True}},
        "DeadPolicy": queue_policy("Dead", [send_from_events("Dead")]),
        "Runner": role("sagemaker.amazonaws.com"),
        "Starter": role("events.amazonaws.com", *rights),
        "Pipeline": {
            "Type": "AWS::SageMaker::Pipeline",
            "Properties": {
                "PipelineName": pipeline,
                "PipelineDefinition": {"PipelineDefinitionBody": json.dumps(DEFINITION)},
                "RoleArn": att("Runner", "Arn"),
            },
        },
        "Rule": {
            "Type": "AWS::Events::Rule",
            "Properties": {"EventPattern": pattern, "Targets": [target]},
        },
    }


def executions(client: Any, pipeline: str) -> list[str]:
    listed = client("sagemaker").list_pipeline_executions(PipelineName=pipeline)
    return [each["PipelineExecutionArn"] for each in listed["PipelineExecutionSummaries"]]


def test_an_object_starts_the_pipeline_with_its_key(client: Any) -> None:
    made = resources("says", allow(START, "*"))
    with stack(client, "starts-pipelines", made, Outputs=outputs(Data=ref("Data"))) as found:
        s3, sagemaker = client("s3"), client("sagemaker")
        s3.put_object(Bucket=found["Data"], Key="other/x.csv", Body=b"1\n")
        s3.put_object(Bucket=found["Data"], Key="rows/x.csv", Body=b"1\n")

        [arn] = eventually(lambda: executions(client, "says"))
        given = sagemaker.list_pipeline_parameters_for_execution(PipelineExecutionArn=arn)
        assert given["PipelineParameters"] == [{"Name": "Rows", "Value": "rows/x.csv"}]
        delete_all(s3, found["Data"])


def test_a_role_that_may_not_start_it_sends_the_event_to_the_dead_letters(client: Any) -> None:
    made = resources("says-nothing")
    named = outputs(Data=ref("Data"), Dead=ref("Dead"))
    with stack(client, "starts-nothing", made, Outputs=named) as found:
        s3, sqs = client("s3"), client("sqs")
        s3.put_object(Bucket=found["Data"], Key="rows/x.csv", Body=b"1\n")
        [message] = eventually(
            lambda: sqs.receive_message(QueueUrl=found["Dead"], MessageAttributeNames=["All"]).get(
                "Messages", []
            )
        )
        assert json.loads(message["Body"])["detail"]["object"]["key"] == "rows/x.csv"
        assert message["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "NO_PERMISSIONS"
        assert START in message["MessageAttributes"]["ERROR_MESSAGE"]["StringValue"]
        assert executions(client, "says-nothing") == []
        delete_all(s3, found["Data"])
