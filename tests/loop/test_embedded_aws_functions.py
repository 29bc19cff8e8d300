"""Functions on queues, with the rights that Lambda asks of their roles."""

import time
from typing import Any

import pytest

from tests.loop.raw_stacks import Json, allow, att, deploy, eventually, key, outputs, ref, role, stack

HANDLER = """
import json, os, boto3
def handle(event, context):
    failed = []
    for record in event["Records"]:
        if record["body"] == "poison":
            failed.append({"itemIdentifier": record["messageId"]})
        else:
            item = {"id": {"S": record["body"]}}
            boto3.client("dynamodb").put_item(TableName=os.environ["TABLE"], Item=item)
    return {"batchItemFailures": failed}
"""


def function_stack(**left_out: bool) -> Json:
    logs = {"Fn::Sub": "arn:aws:logs:${AWS::Region}:${AWS::AccountId}:log-group:/aws/lambda/worker*"}
    statements = [
        allow(["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"], att("Queue", "Arn")),
        allow(["kms:Decrypt"], att("Key", "Arn")),
        allow(["dynamodb:PutItem"], att("Table", "Arn")),
        *([] if left_out.get("logs") else [allow(["logs:CreateLogStream", "logs:PutLogEvents"], logs)]),
    ]
    return {
        "Key": key(),
        "Table": {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {
                "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
                "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
                "BillingMode": "PAY_PER_REQUEST",
                "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
                "SSESpecification": {
                    "SSEEnabled": True,
                    "SSEType": "KMS",
                    "KMSMasterKeyId": att("Key", "Arn"),
                },
            },
        },
        "Dead": {"Type": "AWS::SQS::Queue", "Properties": {"KmsMasterKeyId": att("Key", "Arn")}},
        "Queue": {
            "Type": "AWS::SQS::Queue",
            "Properties": {
                "KmsMasterKeyId": att("Key", "Arn"),
                "VisibilityTimeout": 1,
                "RedrivePolicy": {"deadLetterTargetArn": att("Dead", "Arn"), "maxReceiveCount": 2},
            },
        },
        "Role": role("lambda.amazonaws.com", *statements),
        "Group": {
            "Type": "AWS::Logs::LogGroup",
            "Properties": {"LogGroupName": "/aws/lambda/worker", "RetentionInDays": 30},
        },
        "Function": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "FunctionName": "worker",
                "Runtime": "python3.11",
                "Handler": "index.handle",
                "Role": att("Role", "Arn"),
                "Timeout": 10,
                "Code": {"ZipFile": HANDLER},
                "Environment": {"Variables": {"TABLE": ref("Table")}},
                "ReservedConcurrentExecutions": 2,
                "DeadLetterConfig": {"TargetArn": att("Dead", "Arn")},
            },
            "DependsOn": ["Group"],
        },
        "Mapping": {
            "Type": "AWS::Lambda::EventSourceMapping",
            "Properties": {
                "EventSourceArn": att("Queue", "Arn"),
                "FunctionName": ref("Function"),
                "BatchSize": 10,
                "FunctionResponseTypes": ["ReportBatchItemFailures"],
            },
        },
    }


def test_a_function_takes_a_queue_and_hands_back_what_failed(client: Any) -> None:
    values = outputs(Queue=ref("Queue"), Dead=ref("Dead"), Table=ref("Table"))
    with stack(client, "function", function_stack(), Outputs=values) as made:
        sqs, dynamodb = client("sqs"), client("dynamodb")
        for body in ("good", "poison"):
            sqs.send_message(QueueUrl=made["Queue"], MessageBody=body)
        assert eventually(lambda: dynamodb.scan(TableName=made["Table"])["Items"]) == [{"id": {"S": "good"}}]
        [dead] = eventually(lambda: sqs.receive_message(QueueUrl=made["Dead"]).get("Messages", []))
        assert dead["Body"] == "poison"
        logs = client("logs")
        assert eventually(lambda: logs.describe_log_streams(logGroupName="/aws/lambda/worker")["logStreams"])
        function = client("lambda").get_function(FunctionName="worker")
        assert function["Concurrency"]["ReservedConcurrentExecutions"] == 2
        assert function["Configuration"]["DeadLetterConfig"]["TargetArn"].startswith("arn:aws:sqs:")
        # A delayed message is not seen before its time.
        sqs.send_message(QueueUrl=made["Queue"], MessageBody="later", DelaySeconds=2)
        time.sleep(1)
        assert len(dynamodb.scan(TableName=made["Table"])["Items"]) == 1
        assert eventually(lambda: len(dynamodb.scan(TableName=made["Table"])["Items"]) == 2)


def test_a_function_without_the_right_to_read_its_queue_gets_no_mapping(client: Any) -> None:
    resources = function_stack()
    statements = resources["Role"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    statements[0]["Action"].remove("sqs:ReceiveMessage")
    cloudformation = client("cloudformation")
    with pytest.raises(AssertionError, match=r"sqs:ReceiveMessage"):
        deploy(cloudformation, "no-mapping", resources)
    cloudformation.delete_stack(StackName="no-mapping")


def test_logs_need_the_right_to_write_them(client: Any) -> None:
    resources = function_stack(logs=True)
    with stack(client, "no-logs", resources, Outputs=outputs(Queue=ref("Queue"), Table=ref("Table"))) as made:
        client("sqs").send_message(QueueUrl=made["Queue"], MessageBody="good")
        assert eventually(lambda: client("dynamodb").scan(TableName=made["Table"])["Items"])
        time.sleep(0.5)
        assert not client("logs").describe_log_streams(logGroupName="/aws/lambda/worker")["logStreams"]
