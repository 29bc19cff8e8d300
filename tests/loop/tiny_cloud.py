"""An embedded AWS with a little model server in its registry, and the resources that serve it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from local import cloud as clouds
from local.cloud import Cloud
from tests.loop.raw_stacks import Json, allow, att, client_of, role
from tests.loop.test_embedded_aws_serving import DOCKERFILE, IMAGE, SERVE, docker, model

BUCKET = "serving-models"
SPEED = 60.0


@contextmanager
def tiny_cloud(directory: Path) -> Iterator[Cloud]:
    """The cloud, for the length of the block; its models answer with their names."""
    state = directory / "aws"
    cloud = clouds.start(state, speed=SPEED)
    try:
        client_of(cloud, "ecr").create_repository(repositoryName="tiny")
        context = directory / "image"
        context.mkdir()
        (context / "Dockerfile").write_text(DOCKERFILE)
        (context / "serve").write_text(SERVE)
        (context / "serve").chmod(0o755)
        docker(cloud, "build", "--tag", IMAGE, "--platform", "linux/amd64", str(context))
        docker(cloud, "push", IMAGE)
        s3 = client_of(cloud, "s3")
        s3.create_bucket(Bucket=BUCKET)
        for answer in ("one", "two", "broken"):
            s3.put_object(Bucket=BUCKET, Key=f"{answer}.tar.gz", Body=model(answer))
        yield cloud
    finally:
        clouds.stop(state)
    assert not clouds.processes(state)


def model_role(*more: Json) -> Json:
    """A role that may run the models, and what else is allowed."""
    pull = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:BatchCheckLayerAvailability"]
    logs = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"]
    return role(
        "sagemaker.amazonaws.com",
        allow("s3:GetObject", f"arn:aws:s3:::{BUCKET}/*"),
        allow("s3:ListBucket", f"arn:aws:s3:::{BUCKET}"),
        allow(pull, "arn:aws:ecr:us-east-1:000000000000:repository/tiny"),
        allow("ecr:GetAuthorizationToken", "*"),
        allow(logs, "*"),
        allow("cloudwatch:PutMetricData", "*"),
        *more,
    )


def model_of(answer: str) -> Json:
    """A model that answers so."""
    return {
        "Type": "AWS::SageMaker::Model",
        "Properties": {
            "ExecutionRoleArn": att("ModelRole", "Arn"),
            "PrimaryContainer": {"Image": IMAGE, "ModelDataUrl": f"s3://{BUCKET}/{answer}.tar.gz"},
            "EnableNetworkIsolation": True,
        },
    }


def target(resource: Any, dimension: str, low: int, high: int) -> Json:
    """Something that scales."""
    return {
        "Type": "AWS::ApplicationAutoScaling::ScalableTarget",
        "Properties": {
            "ServiceNamespace": "sagemaker",
            "ScalableDimension": dimension,
            "ResourceId": resource,
            "MinCapacity": str(low),
            "MaxCapacity": str(high),
        },
    }


def from_zero(target_name: str) -> Json:
    """A step policy that adds one."""
    return {
        "Type": "AWS::ApplicationAutoScaling::ScalingPolicy",
        "Properties": {
            "PolicyName": "from-zero",
            "PolicyType": "StepScaling",
            "ScalingTargetId": {"Ref": target_name},
            "StepScalingPolicyConfiguration": {
                "AdjustmentType": "ChangeInCapacity",
                "MetricAggregationType": "Maximum",
                "Cooldown": "60",
                "StepAdjustments": [{"MetricIntervalLowerBound": "0", "ScalingAdjustment": "1"}],
            },
        },
    }


def alarm(policy: str, metric: str, dimension: str, value: Any) -> Json:
    """An alarm that a metric reached 1, with a step policy as its action."""
    return {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "Namespace": "AWS/SageMaker",
            "MetricName": metric,
            "Dimensions": [{"Name": dimension, "Value": value}],
            "Statistic": "Maximum",
            "Period": "60",
            "EvaluationPeriods": "1",
            "Threshold": "1",
            "ComparisonOperator": "GreaterThanOrEqualToThreshold",
            "TreatMissingData": "notBreaching",
            "AlarmActions": [{"Ref": policy}],
        },
    }
