"""The AWS that the templates need, deployed from raw CloudFormation with IAM enforced."""

import io
import json
import zipfile
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.loop.raw_stacks import (
    allow,
    att,
    encrypted_bucket,
    eventually,
    finished,
    key,
    outputs,
    ref,
    role,
    stack,
)


def test_a_network_with_endpoints_and_flow_logs(client: Any) -> None:
    tags = [{"Key": "Name", "Value": "x"}]
    resources = {
        "Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16", "Tags": tags}},
        "Subnet": {
            "Type": "AWS::EC2::Subnet",
            "Properties": {
                "VpcId": ref("Vpc"),
                "CidrBlock": "10.0.0.0/24",
                "AvailabilityZone": {"Fn::Select": [0, {"Fn::GetAZs": ""}]},
            },
        },
        "Routes": {"Type": "AWS::EC2::RouteTable", "Properties": {"VpcId": ref("Vpc")}},
        "Association": {
            "Type": "AWS::EC2::SubnetRouteTableAssociation",
            "Properties": {"RouteTableId": ref("Routes"), "SubnetId": ref("Subnet")},
        },
        "Jobs": {
            "Type": "AWS::EC2::SecurityGroup",
            "Properties": {"GroupDescription": "jobs", "VpcId": ref("Vpc"), "SecurityGroupEgress": []},
        },
        "Endpoints": {
            "Type": "AWS::EC2::SecurityGroup",
            "Properties": {
                "GroupDescription": "endpoints",
                "VpcId": ref("Vpc"),
                "SecurityGroupIngress": [
                    {
                        "IpProtocol": "tcp",
                        "FromPort": 443,
                        "ToPort": 443,
                        "SourceSecurityGroupId": att("Jobs", "GroupId"),
                    }
                ],
            },
        },
        "ToEndpoints": {
            "Type": "AWS::EC2::SecurityGroupEgress",
            "Properties": {
                "GroupId": att("Jobs", "GroupId"),
                "IpProtocol": "tcp",
                "FromPort": 443,
                "ToPort": 443,
                "DestinationSecurityGroupId": att("Endpoints", "GroupId"),
            },
        },
        "S3": {
            "Type": "AWS::EC2::VPCEndpoint",
            "Properties": {
                "VpcId": ref("Vpc"),
                "ServiceName": {"Fn::Sub": "com.amazonaws.${AWS::Region}.s3"},
                "VpcEndpointType": "Gateway",
                "RouteTableIds": [ref("Routes")],
            },
        },
        "Sts": {
            "Type": "AWS::EC2::VPCEndpoint",
            "Properties": {
                "VpcId": ref("Vpc"),
                "ServiceName": {"Fn::Sub": "com.amazonaws.${AWS::Region}.sts"},
                "VpcEndpointType": "Interface",
                "PrivateDnsEnabled": True,
                "SubnetIds": [ref("Subnet")],
                "SecurityGroupIds": [att("Endpoints", "GroupId")],
            },
        },
        "FlowRole": role("vpc-flow-logs.amazonaws.com", allow("logs:PutLogEvents", "*")),
        "FlowGroup": {"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": 30}},
        "Flow": {
            "Type": "AWS::EC2::FlowLog",
            "Properties": {
                "ResourceId": ref("Vpc"),
                "ResourceType": "VPC",
                "TrafficType": "ALL",
                "LogGroupName": ref("FlowGroup"),
                "DeliverLogsPermissionArn": att("FlowRole", "Arn"),
            },
        },
    }
    parts = {"Outputs": outputs(Flow=ref("Flow"), Jobs=att("Jobs", "GroupId"), Vpc=ref("Vpc"))}
    with stack(client, "network", resources, **parts) as made:
        ec2 = client("ec2")
        [flow] = ec2.describe_flow_logs(FlowLogIds=[made["Flow"]])["FlowLogs"]
        assert flow["ResourceId"] == made["Vpc"]
        [group] = ec2.describe_security_groups(GroupIds=[made["Jobs"]])["SecurityGroups"]
        assert [p.get("ToPort") for p in group["IpPermissionsEgress"] if p["IpProtocol"] == "tcp"] == [443]
    assert not client("ec2").describe_flow_logs(FlowLogIds=[made["Flow"]])["FlowLogs"]


def test_a_bucket_keeps_every_property(client: Any) -> None:
    rules = [
        {
            "Id": "old",
            "Status": "Enabled",
            "NoncurrentVersionExpiration": {"NoncurrentDays": 30},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
        },
        {"Id": "gone", "Status": "Enabled", "Prefix": "tmp/", "ExpirationInDays": "7"},
    ]
    resources = {
        "Key": key(),
        "Logs": encrypted_bucket(OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]}),
        "Data": encrypted_bucket(
            LifecycleConfiguration={"Rules": rules},
            LoggingConfiguration={"DestinationBucketName": ref("Logs"), "LogFilePrefix": "data/"},
            Tags=[{"Key": "sageloop:project", "Value": "p"}],
        ),
    }
    with stack(
        client, "buckets", resources, Outputs=outputs(Data=ref("Data"), Key=att("Key", "Arn"))
    ) as made:
        s3, bucket = client("s3"), made["Data"]
        [rule] = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
        assert rule["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"] == made["Key"]
        kept = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
        assert [r["ID"] for r in kept] == ["old", "gone"]
        assert kept[1]["Expiration"] == {"Days": 7}
        assert s3.get_bucket_logging(Bucket=bucket)["LoggingEnabled"]["TargetPrefix"] == "data/"
        tags = {t["Key"]: t["Value"] for t in s3.get_bucket_tagging(Bucket=bucket)["TagSet"]}
        assert tags["sageloop:project"] == "p"
        assert tags["aws:cloudformation:stack-name"] == "buckets"


def test_a_failed_update_goes_back_and_keeps_its_token(client: Any) -> None:
    cloudformation = client("cloudformation")
    good = {"T": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": "one"}}}
    with stack(client, "goes-back", good):
        bad = {
            "T": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": "two"}},
            "P": {
                "Type": "AWS::SageMaker::ModelPackageGroup",
                "Properties": {"ModelPackageGroupName": "not a name"},
                "DependsOn": "T",
            },
        }
        cloudformation.update_stack(
            StackName="goes-back", TemplateBody=json.dumps({"Resources": bad}), ClientRequestToken="promote-7"
        )
        assert eventually(lambda: finished(cloudformation, "goes-back")) == "UPDATE_ROLLBACK_COMPLETE"
        events = cloudformation.describe_stack_events(StackName="goes-back")["StackEvents"]
        [failed] = [e for e in events if e["ResourceStatus"].endswith("_FAILED")]
        assert failed["ClientRequestToken"] == "promote-7"
        assert "not a name" in failed["ResourceStatusReason"]


def test_a_change_set_shows_before_it_changes(client: Any) -> None:
    cloudformation = client("cloudformation")
    with stack(client, "changing", {"T": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": "one"}}}):
        cloudformation.create_change_set(
            StackName="changing",
            ChangeSetName="c",
            TemplateBody=json.dumps(
                {"Resources": {"T": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": "two"}}}}
            ),
        )
        cloudformation.get_waiter("change_set_create_complete").wait(StackName="changing", ChangeSetName="c")
        cloudformation.execute_change_set(StackName="changing", ChangeSetName="c")
        assert eventually(lambda: finished(cloudformation, "changing") == "UPDATE_COMPLETE")


def test_an_image_can_be_registered_without_docker(client: Any) -> None:
    resources = {
        "Repository": {
            "Type": "AWS::ECR::Repository",
            "Properties": {
                "RepositoryName": "images",
                "ImageTagMutability": "IMMUTABLE",
                "ImageScanningConfiguration": {"ScanOnPush": True},
                "EmptyOnDelete": True,
            },
        }
    }
    with stack(client, "registry", resources):
        ecr = client("ecr")
        token = ecr.get_authorization_token()["authorizationData"][0]
        assert token["proxyEndpoint"]
        manifest = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
                "config": {
                    "mediaType": "application/vnd.docker.container.image.v1+json",
                    "size": 2,
                    "digest": "sha256:" + "0" * 64,
                },
                "layers": [],
            }
        )
        ecr.put_image(repositoryName="images", imageManifest=manifest, imageTag="abc")
        [shown] = ecr.describe_images(repositoryName="images", imageIds=[{"imageTag": "abc"}])["imageDetails"]
        assert shown["imageTags"] == ["abc"]
        with pytest.raises(ClientError, match=r"ImageTagAlreadyExists|already exists"):
            ecr.put_image(repositoryName="images", imageManifest=manifest + " ", imageTag="abc")


def test_buckets_may_demand_tls(client: Any) -> None:
    deny = {
        "Effect": "Deny",
        "Principal": {"AWS": "*"},
        "Action": "s3:*",
        "Resource": [att("Data", "Arn"), {"Fn::Sub": "${Data.Arn}/*"}],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    resources = {
        "Data": {"Type": "AWS::S3::Bucket"},
        "Policy": {
            "Type": "AWS::S3::BucketPolicy",
            "Properties": {
                "Bucket": ref("Data"),
                "PolicyDocument": {"Version": "2012-10-17", "Statement": [deny]},
            },
        },
    }
    with stack(client, "tls", resources, Outputs=outputs(Data=ref("Data"))) as made:
        s3 = client("s3")
        s3.put_object(Bucket=made["Data"], Key="a", Body=b"x")
        s3.delete_object(Bucket=made["Data"], Key="a")


def test_a_zipped_function_is_found_in_a_bucket(client: Any) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("work.py", "def handle(event, context):\n    return {'n': event['n'] + 1}\n")
    s3 = client("s3")
    s3.create_bucket(Bucket="code-of-functions")
    s3.put_object(Bucket="code-of-functions", Key="f.zip", Body=packed.getvalue())
    resources = {
        "Role": role("lambda.amazonaws.com"),
        "Function": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Runtime": "python3.11",
                "Handler": "work.handle",
                "Role": att("Role", "Arn"),
                "Code": {"S3Bucket": "code-of-functions", "S3Key": "f.zip"},
            },
        },
    }
    with stack(client, "zipped", resources, Outputs=outputs(Function=ref("Function"))) as made:
        answer = client("lambda").invoke(FunctionName=made["Function"], Payload=json.dumps({"n": 1}))
        assert json.loads(answer["Payload"].read()) == {"n": 2}
