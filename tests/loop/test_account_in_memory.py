"""The AWS in memory, with which histories are played, answers as the embedded AWS does."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.cloud import Cloud
from tests.histories.aws import client as memory
from tests.histories.aws.account import Account
from tests.histories.aws.client import Turn
from tests.histories.wiring import WiredQueue, Wiring
from tests.loop.conftest import Clients
from tests.loop.own_cloud import image_of, push_programs

NAME = "alike"
BUCKET, PIPELINE = f"{NAME}-storage-incoming", f"{NAME}-training"
WIRING = Wiring(
    project=NAME,
    functions={},
    wired_queues=(WiredQueue(NAME, 30, None, None),),
    rules=(),
    tables={NAME: "id"},
    subscribed={},
    thresholds={},
    buckets=(BUCKET,),
    pipelines={PIPELINE: {}},
)
TOKEN = "0" * 64


@dataclass(frozen=True)
class Aws:
    """Clients of an AWS, and the names that it gave."""

    client: Callable[[str], Any]
    queue: str
    key: str
    topic: str

    def refused(self, service: str, operation: str, **request: Any) -> str:
        """The code by which a call is refused."""
        try:
            getattr(self.client(service), operation)(**request)
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return "not refused"


@pytest.fixture(scope="module")
def embedded(client: Clients) -> Aws:
    """The same things in the embedded AWS."""
    s3, sagemaker = client("s3"), client("sagemaker")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    client("dynamodb").create_table(
        TableName=NAME,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": "sagemaker.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    role = client("iam").create_role(
        RoleName=NAME, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )["Role"]["Arn"]
    fail = {"Name": "End", "Type": "Fail", "Arguments": {"ErrorMessage": "at once"}}
    definition = json.dumps({"Version": "2020-12-01", "Metadata": {}, "Parameters": [], "Steps": [fail]})
    sagemaker.create_pipeline(
        PipelineName=PIPELINE, ClientRequestToken=TOKEN, RoleArn=role, PipelineDefinition=definition
    )
    sagemaker.create_model_package_group(ModelPackageGroupName=NAME)
    key = client("kms").create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]["Arn"]
    topic = client("sns").create_topic(Name=NAME)["TopicArn"]
    return Aws(client, client("sqs").create_queue(QueueName=NAME)["QueueUrl"], key, topic)


@pytest.fixture
def in_memory() -> Iterator[Aws]:
    """An account of which nothing has happened yet."""
    account = Account(WIRING)
    Turn.account = account
    yield Aws(memory.client, account.sqs.queues[NAME].url, "arn:aws:kms:key", f"arn:aws:sns:topic:{NAME}")
    Turn.account = None


def objects(aws: Aws) -> list[Any]:
    """Writing, listing, copying and deleting under conditions."""
    s3 = aws.client("s3")
    etags = [s3.put_object(Bucket=BUCKET, Key=f"o/{key}", Body=key.encode())["ETag"] for key in "abcde"]
    page = s3.list_objects_v2(Bucket=BUCKET, Prefix="o/", MaxKeys=2)
    after = s3.list_objects_v2(Bucket=BUCKET, Prefix="o/", StartAfter="o/c")
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=BUCKET, Prefix="o/", PaginationConfig={"PageSize": 2}
    )
    copied = s3.copy_object(
        Bucket=BUCKET,
        Key="o/copy",
        CopySource={"Bucket": BUCKET, "Key": "o/a"},
        CopySourceIfMatch=etags[0],
        MetadataDirective="REPLACE",
        Metadata={"reason": "why"},
    )
    head = s3.head_object(Bucket=BUCKET, Key="o/copy")
    wrong = {"Bucket": BUCKET, "Key": "o/x", "CopySource": {"Bucket": BUCKET, "Key": "o/a"}}
    return [
        etags,
        [found["Key"] for found in page["Contents"]],
        (page["IsTruncated"], page["KeyCount"]),
        [found["Key"] for found in after["Contents"]],
        [[found["Key"] for found in each["Contents"]] for each in pages],
        copied["CopyObjectResult"]["ETag"],
        (head["Metadata"], head["ContentLength"]),
        s3.get_object(Bucket=BUCKET, Key="o/a", IfMatch=etags[0])["Body"].read(),
        "Contents" in s3.list_objects_v2(Bucket=BUCKET, Prefix="nothing/"),
        aws.refused("s3", "copy_object", **wrong, CopySourceIfMatch=etags[1]),
        aws.refused("s3", "get_object", Bucket=BUCKET, Key="o/none"),
        aws.refused("s3", "head_object", Bucket=BUCKET, Key="o/none"),
        aws.refused("s3", "put_object", Bucket=BUCKET, Key="o/a", Body=b"", IfNoneMatch="*"),
        aws.refused("s3", "delete_object", Bucket=BUCKET, Key="o/a", IfMatch=etags[1]),
        s3.delete_object(Bucket=BUCKET, Key="o/a", IfMatch=etags[0]).get("DeleteMarker"),
        aws.refused("s3", "get_object", Bucket=BUCKET, Key="o/a"),
        aws.refused("s3", "delete_object", Bucket=BUCKET, Key="o/a", IfMatch=etags[0]),
        _versions(s3.list_object_versions(Bucket=BUCKET, Prefix="o/a")),
    ]


def _versions(listed: Any) -> tuple[int, int]:
    return len(listed.get("Versions", [])), len(listed.get("DeleteMarkers", []))


def items(aws: Aws) -> list[Any]:
    """Writing over what was read, and only over that."""
    dynamodb = aws.client("dynamodb")

    def write(lock: int, read: int) -> str:
        return aws.refused(
            "dynamodb",
            "put_item",
            TableName=NAME,
            Item={"id": {"S": "one"}, "lock": {"N": f"{lock}"}, "who": {"L": [{"S": "ann"}]}},
            ConditionExpression="attribute_not_exists(id) OR #lock = :read",
            ExpressionAttributeNames={"#lock": "lock"},
            ExpressionAttributeValues={":read": {"N": f"{read}"}},
        )

    missing = dynamodb.get_item(TableName=NAME, Key={"id": {"S": "none"}}, ConsistentRead=True)
    written = [write(1, 0), write(2, 0), write(2, 1)]
    found = dynamodb.get_item(TableName=NAME, Key={"id": {"S": "one"}}, ConsistentRead=True)["Item"]
    once = {
        "TableName": NAME,
        "Item": {"id": {"S": "two"}},
        "ConditionExpression": "attribute_not_exists(id)",
    }
    return [
        "Item" in missing,
        written,
        found,
        [aws.refused("dynamodb", "put_item", **once) for _ in range(2)],
        aws.refused("dynamodb", "get_item", TableName="none", Key={"id": {"S": "one"}}),
    ]


def messages(aws: Aws) -> list[Any]:
    """Delays, and what no queue takes."""
    sqs = aws.client("sqs")
    for delay in (0, 900):
        sqs.send_message(QueueUrl=aws.queue, MessageBody="x", DelaySeconds=delay)
    counted = sqs.get_queue_attributes(QueueUrl=aws.queue, AttributeNames=["All"])["Attributes"]
    return [
        (counted["ApproximateNumberOfMessages"], counted["ApproximateNumberOfMessagesDelayed"]),
        aws.refused("sqs", "send_message", QueueUrl=aws.queue, MessageBody="x", DelaySeconds=901),
        aws.refused("sqs", "send_message", QueueUrl=aws.queue + "none", MessageBody="x"),
    ]


def executions(aws: Aws) -> list[Any]:
    """A token starts one execution, however often it comes."""
    sagemaker = aws.client("sagemaker")

    def start(token: str) -> str:
        arn: str = sagemaker.start_pipeline_execution(
            PipelineName=PIPELINE, ClientRequestToken=token * 32, PipelineExecutionDescription=token
        )["PipelineExecutionArn"]
        return arn

    one, again, other = start("a"), start("a"), start("b")
    listed = sagemaker.list_pipeline_executions(
        PipelineName=PIPELINE, SortBy="CreationTime", SortOrder="Descending"
    )["PipelineExecutionSummaries"]
    described = sagemaker.describe_pipeline(PipelineName=PIPELINE)
    return [
        one == again,
        one == other,
        [each["PipelineExecutionDescription"] for each in listed],
        "PipelineDefinition" in described,
        aws.refused("sagemaker", "describe_pipeline_execution", PipelineExecutionArn=f"{one[:-4]}none"),
        aws.refused(
            "sagemaker", "start_pipeline_execution", PipelineName="none", ClientRequestToken="c" * 32
        ),
    ]


def packages(aws: Aws) -> list[Any]:
    """What is approved is listed, newest first; what is not there is refused in words."""
    sagemaker = aws.client("sagemaker")
    listed = sagemaker.list_model_packages(ModelPackageGroupName=NAME, SortOrder="Descending")
    arns = [each["ModelPackageArn"] for each in listed["ModelPackageSummaryList"]]
    for arn, status in zip(arns, ("Approved", "Rejected", "Approved"), strict=True):
        sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus=status)
    approved = sagemaker.list_model_packages(
        ModelPackageGroupName=NAME,
        ModelApprovalStatus="Approved",
        SortBy="CreationTime",
        SortOrder="Descending",
        MaxResults=1,
    )
    missing = ""
    try:
        sagemaker.describe_model_package(ModelPackageName=f"{arns[0].rpartition('/')[0]}/99")
    except ClientError as error:
        missing = error.response["Error"]["Message"]
    described = sagemaker.describe_model_package(ModelPackageName=arns[1])
    return [
        [each["ModelPackageVersion"] for each in listed["ModelPackageSummaryList"]],
        [each["ModelPackageVersion"] for each in approved["ModelPackageSummaryList"]],
        "NextToken" in approved,
        (described["ModelApprovalStatus"], described["InferenceSpecification"]["Containers"][0]["Image"]),
        "does not exist" in missing,
    ]


def signatures(aws: Aws) -> list[Any]:
    """What was signed is verified, and nothing else."""
    kms = aws.client("kms")
    asked = {"KeyId": aws.key, "MacAlgorithm": "HMAC_SHA_256"}
    mac = kms.generate_mac(**asked, Message=b"a")["Mac"]
    return [
        kms.verify_mac(**asked, Message=b"a", Mac=mac)["MacValid"],
        aws.refused("kms", "verify_mac", **asked, Message=b"b", Mac=mac),
    ]


def news(aws: Aws) -> list[Any]:
    """Events and messages are taken."""
    entry = {"Source": "sageloop", "DetailType": "Alike", "Detail": "{}"}
    told = aws.client("events").put_events(Entries=[entry])
    sent = aws.client("sns").publish(TopicArn=aws.topic, Subject="alike", Message="text")
    return [told["FailedEntryCount"], len(told["Entries"]), bool(sent["MessageId"])]


@pytest.mark.parametrize("play", [objects, items, messages, executions, signatures, news])
def test_both_answer_alike(embedded: Aws, in_memory: Aws, play: Callable[[Aws], list[Any]]) -> None:
    assert play(in_memory) == play(embedded)


def test_both_registries_answer_alike(embedded: Aws, in_memory: Aws, cloud: Cloud, tmp_path: Path) -> None:
    account = Turn.account
    assert account
    push_programs(cloud, tmp_path, NAME)
    image = image_of(NAME)
    for _ in range(3):
        version = account.registry.register("PendingManualApproval", "s3://alike/model.tar.gz")
        account.registry.packages[version]["InferenceSpecification"]["Containers"][0]["Image"] = image
        embedded.client("sagemaker").create_model_package(
            ModelPackageGroupName=NAME,
            ModelApprovalStatus="PendingManualApproval",
            InferenceSpecification={
                "Containers": [{"Image": image, "ModelDataUrl": "s3://alike/model.tar.gz"}],
                "SupportedContentTypes": ["text/csv"],
                "SupportedResponseMIMETypes": ["text/csv"],
            },
        )
    assert packages(in_memory) == packages(embedded)
