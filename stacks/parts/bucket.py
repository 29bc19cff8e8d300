"""Buckets as all of ours are: private, encrypted, versioned, TLS only."""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

# Versions that were replaced or deleted can be brought back for this long.
UNDO = cdk.Duration.days(30)


def private_bucket(
    scope: Construct,
    id_: str,
    *,
    key: kms.IKey,
    access_logs: s3.IBucket,
    retain: bool,
    expires: cdk.Duration | None = None,
) -> s3.Bucket:
    """A bucket for data, encrypted with `key`; objects older than `expires` are deleted."""
    return _bucket(
        scope,
        id_,
        retain=retain,
        lifecycle=[
            s3.LifecycleRule(
                id="clean-up",
                expiration=expires,
                noncurrent_version_expiration=UNDO,
                abort_incomplete_multipart_upload_after=cdk.Duration.days(7),
            )
        ],
        encryption=s3.BucketEncryption.KMS,
        encryption_key=key,
        # One data key for many objects: KMS is asked, and paid, a fraction as often.
        bucket_key_enabled=True,
        server_access_logs_bucket=access_logs,
        server_access_logs_prefix=f"{id_.lower()}/",
    )


def access_log_bucket(scope: Construct, id_: str, *, retain: bool) -> s3.Bucket:
    """A bucket for server access logs, whose delivery knows no customer-managed keys.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html
    """
    return _bucket(
        scope,
        id_,
        retain=retain,
        lifecycle=[
            s3.LifecycleRule(
                id="clean-up", expiration=cdk.Duration.days(365), noncurrent_version_expiration=UNDO
            )
        ],
        encryption=s3.BucketEncryption.S3_MANAGED,
    )


def _bucket(
    scope: Construct,
    id_: str,
    *,
    retain: bool,
    lifecycle: Sequence[s3.LifecycleRule],
    encryption: s3.BucketEncryption,
    encryption_key: kms.IKey | None = None,
    bucket_key_enabled: bool | None = None,
    server_access_logs_bucket: s3.IBucket | None = None,
    server_access_logs_prefix: str | None = None,
) -> s3.Bucket:
    return s3.Bucket(
        scope,
        id_,
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
        enforce_ssl=True,
        versioned=True,
        removal_policy=cdk.RemovalPolicy.RETAIN if retain else cdk.RemovalPolicy.DESTROY,
        lifecycle_rules=lifecycle,
        encryption=encryption,
        encryption_key=encryption_key,
        bucket_key_enabled=bucket_key_enabled,
        server_access_logs_bucket=server_access_logs_bucket,
        server_access_logs_prefix=server_access_logs_prefix,
    )
