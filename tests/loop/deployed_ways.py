"""Projects that serve penguins in different ways, deployed by the command into one embedded AWS."""

import json
import os
import shlex
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cli import cdk, session
from examples.penguins.data import penguins
from tests.loop.deployed import CHECKOUT, Deployed, until

APPS = CHECKOUT / "tests" / "loop" / "ways_to_serve"
TAUGHT = "queued"
"""The project whose model all others serve, too."""


class Ways(Deployed):
    """What a user does with these projects."""

    def __init__(self, environment: dict[str, str], directory: Path) -> None:
        super().__init__(environment)
        self._directory = directory
        table = penguins().drop_nulls("sex")
        self.data, self.rows = directory / "penguins.csv", directory / "rows.csv"
        table.write_csv(self.data)
        asked = table.drop("sex").head(5)
        asked.write_csv(self.rows)
        asked.write_parquet(self.rows.with_suffix(".parquet"))
        self.header, first, *_ = self.rows.read_text().splitlines(keepends=True)
        self.row = self.header + first

    def deploy(self, app: str) -> None:
        """Deploy one of the apps."""
        self.sageloop("deploy", str(APPS / f"{app}.py"))

    def destroy(self, app: str, *stacks: str) -> subprocess.CompletedProcess[str]:
        """Destroy stacks of an app, by default all, with the CDK's own command."""
        arguments = ["destroy", *(stacks or ["--all"]), "--force", "--ci", "--no-notices", "--no-color"]
        arguments += ["--app", shlex.join([sys.executable, str(APPS / f"{app}.py")])]
        arguments += ["--concurrency", "4", "--output", str(self._directory / f"cdk.{app}")]
        environment = {**self.environment, "PATH": cdk._environment()["PATH"]}
        return subprocess.run(
            [CHECKOUT / "node_modules" / ".bin" / "cdk", *arguments],
            env=environment,
            cwd=CHECKOUT,
            capture_output=True,
            text=True,
            check=False,
        )

    def of(self, project: str, stack: str) -> dict[str, str]:
        """The outputs of a stack of a project."""
        [found] = self.cloudformation.describe_stacks(StackName=f"{project}-{stack}")["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}

    def teach(self) -> None:
        """Train the model that is served."""
        self.sageloop("upload", "--project", TAUGHT, str(self.data))
        until("the model", lambda: self.versions(TAUGHT))

    def versions(self, project: str) -> list[str]:
        """The packages of a project."""
        listed = self.sagemaker.list_model_packages(ModelPackageGroupName=project, SortBy="CreationTime")
        return [summary["ModelPackageArn"] for summary in listed["ModelPackageSummaryList"]]

    def give(self, project: str) -> str:
        """Register the model with another project, and approve it by the command, which waits."""
        taught = self.sagemaker.describe_model_package(ModelPackageName=self.versions(TAUGHT)[0])
        bucket = self.of(project, "storage")["ArtifactsBucket"]
        container = taught["InferenceSpecification"]["Containers"][0]
        properties = taught["CustomerMetadataProperties"]
        arn: str = self.sagemaker.create_model_package(
            ModelPackageGroupName=project,
            ModelApprovalStatus="PendingManualApproval",
            InferenceSpecification={
                **taught["InferenceSpecification"],
                "Containers": [
                    {
                        "Image": container["Image"],
                        "ModelDataUrl": self._copied(container["ModelDataUrl"], bucket),
                    }
                ],
            },
            CustomerMetadataProperties={
                **properties,
                "openapi": self._copied(properties["openapi"], bucket),
            },
        )["ModelPackageArn"]
        self.sageloop("approve", "--project", project)
        return arn

    def _copied(self, uri: str, bucket: str) -> str:
        source, _, key = uri.removeprefix("s3://").partition("/")
        self.s3.copy_object(CopySource={"Bucket": source, "Key": key}, Bucket=bucket, Key=key)
        return f"s3://{bucket}/{key}"

    def invoke(self, project: str, *arguments: str) -> list[str]:
        """The answers of the command."""
        file = arguments or (str(self.rows),)
        return self.sageloop("invoke", "--project", project, *file).split()

    def endpoint(self, project: str) -> dict[str, Any]:
        """What `sageloop status` knows of the endpoint."""
        found: dict[str, Any] = self.sageloop_json("status", "--project", project)["endpoint"]
        return found

    def instances(self, project: str) -> int:
        """How many instances there are."""
        [variant] = self.sagemaker.describe_endpoint(EndpointName=project)["ProductionVariants"]
        return int(variant["CurrentInstanceCount"])

    def calls_of(self, project: str) -> int:
        """How many calls of its API CloudWatch knows of."""
        now = datetime.now(UTC)
        points = self.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/ApiGateway",
            MetricName="Count",
            Dimensions=[{"Name": "ApiName", "Value": project}],
            StartTime=now - timedelta(hours=1),
            EndTime=now + timedelta(minutes=1),
            Period=60,
            Statistics=["Sum"],
        )["Datapoints"]
        return int(sum(point["Sum"] for point in points))

    def api_of(self, project: str) -> str:
        """Where a project is asked for predictions."""
        return session.api_address(self.of(project, "serving")["ApiUrl"] + "predict", self.environment)

    def hear(self, topic: str) -> str:
        """The address of a new queue that hears a topic."""
        sqs = self.client("sqs")
        url: str = sqs.create_queue(QueueName="heard")["QueueUrl"]
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
        allowed = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": attributes["QueueArn"],
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
        self.client("sns").subscribe(
            TopicArn=topic,
            Protocol="sqs",
            Endpoint=attributes["QueueArn"],
            Attributes={"RawMessageDelivery": "true"},
        )
        return url

    def heard(self, url: str) -> dict[str, Any]:
        """The next message of the queue."""
        sqs = self.client("sqs")
        [message] = until("a message", lambda: sqs.receive_message(QueueUrl=url).get("Messages"))
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        told: dict[str, Any] = json.loads(message["Body"])
        return told

    def empty(self) -> None:
        """Delete what is kept until somebody deletes it: models and objects."""
        for group in self.sagemaker.list_model_package_groups()["ModelPackageGroupSummaryList"]:
            for arn in self.versions(group["ModelPackageGroupName"]):
                self.sagemaker.delete_model_package(ModelPackageName=arn)
        for bucket in self.s3.list_buckets()["Buckets"]:
            if "-storage-" in bucket["Name"]:
                self.s3.put_bucket_logging(Bucket=bucket["Name"], BucketLoggingStatus={})
                for page in self.s3.get_paginator("list_object_versions").paginate(Bucket=bucket["Name"]):
                    for one in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
                        self.s3.delete_object(
                            Bucket=bucket["Name"], Key=one["Key"], VersionId=one["VersionId"]
                        )


def ways(cloud_environment: dict[str, str], directory: Path) -> Ways:
    """With one of the ways deployed, and its model trained."""
    made = Ways(os.environ | cloud_environment, directory)
    made.deploy(TAUGHT)
    made.teach()
    return made
