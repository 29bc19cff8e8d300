"""Predictions for files: a pipeline with the model in service, and what starts it."""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from declaration import Batch, Project
from pipelines.batch import ROWS as PARAMETER
from pipelines.batch import BatchBindings, definition
from pipelines.validation import validate
from stacks.parts import events, metrics
from stacks.parts.alarms import alarm
from stacks.parts.approved import Approved
from stacks.parts.places import PREDICTIONS, ROWS
from stacks.parts.roles import Grant, service_role
from stacks.parts.rules import pipeline_rule
from stacks.parts.sagemaker_grants import SAGEMAKER
from stacks.storage import Storage

_MADE = "SageMaker Pipelines names its jobs when it makes them"


def batch_pipeline(
    stack: cdk.Stack,
    *,
    project: Project,
    declared: Batch,
    approved: Approved,
    model: sagemaker.CfnModel,
    storage: Storage,
    topic: sns.ITopic,
) -> sagemaker.CfnPipeline:
    """The pipeline; as it names the model, an approval replaces the one with the other."""
    body = definition(
        project,
        declared,
        BatchBindings(
            region=stack.region,
            model_name=model.attr_model_name,
            bucket=storage.incoming.bucket_name,
            rows=ROWS,
            predictions=PREDICTIONS,
            kms_key_arn=storage.key.key_arn,
        ),
    )
    validate(body)
    name = f"{project.name}-batch"
    alarm(
        stack,
        "BatchFailed",
        name=f"{name}-failed",
        description=f"An execution of {name} failed: its FailureReason says why",
        metric=metrics.pipeline(name, "ExecutionFailed"),
        above=0,
        topic=topic,
    )
    return approved.only(
        sagemaker.CfnPipeline(
            stack,
            "Batch",
            pipeline_name=name,
            pipeline_description=f"Predicts files with the model of {project.name} in service",
            pipeline_definition={"PipelineDefinitionBody": body},
            role_arn=_pipeline_role(stack).role_arn,
        )
    )


def _pipeline_role(stack: cdk.Stack) -> iam.Role:
    jobs = f"arn:{stack.partition}:sagemaker:{stack.region}:{stack.account}:transform-job/pipelines-*"
    return service_role(
        stack,
        "BatchRole",
        service=SAGEMAKER,
        description="Runs the batch pipeline",
        grants=[
            Grant(
                "RunTransformJobs",
                [f"sagemaker:{verb}TransformJob" for verb in ("Create", "Describe", "Stop")],
                [jobs],
                wildcard=_MADE,
            ),
            Grant("TagWhatItMakes", ["sagemaker:AddTags"], [jobs], wildcard=_MADE),
        ],
    )


def start_batches(
    scope: Construct,
    *,
    project: Project,
    declared: Batch,
    incoming: s3.IBucket,
    dead_letters: sqs.Queue,
) -> Sequence[str]:
    """The rule that starts the pipeline, for each uploaded file or by the clock; its ARN."""
    stack, name = cdk.Stack.of(scope), f"{project.name}-batch"
    pipeline = f"arn:{stack.partition}:sagemaker:{stack.region}:{stack.account}:pipeline/{name}"
    role = service_role(
        scope,
        "BatchStartRole",
        service="events.amazonaws.com",
        description=f"Starts the pipeline {name}",
        grants=[Grant("StartPredicting", ["sagemaker:StartPipelineExecution"], [pipeline])],
    )
    schedule = declared.schedule_expression
    rule = pipeline_rule(
        scope,
        "BatchStart",
        name=name,
        pipeline_arn=pipeline,
        role_arn=role.role_arn,
        dead_letters=dead_letters,
        schedule=schedule,
        pattern=None if schedule else events.object_created(incoming.bucket_name, ROWS),
        parameters={} if schedule else {PARAMETER: "$.detail.object.key"},
    )
    return [rule.attr_arn]
