"""Policies that AWS asks when one of its services acts by itself, and the record of those that decide."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local import cloud as clouds
from local.cloud import Cloud
from tests.loop.raw_stacks import (
    Json,
    allow,
    assume,
    att,
    client_of,
    delete_all,
    encrypted_bucket,
    eventually,
    finished,
    for_service,
    key,
    outputs,
    put_policy,
    ref,
    role,
    stack,
)

ACCOUNT = {"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:root"}


def refused(client: Any, name: str, resources: Json) -> list[str]:
    """Why CloudFormation does not make these resources."""
    cloudformation = client("cloudformation")
    cloudformation.create_stack(
        StackName=name,
        TemplateBody=json.dumps({"Resources": resources}),
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    assert eventually(lambda: finished(cloudformation, name), 60) == "ROLLBACK_COMPLETE"
    events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    cloudformation.delete_stack(StackName=name)
    return [event["ResourceStatusReason"] for event in events if event["ResourceStatus"] == "CREATE_FAILED"]


def test_an_access_log_arrives_where_the_target_lets_it(client: Any) -> None:
    def logged(name: str) -> Json:
        logging = {"DestinationBucketName": ref("Logs"), "LogFilePrefix": f"{name}/"}
        return {"Type": "AWS::S3::Bucket", "Properties": {"LoggingConfiguration": logging}}

    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "logging.s3.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": {"Fn::Sub": "${Logs.Arn}/*"},
        "Condition": {"ArnEquals": {"aws:SourceArn": att("Welcome", "Arn")}},
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    resources = {
        "Logs": {"Type": "AWS::S3::Bucket"},
        "Welcome": logged("welcome"),
        "Stranger": logged("stranger"),
        "Policy": {
            "Type": "AWS::S3::BucketPolicy",
            "Properties": {"Bucket": ref("Logs"), "PolicyDocument": policy},
        },
    }
    values = outputs(**{name: ref(name) for name in ("Logs", "Welcome", "Stranger")})
    s3 = client("s3")
    with stack(client, "access-logs", resources, Outputs=values) as made:

        def keys() -> list[str]:
            found = s3.list_objects_v2(Bucket=made["Logs"]).get("Contents", [])
            return [item["Key"] for item in found]

        for name in ("Stranger", "Welcome"):
            s3.put_object(Bucket=made[name], Key="a b.csv", Body=b"1")
        assert eventually(keys, 60)
        text = s3.get_object(Bucket=made["Logs"], Key=keys()[0])["Body"].read().decode()
        assert f" {made['Welcome']} [" in text
        assert " REST.PUT.OBJECT a%20b.csv " in text
        assert not any(name.startswith("stranger/") for name in keys())
        for name in made.values():
            delete_all(s3, name)


def test_logs_need_the_key_of_their_group(client: Any) -> None:
    group = {
        "Type": "AWS::Logs::LogGroup",
        "Properties": {"LogGroupName": "/secret", "KmsKeyId": att("Key", "Arn")},
    }
    why = refused(client, "log-key", {"Key": key(), "Group": group})
    assert any("not allowed to be used with Arn" in reason and "/secret" in reason for reason in why)


def test_a_traced_function_needs_rights_on_traces(client: Any) -> None:
    function = {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "FunctionName": "traced",
            "Runtime": "python3.11",
            "Handler": "index.handle",
            "Code": {"ZipFile": "def handle(event, context): ..."},
            "Role": att("Role", "Arn"),
            "TracingConfig": {"Mode": "Active"},
        },
    }
    rights = allow("xray:PutTelemetryRecords", "*")
    why = refused(client, "traced", {"Role": role("lambda.amazonaws.com", rights), "Function": function})
    sentence = "The provided execution role does not have permissions to call PutTraceSegments on XRAY"
    assert any(sentence in reason for reason in why)


@pytest.mark.parametrize("key_open", [True, False])
def test_an_alarm_needs_the_key_of_its_topic(client: Any, key_open: bool) -> None:
    """The alarm watches a queue, whose metric comes by itself."""
    name = f"topic-key-{key_open}".lower()
    cloudwatch = "cloudwatch.amazonaws.com"
    publish = {
        "Effect": "Allow",
        "Principal": {"Service": cloudwatch},
        "Action": "sns:Publish",
        "Resource": ref("Topic"),
    }
    take = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": att("Heard", "Arn"),
    }
    dimension = {"Name": "QueueName", "Value": f"{name}-watched"}
    resources = {
        "Key": key(*([for_service(cloudwatch)] if key_open else [])),
        "Watched": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": f"{name}-watched"}},
        "Heard": {"Type": "AWS::SQS::Queue"},
        "HeardPolicy": {
            "Type": "AWS::SQS::QueuePolicy",
            "Properties": {
                "Queues": [ref("Heard")],
                "PolicyDocument": {"Version": "2012-10-17", "Statement": [take]},
            },
        },
        "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"KmsMasterKeyId": ref("Key")}},
        "TopicPolicy": {
            "Type": "AWS::SNS::TopicPolicy",
            "Properties": {
                "Topics": [ref("Topic")],
                "PolicyDocument": {"Version": "2012-10-17", "Statement": [publish]},
            },
        },
        "Subscription": {
            "Type": "AWS::SNS::Subscription",
            "Properties": {"TopicArn": ref("Topic"), "Protocol": "sqs", "Endpoint": att("Heard", "Arn")},
        },
        "Alarm": {
            "Type": "AWS::CloudWatch::Alarm",
            "Properties": {
                "AlarmName": name,
                "Namespace": "AWS/SQS",
                "MetricName": "ApproximateNumberOfMessagesVisible",
                "Dimensions": [dimension],
                "Statistic": "Maximum",
                "Period": 60,
                "EvaluationPeriods": 1,
                "Threshold": 0,
                "ComparisonOperator": "GreaterThanThreshold",
                "TreatMissingData": "notBreaching",
                "AlarmActions": [ref("Topic")],
            },
        },
    }
    sqs, alarms = client("sqs"), client("cloudwatch")
    with stack(client, name, resources, Outputs=outputs(Watched=ref("Watched"), Heard=ref("Heard"))) as made:
        sqs.send_message(QueueUrl=made["Watched"], MessageBody="x")

        def state() -> bool:
            return bool(alarms.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["StateValue"] == "ALARM")

        def heard() -> list[Any]:
            found: list[Any] = sqs.receive_message(QueueUrl=made["Heard"]).get("Messages", [])
            return found

        assert eventually(state, 60)
        if key_open:
            assert eventually(heard)
        else:
            time.sleep(1)
            assert not heard()


def test_a_bucket_can_refuse_plain_http(client: Any) -> None:
    deny = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [att("Data", "Arn"), {"Fn::Sub": "${Data.Arn}/*"}],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    policy = {"Version": "2012-10-17", "Statement": [deny]}
    person = role("ec2.amazonaws.com", allow("s3:*", "*"), allow("kms:*", "*"))
    person["Properties"]["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] = {"AWS": ACCOUNT}
    resources = {
        "Key": key(),
        "Data": encrypted_bucket(),
        "Policy": {
            "Type": "AWS::S3::BucketPolicy",
            "Properties": {"Bucket": ref("Data"), "PolicyDocument": policy},
        },
        "Person": person,
    }
    with stack(
        client, "plain-http", resources, Outputs=outputs(Data=ref("Data"), Person=att("Person", "Arn"))
    ) as made:
        s3 = client("s3", assume(client, made["Person"]))
        s3.list_objects_v2(Bucket=made["Data"])

        def tell(request: Any, **_: Any) -> None:
            request.headers["x-forwarded-proto"] = "http"

        s3.meta.events.register("before-send.s3", tell)
        with pytest.raises(ClientError, match="AccessDenied"):
            s3.list_objects_v2(Bucket=made["Data"])


@pytest.fixture
def audited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An embedded AWS of its own that records, and the record."""
    monkeypatch.setenv("SAGELOOP_AUDIT", str(tmp_path / "decided.json"))
    running = clouds.start(tmp_path / "aws")
    yield running, tmp_path / "decided.json"
    clouds.stop(tmp_path / "aws")


def test_the_record_names_what_decided(audited: tuple[Cloud, Path]) -> None:
    cloud, record = audited

    def client(service: str, credentials: dict[str, str] | None = None) -> Any:
        return client_of(cloud, service, credentials)

    iam, s3 = client("iam"), client("s3")
    s3.create_bucket(Bucket="data")
    trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    arn = iam.create_role(RoleName="reader", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    twice = [allow("s3:PutObject", "*", Sid=sid) for sid in ("Here", "There")]
    put_policy(iam, "reader", [allow(["s3:ListBucket", "s3:GetObject"], "*", Sid="Read"), *twice])
    reader = client("s3", assume(client, arn))
    reader.put_object(Bucket="data", Key="x", Body=b"")
    reader.list_objects_v2(Bucket="data")

    def decided() -> list[tuple[str, str]]:
        found = json.loads(record.read_text()) if record.exists() else []
        return [(item["statement"]["Sid"], item["action"]) for item in found]

    assert eventually(decided) == [("Read", "s3:ListBucket")], "of two that allow the same, neither is needed"
