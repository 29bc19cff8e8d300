"""The deployed project as the storm sees it, through the AWS API alone."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from botocore.config import Config

PROJECT = "storm"
PIPELINE = f"{PROJECT}-training"
# What `retrain` writes into its log before each call.
CALLING = "Calling StartPipelineExecution"
IN_FLIGHT = ("Executing", "Stopping")
CONNECTIONS = 64


class Platform:
    """The buckets, the queue and the executions of the project."""

    def __init__(self) -> None:
        pooled = Config(max_pool_connections=CONNECTIONS, retries={"total_max_attempts": 3})
        self.s3 = boto3.client("s3", config=pooled)
        self.sqs = boto3.client("sqs", config=pooled)
        self.events = boto3.client("events")
        self._sagemaker = boto3.client("sagemaker")
        self._logs = boto3.client("logs")
        self._cloudwatch = boto3.client("cloudwatch")
        self._dynamodb = boto3.client("dynamodb")
        self.incoming = self._output("storage", "IncomingBucket")
        self.queue = self._output("retraining", "RetrainQueueUrl")
        self.table = self._output("retraining", "TableName")

    def matched(self) -> int:
        """How many events of new objects EventBridge has sent to the queue, by its own metric."""
        now = datetime.now(UTC)
        found = self._cloudwatch.get_metric_statistics(
            Namespace="AWS/Events",
            MetricName="TriggeredRules",
            Dimensions=[{"Name": "RuleName", "Value": f"{PROJECT}-new-data"}],
            StartTime=now - timedelta(hours=2),
            EndTime=now + timedelta(minutes=5),
            Period=60,
            Statistics=["Sum"],
        )
        return round(sum(point["Sum"] for point in found["Datapoints"]))

    def waiting(self) -> int:
        """The events that wait or are being handled; the function's own looks are delayed, and no events."""
        asked = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        counted = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=asked)["Attributes"]  # type: ignore[arg-type]
        return sum(map(int, counted.values()))

    def pending(self) -> bool:
        """Whether the function knows of requests that no execution covers, or of an execution that runs."""
        key = {"pipeline": {"S": PIPELINE}}
        found = self._dynamodb.get_item(TableName=self.table, Key=key, ConsistentRead=True)
        if "Item" not in found:
            return False
        item: Any = found["Item"]
        return int(item["requested"]["N"]) > int(item["covered"]["N"]) or "M" in item["running"]

    def executions(self) -> list[Any]:
        """All executions, oldest first."""
        pages = self._sagemaker.get_paginator("list_pipeline_executions").paginate(
            PipelineName=PIPELINE, SortBy="CreationTime", SortOrder="Ascending"
        )
        return [summary for page in pages for summary in page["PipelineExecutionSummaries"]]

    def in_flight(self) -> int:
        """How many executions run now."""
        return sum(one["PipelineExecutionStatus"] in IN_FLIGHT for one in self.executions())

    def failure(self, arn: str) -> str:
        """Why an execution failed; empty if it did not."""
        steps = self._sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)
        reasons = [step.get("FailureReason", "") for step in steps["PipelineExecutionSteps"]]
        return " ".join(filter(None, reasons))

    def together(self) -> int:
        """The most executions that ran at one moment, by the times that SageMaker wrote down."""
        spans: list[tuple[datetime, datetime | None]] = []
        for one in self.executions():
            arn = one["PipelineExecutionArn"]
            described = self._sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
            runs = described["PipelineExecutionStatus"] in IN_FLIGHT
            spans.append((described["CreationTime"], None if runs else described["LastModifiedTime"]))
        return most_together(spans)

    def start_calls(self) -> int:
        """How often the function asked SageMaker to start an execution, by its log."""
        pages = self._logs.get_paginator("filter_log_events").paginate(
            logGroupName=f"/aws/lambda/{PROJECT}-retrain"
        )
        return sum(CALLING in event["message"] for page in pages for event in page["events"])

    def keys(self) -> set[str]:
        """The objects below data/."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.incoming, Prefix="data/")
        return {found["Key"] for page in pages for found in page.get("Contents", [])}

    def covered(self, arn: str) -> set[str]:
        """The objects that an execution was given, by its manifest."""
        bucket, key = self._manifest(arn)
        head, *names = json.loads(self.s3.get_object(Bucket=bucket, Key=key)["Body"].read())
        prefix = head["prefix"].partition(f"{self.incoming}/")[2]
        return {f"{prefix}{name}" for name in names}

    def rows(self, arn: str) -> int:
        """The rows that the execution's first job has read of them."""
        bucket, _ = self._manifest(arn)
        key = f"executions/{arn.rpartition('/')[2]}/prepare/intake/intake.json"
        return int(json.loads(self.s3.get_object(Bucket=bucket, Key=key)["Body"].read())["rows"])

    def _manifest(self, arn: str) -> tuple[str, str]:
        """Its bucket and its key."""
        listed = self._sagemaker.list_pipeline_parameters_for_execution(PipelineExecutionArn=arn)
        values = {one["Name"]: one["Value"] for one in listed["PipelineParameters"]}
        bucket, _, key = values["InputDataUri"].removeprefix("s3://").partition("/")
        return bucket, key

    def _output(self, stack: str, name: str) -> str:
        described = boto3.client("cloudformation").describe_stacks(StackName=f"{PROJECT}-{stack}")
        outputs = described["Stacks"][0].get("Outputs", [])
        return next(output["OutputValue"] for output in outputs if output["OutputKey"] == name)


def most_together(spans: Iterable[tuple[datetime, datetime | None]]) -> int:
    """The most of them at one moment; what has no end still runs, and what ends lets the next one begin."""
    moments: list[tuple[datetime, int]] = []
    for began, ended in spans:
        moments.append((began, 1))
        if ended is not None:
            moments.append((ended, -1))
    most = running = 0
    for _, change in sorted(moments):
        running += change
        most = max(most, running)
    return most


def queue_arn(name: str) -> str:
    """The ARN of a queue of this account."""
    return f"arn:aws:sqs:{os.environ['AWS_DEFAULT_REGION']}:{os.environ['CDK_DEFAULT_ACCOUNT']}:{name}"
