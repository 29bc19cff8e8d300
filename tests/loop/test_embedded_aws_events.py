"""Events: from S3, CloudWatch and CloudFormation to queues, or to the dead-letter queue."""

import json
import time
from typing import Any

import pytest

from tests.loop.raw_stacks import (
    Json,
    att,
    delete_all,
    encrypted_bucket,
    eventually,
    for_service,
    key,
    outputs,
    queue_policy,
    ref,
    send_from_events,
    stack,
)


def test_objects_reach_a_queue_by_prefix_with_the_detail_of_aws(client: Any) -> None:
    pattern = {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {"bucket": {"name": [ref("Data")]}, "object": {"key": [{"prefix": "data/"}]}},
    }
    from_rule = {"Condition": {"ArnEquals": {"aws:SourceArn": att("Rule", "Arn")}}}
    resources = {
        "Key": key(for_service("events.amazonaws.com")),
        "Data": encrypted_bucket(
            NotificationConfiguration={"EventBridgeConfiguration": {"EventBridgeEnabled": True}}
        ),
        "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"KmsMasterKeyId": att("Key", "Arn")}},
        "Policy": queue_policy("Queue", [send_from_events("Queue", **from_rule)]),
        "Rule": {
            "Type": "AWS::Events::Rule",
            "Properties": {"EventPattern": pattern, "Targets": [{"Id": "q", "Arn": att("Queue", "Arn")}]},
        },
    }
    with stack(client, "s3-events", resources, Outputs=outputs(Data=ref("Data"), Queue=ref("Queue"))) as made:
        s3, sqs = client("s3"), client("sqs")
        s3.put_object(Bucket=made["Data"], Key="other/x", Body=b"x")
        s3.put_object(Bucket=made["Data"], Key="data/jan.csv", Body=b"abc")
        [message] = eventually(
            lambda: sqs.receive_message(QueueUrl=made["Queue"], MaxNumberOfMessages=10).get("Messages", [])
        )
        event = json.loads(message["Body"])
        assert event["source"] == "aws.s3"
        assert event["detail-type"] == "Object Created"
        assert event["resources"] == [f"arn:aws:s3:::{made['Data']}"]
        detail = event["detail"]
        assert detail["bucket"] == {"name": made["Data"]}
        assert detail["object"]["key"] == "data/jan.csv"
        assert detail["object"]["size"] == 3
        assert {"etag", "sequencer", "version-id"} <= set(detail["object"])
        assert detail["reason"] == "PutObject"
        assert {"version", "request-id", "requester"} <= set(detail)
        time.sleep(0.5)
        assert not sqs.receive_message(QueueUrl=made["Queue"]).get("Messages")
        delete_all(s3, made["Data"])


@pytest.mark.parametrize("lacking", ["queue policy", "key policy"])
def test_an_event_that_may_not_be_delivered_ends_in_the_dead_letter_queue(client: Any, lacking: str) -> None:
    resources = {
        "Key": key(*([] if lacking == "key policy" else [for_service("events.amazonaws.com")])),
        "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"KmsMasterKeyId": att("Key", "Arn")}},
        "Dead": {"Type": "AWS::SQS::Queue", "Properties": {}},
        "DeadPolicy": queue_policy("Dead", [send_from_events("Dead")]),
        **(
            {}
            if lacking == "queue policy"
            else {"Policy": queue_policy("Queue", [send_from_events("Queue")])}
        ),
        "Rule": {
            "Type": "AWS::Events::Rule",
            "Properties": {
                "EventPattern": {"source": ["test"]},
                "Targets": [
                    {
                        "Id": "q",
                        "Arn": att("Queue", "Arn"),
                        "DeadLetterConfig": {"Arn": att("Dead", "Arn")},
                    }
                ],
            },
        },
    }
    values = outputs(Queue=ref("Queue"), Dead=ref("Dead"))
    with stack(client, "undeliverable", resources, Outputs=values) as made:
        entry = {"Source": "test", "DetailType": "t", "Detail": json.dumps({"n": 1})}
        client("events").put_events(Entries=[entry])
        sqs = client("sqs")
        [message] = eventually(
            lambda: sqs.receive_message(QueueUrl=made["Dead"], MessageAttributeNames=["All"]).get(
                "Messages", []
            )
        )
        assert json.loads(message["Body"])["detail"] == {"n": 1}
        assert message["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "NO_PERMISSIONS"
        assert not sqs.receive_message(QueueUrl=made["Queue"]).get("Messages")


def alarm(name: str, **more: Any) -> Json:
    return {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "AlarmName": name,
            "ComparisonOperator": "GreaterThanThreshold",
            "Threshold": 1,
            "EvaluationPeriods": 1,
            "TreatMissingData": "notBreaching",
            **more,
        },
    }


def metric(variant: str, name: str = "Invocation5XXErrors") -> Json:
    return {
        "Namespace": "Test/Alarms",
        "MetricName": name,
        "Dimensions": [{"Name": "VariantName", "Value": variant}],
        "Statistic": "Sum",
        "Period": 60,
    }


def test_alarms_look_at_their_own_dimensions_and_tell_of_each_change(client: Any) -> None:
    def stat(query_id: str, name: str) -> Json:
        chosen = metric("a", name)
        plain = {k: chosen[k] for k in ("Namespace", "MetricName", "Dimensions")}
        return {
            "Id": query_id,
            "ReturnData": False,
            "MetricStat": {"Metric": plain, "Period": 60, "Stat": "Sum"},
        }

    rate = [
        stat("e", "Invocation5XXErrors"),
        stat("n", "Invocations"),
        {"Id": "rate", "Expression": "100 * e / n", "Label": "rate", "ReturnData": True},
    ]
    publish = {
        "Effect": "Allow",
        "Principal": {"Service": "cloudwatch.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": ref("Topic"),
    }
    to_queue = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": att("Queue", "Arn"),
    }
    resources = {
        "Topic": {"Type": "AWS::SNS::Topic", "Properties": {}},
        "TopicPolicy": {
            "Type": "AWS::SNS::TopicPolicy",
            "Properties": {
                "Topics": [ref("Topic")],
                "PolicyDocument": {"Version": "2012-10-17", "Statement": [publish]},
            },
        },
        "A": alarm("alarm-a", **metric("a"), AlarmActions=[ref("Topic")]),
        "B": alarm("alarm-b", **metric("b")),
        "Rate": alarm("alarm-rate", Metrics=rate, Threshold=50),
        "Any": {
            "Type": "AWS::CloudWatch::CompositeAlarm",
            "Properties": {"AlarmName": "any", "AlarmRule": 'ALARM("alarm-a") OR ALARM("alarm-b")'},
            "DependsOn": ["A", "B"],
        },
        "Board": {
            "Type": "AWS::CloudWatch::Dashboard",
            "Properties": {"DashboardName": "board", "DashboardBody": json.dumps({"widgets": []})},
        },
        "Queue": {"Type": "AWS::SQS::Queue", "Properties": {}},
        "Policy": queue_policy("Queue", [send_from_events("Queue"), to_queue]),
        "Subscription": {
            "Type": "AWS::SNS::Subscription",
            "Properties": {"TopicArn": ref("Topic"), "Protocol": "sqs", "Endpoint": att("Queue", "Arn")},
        },
        "Rule": {
            "Type": "AWS::Events::Rule",
            "Properties": {
                "EventPattern": {"source": ["aws.cloudwatch"], "detail": {"alarmName": ["alarm-a", "any"]}},
                "Targets": [{"Id": "q", "Arn": att("Queue", "Arn")}],
            },
        },
    }
    with stack(client, "alarms", resources, Outputs=outputs(Queue=ref("Queue"))) as made:
        cloudwatch, sqs = client("cloudwatch"), client("sqs")

        def states() -> dict[str, str]:
            described = cloudwatch.describe_alarms(AlarmTypes=["MetricAlarm", "CompositeAlarm"])
            alarms = described["MetricAlarms"] + described["CompositeAlarms"]
            return {a["AlarmName"]: a["StateValue"] for a in alarms}

        assert eventually(lambda: states()["alarm-a"] == "OK"), states()
        data = [
            {
                "MetricName": name,
                "Value": value,
                "Dimensions": [{"Name": "VariantName", "Value": "a"}],
            }
            for name, value in (("Invocation5XXErrors", 5), ("Invocations", 6))
        ]
        cloudwatch.put_metric_data(Namespace="Test/Alarms", MetricData=data)
        wanted = {"alarm-a": "ALARM", "alarm-b": "OK", "alarm-rate": "ALARM", "any": "ALARM"}
        assert eventually(lambda: states() == wanted), states()
        seen: list[Json] = []

        def collect() -> bool:
            batch = sqs.receive_message(QueueUrl=made["Queue"], MaxNumberOfMessages=10).get("Messages", [])
            seen.extend(json.loads(m["Body"]) for m in batch)
            events = [m["detail"] for m in seen if "detail" in m and m["detail"]["state"]["value"] == "ALARM"]
            notices = [m for m in seen if m.get("Type") == "Notification"]
            return {e["alarmName"] for e in events} == {"alarm-a", "any"} and bool(notices)

        assert eventually(collect), seen
        # 60 s of silence, which here are 2, and the alarm is over.
        assert eventually(lambda: states()["any"] == "OK"), states()


def test_stack_changes_are_events_with_the_token_of_the_request(client: Any) -> None:
    pattern = {"source": ["aws.cloudformation"], "detail-type": ["CloudFormation Stack Status Change"]}
    resources = {
        "Queue": {"Type": "AWS::SQS::Queue", "Properties": {}},
        "Policy": queue_policy("Queue", [send_from_events("Queue")]),
        "Rule": {
            "Type": "AWS::Events::Rule",
            "Properties": {"EventPattern": pattern, "Targets": [{"Id": "q", "Arn": att("Queue", "Arn")}]},
        },
    }
    with stack(client, "listener", resources, Outputs=outputs(Queue=ref("Queue"))) as made:
        client("cloudformation").create_stack(
            StackName="told",
            TemplateBody=json.dumps({"Resources": {"T": {"Type": "AWS::SNS::Topic"}}}),
            ClientRequestToken="promote-1",
        )
        seen: list[Json] = []

        def collect() -> bool:
            received = client("sqs").receive_message(QueueUrl=made["Queue"], MaxNumberOfMessages=10)
            seen.extend(json.loads(m["Body"]) for m in received.get("Messages", []))
            return any(e["detail"]["status-details"]["status"] == "CREATE_COMPLETE" for e in told())

        def told() -> list[Json]:
            return [e for e in seen if ":stack/told/" in e["detail"]["stack-id"]]

        assert eventually(collect), seen
        assert {e["detail"]["client-request-token"] for e in told()} == {"promote-1"}
        assert all(e["resources"] == [e["detail"]["stack-id"]] for e in told())
        client("cloudformation").delete_stack(StackName="told")
