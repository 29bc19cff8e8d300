"""kill -9 of the embedded AWS: what it had acknowledged is there when it starts again."""

import json
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from local import cloud as clouds
from local.cloud import Cloud
from tests.loop.raw_stacks import allow, att, client_of, eventually, finished, role

SETTLED_SECONDS = 0.5
"""Changes are on disk within a tenth of a second; a busy machine gets some more."""


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "aws"
    clouds.stop(tmp_path / "aws")


def test_starts_at_once_make_one_cloud(state: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        started = list(pool.map(lambda _: clouds.start(state), range(4)))
    assert len({cloud.pid for cloud in started}) == 1
    assert client_of(started[0], "sts").get_caller_identity()["Account"] == "000000000000"


def kill(cloud: Cloud) -> None:
    os.kill(cloud.pid, signal.SIGKILL)
    while clouds.running(cloud.state):
        time.sleep(0.02)


def test_everything_acknowledged_survives(state: Path) -> None:
    cloud = clouds.start(state)
    s3, sqs = client_of(cloud, "s3"), client_of(cloud, "sqs")
    dynamodb, iam = client_of(cloud, "dynamodb"), client_of(cloud, "iam")
    s3.create_bucket(Bucket="kept-bucket")
    s3.put_bucket_versioning(Bucket="kept-bucket", VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket="kept-bucket", Key="a/b", Body=b"first")
    version = s3.put_object(Bucket="kept-bucket", Key="a/b", Body=b"second")["VersionId"]
    upload = s3.create_multipart_upload(Bucket="kept-bucket", Key="big")["UploadId"]
    part = s3.upload_part(Bucket="kept-bucket", Key="big", UploadId=upload, PartNumber=1, Body=b"part")
    s3.complete_multipart_upload(
        Bucket="kept-bucket",
        Key="big",
        UploadId=upload,
        MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]},
    )
    queue = sqs.create_queue(QueueName="kept")["QueueUrl"]
    sqs.send_message(QueueUrl=queue, MessageBody="waiting")
    dynamodb.create_table(
        TableName="kept",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    dynamodb.put_item(TableName="kept", Item={"id": {"S": "x"}, "n": {"N": "7"}})
    iam.create_role(
        RoleName="kept", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": []})
    )
    deploy(cloud, "kept", {"T": {"Type": "AWS::SNS::Topic", "Properties": {}}})
    time.sleep(SETTLED_SECONDS)
    kill(cloud)

    again = clouds.start(state)
    assert again.url == cloud.url
    assert s3.get_object(Bucket="kept-bucket", Key="a/b")["Body"].read() == b"second"
    assert s3.head_object(Bucket="kept-bucket", Key="a/b")["VersionId"] == version
    assert len(s3.list_object_versions(Bucket="kept-bucket", Prefix="a/")["Versions"]) == 2
    assert s3.get_object(Bucket="kept-bucket", Key="big")["Body"].read() == b"part"
    assert [m["Body"] for m in sqs.receive_message(QueueUrl=queue)["Messages"]] == ["waiting"]
    assert dynamodb.get_item(TableName="kept", Key={"id": {"S": "x"}})["Item"]["n"] == {"N": "7"}
    assert iam.get_role(RoleName="kept")["Role"]["RoleName"] == "kept"
    described = client_of(again, "cloudformation").describe_stacks(StackName="kept")["Stacks"][0]
    assert described["StackStatus"] == "CREATE_COMPLETE"


def deploy(cloud: Cloud, name: str, resources: dict[str, Any]) -> None:
    cloudformation = client_of(cloud, "cloudformation")
    cloudformation.create_stack(
        StackName=name, TemplateBody=json.dumps({"Resources": resources}), Capabilities=["CAPABILITY_IAM"]
    )
    cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})


GATE = """
import json, time, urllib.request, boto3
def handle(event, context):
    s3 = boto3.client("s3")
    while event["RequestType"] == "Create" and not s3.list_objects_v2(Bucket="gate-bucket").get("Contents"):
        time.sleep(0.05)
    answer = {key: event[key] for key in ("StackId", "RequestId", "LogicalResourceId")}
    answer |= {"Status": "SUCCESS", "PhysicalResourceId": "gate"}
    request = urllib.request.Request(event["ResponseURL"], json.dumps(answer).encode(), method="PUT")
    urllib.request.urlopen(request)
"""


def gate() -> dict[str, Any]:
    """A custom resource that is there when an object is."""
    return {
        "GateRole": role("lambda.amazonaws.com", allow("s3:ListBucket", "arn:aws:s3:::gate-bucket")),
        "GateFunction": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Runtime": "python3.11",
                "Handler": "index.handle",
                "Role": att("GateRole", "Arn"),
                "Timeout": 60,
                "Code": {"ZipFile": GATE},
            },
        },
    }


@pytest.mark.parametrize("update", [False, True])
def test_a_stack_operation_goes_on_after_a_kill(state: Path, update: bool) -> None:
    cloud = clouds.start(state)
    cloudformation = client_of(cloud, "cloudformation")
    client_of(cloud, "s3").create_bucket(Bucket="gate-bucket")
    first = {"First": {"Type": "AWS::SQS::Queue", "Properties": {}}} | gate()
    rest = {
        "Gate": {
            "Type": "Custom::Gate",
            "Properties": {"ServiceToken": att("GateFunction", "Arn")},
            "DependsOn": "First",
        },
        "Last": {"Type": "AWS::SQS::Queue", "Properties": {}, "DependsOn": "Gate"},
    }
    if update:
        deploy(cloud, "goes-on", first)
    change = cloudformation.update_stack if update else cloudformation.create_stack
    change(
        StackName="goes-on",
        TemplateBody=json.dumps({"Resources": first | rest}),
        Capabilities=["CAPABILITY_IAM"],
        ClientRequestToken="promote-3",
    )
    time.sleep(SETTLED_SECONDS)
    kill(cloud)
    clouds.start(state)
    time.sleep(SETTLED_SECONDS)
    assert not finished(cloudformation, "goes-on")
    client_of(cloud, "s3").put_object(Bucket="gate-bucket", Key="go")
    done = "UPDATE_COMPLETE" if update else "CREATE_COMPLETE"
    assert eventually(lambda: finished(cloudformation, "goes-on")) == done
    there = cloudformation.describe_stack_resources(StackName="goes-on")["StackResources"]
    queues = {r["PhysicalResourceId"] for r in there if r["ResourceType"] == "AWS::SQS::Queue"}
    assert len(queues) == 2
    assert set(client_of(cloud, "sqs").list_queues()["QueueUrls"]) == queues
    events = cloudformation.describe_stack_events(StackName="goes-on")["StackEvents"]
    assert (events[0]["ResourceStatus"], events[0]["ClientRequestToken"]) == (done, "promote-3")


def test_one_server_for_one_state(state: Path) -> None:
    cloud = clouds.start(state)
    assert clouds.start(state) == cloud
    assert clouds.processes(state) == [cloud.pid]
    assert clouds.stop(state)
    assert not clouds.processes(state)
    assert not clouds.stop(state)
