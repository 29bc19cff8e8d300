"""What keeps a model fresh: events become executions, and approvals become deployments."""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_s3_assets as s3_assets
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from declaration import Batch, Project
from stacks.parts import events, metrics
from stacks.parts.alarms import alarm
from stacks.parts.batch import start_batches
from stacks.parts.function_code import function_code
from stacks.parts.promotion import (
    compare_grants,
    compare_schedule,
    compare_settings,
    guarded,
    has_component,
    tell_grants,
)
from stacks.parts.queue_function import QueueFunction, event_queue
from stacks.parts.roles import Grant
from stacks.parts.rules import QueueRules, accept_events
from stacks.storage import Storage

FINISHED = ("Succeeded", "Stopped")
DEPLOYED = ("CREATE_COMPLETE", "UPDATE_COMPLETE")
ROLLED_BACK = ("UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_FAILED")


class Retraining(cdk.Stack):
    """The functions `retrain` and, where there is an endpoint, `promote`, each with its queue and rules."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        project: Project,
        storage: Storage,
        topic: sns.ITopic,
        env: cdk.Environment | None = None,
    ) -> None:
        super().__init__(scope, id_, env=env, description=f"Sageloop: retraining of {project.name}")
        self._project, self._storage, self._topic = project, storage, topic
        name = project.name
        account = f"{self.region}:{self.account}"
        self._sagemaker = f"arn:{self.partition}:sagemaker:{account}"
        self._pipeline = f"{self._sagemaker}:pipeline/{name}-training"
        # The id that CloudFormation gives to the stack comes after the slash.
        self._serving = f"arn:{self.partition}:cloudformation:{account}:stack/{name}-serving/"
        self._dead_letters = event_queue(self, "DeadLetters", name=f"{name}-dead-letters")
        code = function_code(self)
        rules = [*self._retrain(code), *(self._promote(code) if project.endpoint else ())]
        if isinstance(project.endpoint, Batch):
            rules += start_batches(
                self,
                project=project,
                declared=project.endpoint,
                incoming=storage.incoming,
                dead_letters=self._dead_letters,
            )
        accept_events(self._dead_letters, rules)
        self._alarm(
            "dead-letters",
            f"Events of {name} could not be handled: they wait in the queue of this name",
            metrics.messages(f"{name}-dead-letters"),
        )
        cdk.CfnOutput(self, "DeadLetterQueueUrl", value=self._dead_letters.queue_url)

    def _retrain(self, code: s3_assets.Asset) -> Sequence[str]:
        name, trigger = self._project.name, self._project.on_new_data
        table = self._state_table()
        queue = event_queue(self, "RetrainQueue", name=f"{name}-retrain", dead_letters=self._dead_letters)
        QueueFunction(
            self,
            "Retrain",
            name=f"{name}-retrain",
            handler="retrain.handler.handle",
            code=code,
            queue=queue,
            environment={
                "PIPELINE_NAME": f"{name}-training",
                "MODEL_PACKAGE_GROUP": name,
                "TABLE_NAME": table.table_name,
                "QUEUE_URL": queue.queue_url,
                "QUIET_SECONDS": str(trigger.quiet_seconds if trigger else 0),
                "COOLDOWN_SECONDS": str(trigger.cooldown_seconds if trigger else 0),
            },
            grants=[
                Grant("KeepState", ["dynamodb:GetItem", "dynamodb:PutItem"], [table.table_arn]),
                Grant("LookAgain", ["sqs:SendMessage"], [queue.queue_arn]),
                Grant("StartExecutions", ["sagemaker:StartPipelineExecution"], [self._pipeline]),
                Grant(
                    "FollowExecutions",
                    ["sagemaker:DescribePipelineExecution"],
                    [f"{self._pipeline}/execution/*"],
                    wildcard="SageMaker names executions when they start",
                ),
                self._use_registry("ListModelPackages", "DescribeModelPackage"),
            ],
            key=self._storage.key,
        )
        cdk.CfnOutput(self, "RetrainQueueUrl", value=queue.queue_url)
        cdk.CfnOutput(self, "RetrainFunction", value=f"{name}-retrain")
        cdk.CfnOutput(self, "TableName", value=table.table_name)
        return self._retrain_rules(queue)

    def _retrain_rules(self, queue: sqs.Queue) -> Sequence[str]:
        rules = QueueRules(self, project=self._project.name, queue=queue, dead_letters=self._dead_letters)
        if self._project.on_new_data:
            rules.on("new-data", events.object_created(self._storage.incoming.bucket_name, "data/"))
        for number, schedule in enumerate(self._project.schedules, start=1):
            rules.every(f"schedule-{number}", schedule.schedule_expression)
        rules.on("execution-finished", events.execution_became(self._pipeline, FINISHED))
        # A rule of its own, because the alarm looks at how often it matched.
        rules.on("execution-failed", events.execution_became(self._pipeline, ["Failed"]))
        self._alarm(
            "execution-failed",
            f"An execution of {self._project.name}-training failed: its FailureReason says why",
            metrics.rule(f"{self._project.name}-execution-failed"),
        )
        accept_events(queue, rules.arns)
        return rules.arns

    def _state_table(self) -> dynamodb.Table:
        return dynamodb.Table(
            self,
            "State",
            table_name=f"{self._project.name}-retraining",
            partition_key=dynamodb.Attribute(name="pipeline", type=dynamodb.AttributeType.STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            # Counters and times, which the next event starts anew: nothing to keep, no data of the user's.
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )

    def _promote(self, code: s3_assets.Asset) -> Sequence[str]:
        name = self._project.name
        queue = event_queue(self, "PromoteQueue", name=f"{name}-promote", dead_letters=self._dead_letters)
        QueueFunction(
            self,
            "Promote",
            name=f"{name}-promote",
            handler="promote.handler.handle",
            code=code,
            queue=queue,
            environment={
                "STACK_NAME": f"{name}-serving",
                "MODEL_PACKAGE_GROUP": name,
                "ENDPOINT_NAME": "" if isinstance(self._project.endpoint, Batch) else name,
                "COMPONENT": "yes" if has_component(self._project) else "",
                "GUARDS": " ".join(guarded(self._project)),
                "TOPIC_ARN": self._topic.topic_arn,
                **compare_settings(self._project, self._storage),
            },
            grants=[
                Grant(
                    "DeployModels",
                    [
                        "cloudformation:DescribeStacks",
                        "cloudformation:DescribeStackEvents",
                        "cloudformation:DescribeStackResources",
                        "cloudformation:UpdateStack",
                    ],
                    [f"{self._serving}*"],
                    wildcard="The id that CloudFormation gives to the stack of this name",
                ),
                self._use_registry("ListModelPackages", "DescribeModelPackage", "UpdateModelPackage"),
                *tell_grants(self, self._project, topic=self._topic, key=self._storage.key),
                *compare_grants(self._project, self._storage),
            ],
            key=self._storage.key,
        )
        cdk.CfnOutput(self, "PromoteFunction", value=f"{name}-promote")
        return self._promote_rules(queue)

    def _promote_rules(self, queue: sqs.Queue) -> Sequence[str]:
        name = self._project.name
        rules = QueueRules(self, project=name, queue=queue, dead_letters=self._dead_letters)
        rules.on("model-reviewed", events.model_reviewed(name))
        rules.on("deployed", events.stack_became(self._serving, DEPLOYED))
        if schedule := compare_schedule(self._project):
            rules.every("compare", schedule)
        # A rule of its own, because the alarm looks at how often it matched.
        rules.on("rolled-back", events.stack_became(self._serving, ROLLED_BACK))
        self._alarm(
            "rolled-back",
            f"The deployment of a model of {name} was rolled back: the model is rejected, the old one serves",
            metrics.rule(f"{name}-rolled-back"),
        )
        accept_events(queue, rules.arns)
        return rules.arns

    def _use_registry(self, *actions: str) -> Grant:
        name = self._project.name
        return Grant(
            "UseRegistry",
            [f"sagemaker:{action}" for action in actions],
            [f"{self._sagemaker}:model-package-group/{name}", f"{self._sagemaker}:model-package/{name}/*"],
            wildcard="The versions of the model package group",
        )

    def _alarm(self, suffix: str, description: str, metric: cloudwatch.Metric) -> None:
        alarm(
            self,
            f"{suffix.title().replace('-', '')}Alarm",
            name=f"{self._project.name}-{suffix}",
            description=description,
            metric=metric,
            above=0,
            topic=self._topic,
        )
