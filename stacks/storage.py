"""What must survive everything else: data, models, their key and the model registry."""

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from declaration import Project
from stacks.parts.bucket import access_log_bucket, private_bucket
from stacks.parts.key import encryption_key


class Storage(cdk.Stack):
    """Buckets for incoming data, artifacts and captured traffic, and the model package group.

    In the incoming bucket people write below data/ what is learnt from and below labels/ what came true of
    the answers; what training has refused lies below quarantine/. In that of the artifacts, inputs/ holds the
    lists that executions were started with: they are never changed, and so little that none is deleted.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        project: Project,
        shared_key: kms.IKey | None,
        env: cdk.Environment | None = None,
    ) -> None:
        super().__init__(scope, id_, env=env, description=f"Sageloop: data and models of {project.name}")
        retain = project.retain
        self.key: kms.IKey = shared_key or encryption_key(
            self, description=f"Data of the project {project.name}", retain=retain
        )
        logs = access_log_bucket(self, "AccessLogs", retain=retain)
        self.incoming = private_bucket(self, "Incoming", key=self.key, access_logs=logs, retain=retain)
        self.artifacts = private_bucket(self, "Artifacts", key=self.key, access_logs=logs, retain=retain)
        self.captured = private_bucket(
            self,
            "Captured",
            key=self.key,
            access_logs=logs,
            retain=retain,
            # What people asked the model is kept no longer than drift needs it.
            expires=cdk.Duration.days(90),
        )
        _tell_event_bridge(self.incoming)
        self.models = sagemaker.CfnModelPackageGroup(
            self,
            "Models",
            model_package_group_name=project.name,
            model_package_group_description=f"Models of the project {project.name}",
        )
        # A group that holds packages cannot be deleted, and the packages are what was paid for.
        self.models.apply_removal_policy(cdk.RemovalPolicy.RETAIN if retain else cdk.RemovalPolicy.DESTROY)
        cdk.CfnOutput(self, "IncomingBucket", value=self.incoming.bucket_name)
        cdk.CfnOutput(self, "ArtifactsBucket", value=self.artifacts.bucket_name)
        cdk.CfnOutput(self, "CapturedBucket", value=self.captured.bucket_name)
        if not shared_key:
            cdk.CfnOutput(self, "KeyArn", value=self.key.key_arn)


def _tell_event_bridge(bucket: s3.Bucket) -> None:
    """The native property: the L2's own switch would add a function as a custom resource."""
    resource = bucket.node.default_child
    if not isinstance(resource, s3.CfnBucket):
        raise TypeError(f"{bucket.node.path} has no bucket resource")
    resource.notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
        event_bridge_configuration=s3.CfnBucket.EventBridgeConfigurationProperty(event_bridge_enabled=True)
    )
