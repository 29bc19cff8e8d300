"""One request, one execution, whatever the events do; a right that is missing ends an execution."""

import json
from pathlib import Path

from tests.loop.deployed import Deployed, until
from tests.loop.raw_stacks import att, outputs, queue_policy, ref, send_from_events, stack

OBJECT_CREATED = {"source": ["aws.s3"], "detail-type": ["Object Created"]}
COPIES = {
    "Queue": {"Type": "AWS::SQS::Queue"},
    "Policy": queue_policy("Queue", [send_from_events("Queue")]),
    "Rule": {
        "Type": "AWS::Events::Rule",
        "Properties": {
            "EventPattern": OBJECT_CREATED,
            "Targets": [{"Id": "copy", "Arn": att("Queue", "Arn")}],
        },
    },
}


def test_a_missing_right_ends_the_execution_and_a_repeated_event_starts_none(
    served: str, deployed: Deployed, months: list[Path]
) -> None:
    iam, sqs = deployed.client("iam"), deployed.client("sqs")
    role = deployed.resource("training", "PrepareRole")
    rights = iam.get_role_policy(RoleName=role, PolicyName="rights")["PolicyDocument"]
    fewer = [statement for statement in rights["Statement"] if statement["Sid"] != "ReadData"]
    assert len(fewer) == len(rights["Statement"]) - 1
    served_before = deployed.serving()
    with stack(deployed.client, "copies", COPIES, Outputs=outputs(Queue=ref("Queue"))) as copies:
        put_rights(iam, role, rights | {"Statement": fewer})
        try:
            deployed.put("data/august.csv", months[2].read_bytes())
            [event] = until(
                "the event",
                lambda: sqs.receive_message(QueueUrl=copies["Queue"], WaitTimeSeconds=1).get("Messages"),
            )
            repeat(deployed, event["Body"])
            failed = deployed.failed_step()
        finally:
            put_rights(iam, role, rights)
        assert failed["StepName"] == "Prepare"
        assert "AccessDenied" in failed["FailureReason"]
        assert "s3:GetObject" in failed["FailureReason"]
        repeat(deployed, event["Body"])
        until("all messages taken", lambda: not deployed.messages())
        forget_requests(deployed)
        repeat(deployed, event["Body"])
        until("all messages taken", lambda: not deployed.messages())
        assert deployed.sageloop_json("status")["waiting"]["requests"] == 0
        assert len(deployed.executions()) == deployed.requests
        assert deployed.serving() == served_before


def forget_requests(deployed: Deployed) -> None:
    """As if so many events had come since that none of these is remembered: then the list decides."""
    deployed.client("dynamodb").update_item(
        TableName=deployed.outputs("retraining")["TableName"],
        Key={"pipeline": {"S": deployed.outputs("training")["PipelineName"]}},
        UpdateExpression="SET seen = :none",
        ExpressionAttributeValues={":none": {"L": []}},
    )


def put_rights(iam: object, role: str, document: dict[str, object]) -> None:
    iam.put_role_policy(RoleName=role, PolicyName="rights", PolicyDocument=json.dumps(document))  # type: ignore[attr-defined]


def repeat(deployed: Deployed, body: str) -> None:
    """Deliver an event again, twice, as S3 and EventBridge may."""
    queue = deployed.outputs("retraining")["RetrainQueueUrl"]
    for _ in range(2):
        deployed.client("sqs").send_message(QueueUrl=queue, MessageBody=body)
