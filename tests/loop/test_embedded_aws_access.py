"""Rights that AWS asks for and an emulator easily forgets."""

import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from local.cloud import Cloud
from tests.loop.raw_stacks import (
    Json,
    allow,
    assume,
    att,
    delete_all,
    encrypted_bucket,
    key,
    outputs,
    put_policy,
    ref,
    role,
    stack,
)


def test_an_encrypted_bucket_needs_rights_on_its_key(client: Any) -> None:
    objects = {"Fn::Sub": "${Data.Arn}/*"}
    account = {"AWS": {"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:root"}}

    def reader(*statements: Json) -> Json:
        made = role("ec2.amazonaws.com", *statements)
        trust = made["Properties"]["AssumeRolePolicyDocument"]["Statement"][0]
        trust["Principal"] = account
        return made

    rights = allow(["s3:GetObject", "s3:PutObject"], objects)
    resources = {
        "Key": key(),
        "Data": encrypted_bucket(),
        "With": reader(rights, allow(["kms:Decrypt", "kms:GenerateDataKey"], att("Key", "Arn"))),
        "Without": reader(rights),
        "WriteOnly": reader(rights, allow("kms:GenerateDataKey", att("Key", "Arn"))),
    }
    values = outputs(
        Data=ref("Data"),
        With=att("With", "Arn"),
        Without=att("Without", "Arn"),
        WriteOnly=att("WriteOnly", "Arn"),
    )
    with stack(client, "key-rights", resources, Outputs=values) as made:
        bucket = made["Data"]
        allowed = client("s3", assume(client, made["With"]))
        allowed.put_object(Bucket=bucket, Key="a", Body=b"x")
        assert allowed.get_object(Bucket=bucket, Key="a")["Body"].read() == b"x"
        with pytest.raises(ClientError, match=r"not authorized to perform: kms:GenerateDataKey"):
            client("s3", assume(client, made["Without"])).put_object(Bucket=bucket, Key="b", Body=b"x")
        writer = client("s3", assume(client, made["WriteOnly"]))
        writer.put_object(Bucket=bucket, Key="c", Body=b"x")
        with pytest.raises(ClientError, match=r"not authorized to perform: kms:Decrypt"):
            writer.get_object(Bucket=bucket, Key="c")
        delete_all(client("s3"), bucket)


def test_a_role_may_be_passed_only_by_those_who_may(client: Any) -> None:
    iam = client("iam")
    account = "arn:aws:iam::000000000000"
    trust = {"Effect": "Allow", "Principal": {"AWS": f"{account}:root"}, "Action": "sts:AssumeRole"}
    iam.create_role(
        RoleName="starter",
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
    )
    start = allow("sagemaker:CreateProcessingJob", "*")
    put_policy(iam, "starter", [start])
    sagemaker = client("sagemaker", assume(client, f"{account}:role/starter"))
    job = {
        "ProcessingJobName": "j",
        "RoleArn": f"{account}:role/job",
        "AppSpecification": {"ImageUri": "x"},
        "ProcessingResources": {
            "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.xlarge", "VolumeSizeInGB": 1}
        },
    }
    with pytest.raises(ClientError, match=r"iam:PassRole on resource: arn:aws:iam::000000000000:role/job"):
        sagemaker.create_processing_job(**job)
    only_to = {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}
    put_policy(iam, "starter", [start, allow("iam:PassRole", "*", Condition=only_to)])
    with pytest.raises(ClientError, match=r"iam:PassRole"):
        sagemaker.create_processing_job(**job)


def test_updating_an_endpoint_needs_rights_on_the_configuration_too(client: Any) -> None:
    iam = client("iam")
    account = "arn:aws:iam::000000000000"
    trust = {"Effect": "Allow", "Principal": {"AWS": f"{account}:root"}, "Action": "sts:AssumeRole"}
    iam.create_role(
        RoleName="updater",
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
    )
    prefix = "arn:aws:sagemaker:us-east-1:000000000000"
    put_policy(iam, "updater", [allow("sagemaker:UpdateEndpoint", f"{prefix}:endpoint/e")])
    sagemaker = client("sagemaker", assume(client, f"{account}:role/updater"))
    with pytest.raises(ClientError, match=r"UpdateEndpoint on resource: \S+:endpoint-config/c"):
        sagemaker.update_endpoint(EndpointName="e", EndpointConfigName="c")


def test_a_caller_of_the_runtime_is_authenticated(cloud: Cloud, client: Any) -> None:
    runtime = boto3.Session().client(
        "sagemaker-runtime",
        endpoint_url=cloud.url,
        region_name="us-east-1",
        aws_access_key_id="AKIAUNKNOWNUNKNOWN00",
        aws_secret_access_key="x",
    )
    with pytest.raises(ClientError, match=r"security token included in the request is invalid"):
        runtime.invoke_endpoint(EndpointName="flights-x", Body=b"1")


def test_metrics_go_to_the_namespaces_that_a_role_may_write(client: Any) -> None:
    iam = client("iam")
    account = "arn:aws:iam::000000000000"
    trust = {"Effect": "Allow", "Principal": {"AWS": f"{account}:root"}, "Action": "sts:AssumeRole"}
    iam.create_role(
        RoleName="counter",
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
    )
    ours = {"StringEquals": {"cloudwatch:namespace": "Ours"}}
    put_policy(iam, "counter", [allow("cloudwatch:PutMetricData", "*", Condition=ours)])
    cloudwatch = client("cloudwatch", assume(client, f"{account}:role/counter"))
    # Long requests come compressed.
    for data in (
        [{"MetricName": "Few", "Value": 1.0}],
        [{"MetricName": f"{n}", "Value": n} for n in range(900)],
    ):
        cloudwatch.put_metric_data(Namespace="Ours", MetricData=data)
        with pytest.raises(ClientError, match=r"not authorized to perform: cloudwatch:PutMetricData"):
            cloudwatch.put_metric_data(Namespace="Theirs", MetricData=data)
    told = client("cloudwatch").list_metrics(Namespace="Ours")["Metrics"]
    assert "Few" in {metric["MetricName"] for metric in told}
