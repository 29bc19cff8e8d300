"""What SageMaker does with the role of a job or a model, one statement for each thing.

https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html
"""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_kms as kms

from stacks.network import Network
from stacks.parts.roles import Grant

SAGEMAKER = "sagemaker.amazonaws.com"


def run_container(
    stack: cdk.Stack,
    *,
    repository_arns: Sequence[str],
    key: kms.IKey,
    network: Network | None,
    log_groups: Sequence[str],
    metrics: Sequence[str],
) -> list[Grant]:
    """Everything that a container needs but its data; `metrics` are the namespaces of its metrics."""
    logs = f"arn:{stack.partition}:logs:{stack.region}:{stack.account}:log-group"
    return [
        Grant(
            "GetRegistryToken",
            ["ecr:GetAuthorizationToken"],
            ["*"],
            wildcard="A registry token is for the account: the action takes no resource",
        ),
        Grant(
            "PullImage",
            ["ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage"],
            repository_arns,
        ),
        Grant(
            "WriteLogs",
            ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
            [arn for group in log_groups for arn in (f"{logs}:{group}", f"{logs}:{group}:*")],
            wildcard="SageMaker names one log stream per job and instance in these groups",
        ),
        Grant(
            "PutMetrics",
            ["cloudwatch:PutMetricData"],
            ["*"],
            {"StringEquals": {"cloudwatch:namespace": metrics if len(metrics) > 1 else metrics[0]}},
            wildcard="The action takes no resource; the condition confines it to SageMaker's namespaces",
        ),
        Grant(
            "UseKey",
            ["kms:Decrypt", "kms:GenerateDataKey", "kms:CreateGrant"],
            [key.key_arn],
        ),
        *(_join(stack, network) if network else []),
    ]


def _join(stack: cdk.Stack, network: Network) -> list[Grant]:
    ec2 = f"arn:{stack.partition}:ec2:{stack.region}:{stack.account}"
    subnets = [f"{ec2}:subnet/{subnet}" for subnet in network.subnet_ids]
    groups = [f"{ec2}:security-group/{network.jobs.security_group_id}"]
    return [
        Grant(
            "JoinNetwork",
            [
                "ec2:CreateNetworkInterface",
                "ec2:CreateNetworkInterfacePermission",
                "ec2:DeleteNetworkInterface",
                "ec2:DeleteNetworkInterfacePermission",
            ],
            [f"{ec2}:network-interface/*", *subnets, *groups],
            wildcard="Network interfaces get their ids when SageMaker makes them in our subnets",
        ),
        Grant(
            "SeeNetwork",
            [
                "ec2:DescribeDhcpOptions",
                "ec2:DescribeNetworkInterfaces",
                "ec2:DescribeSecurityGroups",
                "ec2:DescribeSubnets",
                "ec2:DescribeVpcs",
            ],
            ["*"],
            wildcard="EC2's Describe actions take no resource",
        ),
    ]


def list_objects(sid: str, bucket_arn: str, prefixes: Sequence[str]) -> Grant:
    """See which objects there are below some prefixes."""
    return Grant(sid, ["s3:ListBucket"], [bucket_arn], {"StringLike": {"s3:prefix": [*prefixes]}})


def read_objects(sid: str, bucket_arn: str, prefixes: Sequence[str]) -> Grant:
    """Read objects below some prefixes."""
    why = "Objects are named by the execution that writes them and the files that people upload"
    return Grant(sid, ["s3:GetObject"], [f"{bucket_arn}/{prefix}" for prefix in prefixes], wildcard=why)


def write_objects(sid: str, bucket_arn: str, prefixes: Sequence[str]) -> Grant:
    """Write objects below some prefixes."""
    why = "Objects are named by the execution or the hour in which they are written"
    resources = [f"{bucket_arn}/{prefix}" for prefix in prefixes]
    return Grant(sid, ["s3:PutObject", "s3:AbortMultipartUpload"], resources, wildcard=why)


def read_and_write_objects(sid: str, bucket_arn: str, prefixes: Sequence[str]) -> Grant:
    """Read and write objects below some prefixes."""
    why = "Objects are named by the execution that writes them"
    resources = [f"{bucket_arn}/{prefix}" for prefix in prefixes]
    actions = ["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"]
    return Grant(sid, actions, resources, wildcard=why)
