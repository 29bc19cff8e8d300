"""The customer-managed key under which a project's data lies."""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct


def encryption_key(scope: Construct, *, description: str, retain: bool) -> kms.Key:
    """A rotated key for data, volumes, logs and notifications; roles get their use of it from IAM."""
    key = kms.Key(
        scope,
        "Key",
        description=description,
        enable_key_rotation=True,
        removal_policy=cdk.RemovalPolicy.RETAIN if retain else cdk.RemovalPolicy.DESTROY,
    )
    stack = cdk.Stack.of(scope)
    account = f"{stack.region}:{stack.account}"
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
    key.add_to_resource_policy(
        iam.PolicyStatement(
            sid="EncryptLogs",
            principals=[iam.ServicePrincipal(f"logs.{stack.region}.amazonaws.com")],
            actions=[
                "kms:Encrypt",
                "kms:Decrypt",
                "kms:ReEncryptFrom",
                "kms:ReEncryptTo",
                "kms:GenerateDataKey",
                "kms:GenerateDataKeyWithoutPlaintext",
                "kms:DescribeKey",
            ],
            resources=["*"],
            conditions={
                "ArnLike": {
                    "kms:EncryptionContext:aws:logs:arn": [
                        f"arn:{stack.partition}:logs:{account}:log-group:/aws/lambda/*",
                        f"arn:{stack.partition}:logs:{account}:log-group:/aws/sagemaker/*",
                    ]
                }
            },
        )
    )
    # https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html#compatibility-with-aws-services
    key.add_to_resource_policy(
        iam.PolicyStatement(
            sid="EncryptAlarmNotifications",
            principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
            actions=["kms:Decrypt", "kms:GenerateDataKey"],
            resources=["*"],
            conditions={
                "ArnLike": {"aws:SourceArn": f"arn:{stack.partition}:cloudwatch:{account}:alarm:*"},
            },
        )
    )
    return key
