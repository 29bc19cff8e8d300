"""An embedded AWS with a little model server in its registry, and the resources that serve it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from local.cloud import Cloud
from tests.loop.archives import packed
from tests.loop.own_cloud import image_of, own_cloud, push_programs
from tests.loop.raw_stacks import Json, allow, att, client_of, container_rights, role

BUCKET = "serving-models"
REPOSITORY = "tiny"
IMAGE = image_of(REPOSITORY)
# Answers all with what its model holds; refuses garbage; a broken model ends it.
SERVE = """#!/usr/bin/env python3
import http.server, json, pathlib, sys
ANSWER = pathlib.Path("/opt/ml/model/answer").read_text()
if ANSWER == "broken":
    sys.exit(3)
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def reply(self, status, text):
        self.send_response(status)
        self.send_header("Content-Type", "text/csv")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())
    def do_GET(self):
        self.reply(200, "")
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if body == "garbage":
            self.reply(400, json.dumps({"code": "Malformed", "message": "not numbers"}))
        else:
            self.reply(200, ANSWER)
    def log_message(self, *_):
        pass
http.server.ThreadingHTTPServer(("0.0.0.0", 8080), Handler).serve_forever()
"""


@contextmanager
def tiny_cloud(directory: Path) -> Iterator[Cloud]:
    """The cloud, for the length of the block; its models answer with their names."""
    with own_cloud(directory / "aws") as cloud:
        push_programs(cloud, directory, REPOSITORY, serve=SERVE)
        s3 = client_of(cloud, "s3")
        s3.create_bucket(Bucket=BUCKET)
        for answer in ("one", "two", "broken"):
            s3.put_object(Bucket=BUCKET, Key=f"{answer}.tar.gz", Body=packed("answer", answer))
        yield cloud


def model_role(*more: Json) -> Json:
    """A role that may run the models, and what else is allowed."""
    return role(
        "sagemaker.amazonaws.com",
        allow("s3:GetObject", f"arn:aws:s3:::{BUCKET}/*"),
        allow("s3:ListBucket", f"arn:aws:s3:::{BUCKET}"),
        *container_rights(f"000000000000:repository/{REPOSITORY}"),
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


def variant(model: str, name: str = "primary", instances: int = 1) -> Json:
    """A variant that serves the model of that logical id."""
    return {
        "VariantName": name,
        "ModelName": att(model, "ModelName"),
        "InitialInstanceCount": str(instances),
        "InstanceType": "ml.c5.large",
        "InitialVariantWeight": "1.0",
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
