"""An embedded AWS with the platform's own image, and endpoints on it that scale by a policy of their own."""

import io
import json
import os
import subprocess
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3

from local import cloud
from local.cloud import ROOT, Cloud

_IMAGE, _BUCKET, _MODEL = "scaling", "scaling-models", "scaling"
_VARIANT = "primary"
_START_SECONDS = 120.0
Statement = dict[str, Any]


class Platform:
    """A running embedded AWS with a model."""

    def __init__(self, running: Cloud, model: Path) -> None:
        self.speed = running.speed
        self._cloud = running
        self.root = boto3.Session("test", "test", region_name=running.region)
        self._account = f"arn:aws:iam::{running.account}"
        self._push()
        self._make_roles()
        self._make_model(model)

    @property
    def caller(self) -> boto3.Session:
        """Temporary credentials that may invoke endpoints and do nothing else."""
        granted = self.client("sts").assume_role(
            RoleArn=f"{self._account}:role/caller", RoleSessionName="load"
        )["Credentials"]
        return boto3.Session(
            granted["AccessKeyId"], granted["SecretAccessKey"], granted["SessionToken"], self._cloud.region
        )

    def cpu_seconds(self) -> float:
        """Processor time that the process of the embedded AWS has used, without its containers."""
        fields = Path(f"/proc/{self._cloud.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def client(self, service: str) -> Any:
        """A client of the account's root."""
        return self.root.client(service, endpoint_url=self._cloud.url)  # type: ignore[call-overload]

    def serve(self, endpoint: str, target: float, most: int, cooldowns: tuple[int, int]) -> float:
        """Start an endpoint of one instance that scales to `target` calls a minute each; seconds it took.

        The minute of the target and the seconds of the cooldowns (out, in) are those of this AWS.
        """
        sagemaker, scaling = self.client("sagemaker"), self.client("application-autoscaling")
        sagemaker.create_endpoint_config(
            EndpointConfigName=endpoint,
            ProductionVariants=[
                {
                    "VariantName": _VARIANT,
                    "ModelName": _MODEL,
                    "InstanceType": "ml.c5.large",
                    "InitialInstanceCount": 1,
                }
            ],
        )
        begun = time.monotonic()
        sagemaker.create_endpoint(EndpointName=endpoint, EndpointConfigName=endpoint)
        while (found := sagemaker.describe_endpoint(EndpointName=endpoint))["EndpointStatus"] == "Creating":
            if time.monotonic() > begun + _START_SECONDS:
                raise RuntimeError(f"Endpoint {endpoint} was not in service within {_START_SECONDS:.0f} s.")
            time.sleep(0.1)
        if found["EndpointStatus"] != "InService":
            raise RuntimeError(f"Endpoint {endpoint} did not start: {found.get('FailureReason')}")
        took = time.monotonic() - begun
        scaled = {
            "ServiceNamespace": "sagemaker",
            "ResourceId": f"endpoint/{endpoint}/variant/{_VARIANT}",
            "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
        }
        scaling.register_scalable_target(**scaled, MinCapacity=1, MaxCapacity=most)
        scaling.put_scaling_policy(
            **scaled,
            PolicyName="load",
            PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration={
                "TargetValue": target,
                "PredefinedMetricSpecification": {
                    "PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"
                },
                "ScaleOutCooldown": cooldowns[0],
                "ScaleInCooldown": cooldowns[1],
            },
        )
        return took

    def remove(self, endpoint: str) -> None:
        """End an endpoint."""
        self.client("sagemaker").delete_endpoint(EndpointName=endpoint)

    def counted(self, endpoint: str) -> int:
        """The calls to an endpoint, as CloudWatch counts them."""
        now = time.time()
        found = self.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/SageMaker",
            MetricName="Invocations",
            Dimensions=[
                {"Name": "EndpointName", "Value": endpoint},
                {"Name": "VariantName", "Value": _VARIANT},
            ],
            StartTime=now - 3600,
            EndTime=now + 60,
            Period=60,
            Statistics=["Sum"],
        )
        return int(sum(point["Sum"] for point in found["Datapoints"]))

    def _push(self) -> None:
        self.client("ecr").create_repository(repositoryName=_IMAGE)
        self._docker("build", "--tag", self._image, "--platform", "linux/amd64", ROOT / "containers/python")
        self._docker("push", self._image)

    @property
    def _image(self) -> str:
        return f"{self._cloud.account}.dkr.ecr.{self._cloud.region}.amazonaws.com/{_IMAGE}:1"

    def _docker(self, *arguments: str | Path) -> None:
        done = subprocess.run(
            [ROOT / "local" / "docker", *arguments],
            env=os.environ | self._cloud.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"docker {arguments[0]} failed: {(done.stderr or done.stdout).strip()[-500:]}")

    def _make_roles(self) -> None:
        repository = f"arn:aws:ecr:{self._cloud.region}:{self._cloud.account}:repository/{_IMAGE}"
        pull = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:BatchCheckLayerAvailability"]
        logs = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"]
        self._role(
            "model",
            {"Service": "sagemaker.amazonaws.com"},
            _allow(["s3:GetObject", "s3:ListBucket"], f"arn:aws:s3:::{_BUCKET}*"),
            _allow(pull, repository),
            _allow(["ecr:GetAuthorizationToken", "cloudwatch:PutMetricData", *logs], "*"),
        )
        endpoints = f"arn:aws:sagemaker:{self._cloud.region}:{self._cloud.account}:endpoint/*"
        self._role(
            "caller", {"AWS": f"{self._account}:root"}, _allow(["sagemaker:InvokeEndpoint"], endpoints)
        )

    def _role(self, name: str, principal: dict[str, str], *statements: Statement) -> None:
        iam = self.client("iam")
        trust = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=_document(trust))
        iam.put_role_policy(RoleName=name, PolicyName="rights", PolicyDocument=_document(*statements))

    def _make_model(self, model: Path) -> None:
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as archive:
            for file in sorted(model.iterdir()):
                archive.add(file, file.name)
        s3 = self.client("s3")
        s3.create_bucket(Bucket=_BUCKET)
        s3.put_object(Bucket=_BUCKET, Key="model.tar.gz", Body=packed.getvalue())
        self.client("sagemaker").create_model(
            ModelName=_MODEL,
            ExecutionRoleArn=f"{self._account}:role/model",
            EnableNetworkIsolation=True,
            PrimaryContainer={"Image": self._image, "ModelDataUrl": f"s3://{_BUCKET}/model.tar.gz"},
        )


@contextmanager
def running(state: Path, model: Path, speed: float) -> Iterator[Platform]:
    """An embedded AWS of its own, stopped afterwards."""
    # Clients of the load generator's targets find the endpoint of the AWS by its variable.
    started = cloud.start(state, speed=speed)
    before = os.environ.copy()
    os.environ.update(started.environment())
    try:
        yield Platform(started, model)
    finally:
        os.environ.clear()
        os.environ.update(before)
        cloud.stop(state)


def _allow(actions: list[str], resource: str) -> Statement:
    return {"Effect": "Allow", "Action": actions, "Resource": resource}


def _document(*statements: Statement) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
