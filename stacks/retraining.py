"""What keeps a model fresh: events become executions, approvals become deployments, and people are told."""

import aws_cdk as cdk
from aws_cdk import aws_s3_assets as s3_assets
from aws_cdk import aws_sns as sns
from constructs import Construct

from declaration import Batch, Project
from stacks.parts import events, metrics
from stacks.parts.alarms import alarm
from stacks.parts.approvals import Approvals, approvals
from stacks.parts.batch import start_batches
from stacks.parts.function_code import function_code
from stacks.parts.promotion import (
    compare_grants,
    compare_schedule,
    compare_settings,
    eyes_grants,
    eyes_settings,
    guarded,
    has_component,
    tell_grants,
)
from stacks.parts.queue_function import QueueFunction, event_queue
from stacks.parts.retrain_function import retrain_function
from stacks.parts.roles import Grant
from stacks.parts.rules import QueueRules, RuleArns, accept_events
from stacks.parts.telling import telling
from stacks.storage import Storage

DEPLOYED = ("CREATE_COMPLETE", "UPDATE_COMPLETE")
ROLLED_BACK = ("UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_FAILED")


class Retraining(cdk.Stack):
    """The functions `retrain`, `tell` and, where there is an endpoint, `promote`, each with queue and rules.

    People are told by `topic`; programs hear by `signals` of what people are told in more words.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        project: Project,
        storage: Storage,
        topic: sns.ITopic,
        signals: sns.ITopic,
        env: cdk.Environment | None = None,
    ) -> None:
        super().__init__(scope, id_, env=env, description=f"Sageloop: retraining of {project.name}")
        self._project, self._storage, self._topic = project, storage, topic
        name = project.name
        account = f"{self.region}:{self.account}"
        self._sagemaker = f"arn:{self.partition}:sagemaker:{account}"
        # The id that CloudFormation gives to the stack comes after the slash.
        self._serving = f"arn:{self.partition}:cloudformation:{account}:stack/{name}-serving/"
        self._dead_letters = event_queue(self, "DeadLetters", name=f"{name}-dead-letters")
        code = function_code(self)
        approved = approvals(self, project=project, storage=storage, code=code)
        rules = [
            *retrain_function(
                self,
                project=project,
                storage=storage,
                topic=topic,
                signals=signals,
                dead_letters=self._dead_letters,
                code=code,
            ),
            *(self._promote(code, approved) if project.endpoint else ()),
            *telling(
                self,
                project=project,
                storage=storage,
                topic=topic,
                dead_letters=self._dead_letters,
                code=code,
                approved=approved,
            ),
        ]
        if isinstance(project.endpoint, Batch):
            rules += start_batches(
                self,
                project=project,
                declared=project.endpoint,
                incoming=storage.incoming,
                dead_letters=self._dead_letters,
            )
        accept_events(self._dead_letters, rules)
        alarm(
            self,
            "DeadLettersAlarm",
            name=f"{name}-dead-letters",
            description=(
                f"Events of {name} could not be handled. To see why: "
                f"sageloop redrive --dry-run -p {name}; once "
                "that is repaired, without --dry-run they are handled again"
            ),
            metric=metrics.messages(f"{name}-dead-letters"),
            above=0,
            topic=topic,
        )
        cdk.CfnOutput(self, "DeadLetterQueueUrl", value=self._dead_letters.queue_url)

    def _promote(self, code: s3_assets.Asset, approved: Approvals) -> RuleArns:
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
                "DEAD_LETTER_URL": self._dead_letters.queue_url,
                **compare_settings(self._project, self._storage),
                **eyes_settings(self._project, approved),
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
                Grant(
                    "UseRegistry",
                    [
                        "sagemaker:ListModelPackages",
                        "sagemaker:DescribeModelPackage",
                        "sagemaker:UpdateModelPackage",
                    ],
                    [
                        f"{self._sagemaker}:model-package-group/{name}",
                        f"{self._sagemaker}:model-package/{name}/*",
                    ],
                    wildcard="The versions of the model package group",
                ),
                Grant("BuryMalformed", ["sqs:SendMessage"], [self._dead_letters.queue_arn]),
                *tell_grants(self, self._project, topic=self._topic, key=self._storage.key),
                *compare_grants(self._project, self._storage),
                *eyes_grants(self._project, approved),
            ],
            key=self._storage.key,
        )
        cdk.CfnOutput(self, "PromoteFunction", value=f"{name}-promote")
        rules = QueueRules(self, project=name, queue=queue, dead_letters=self._dead_letters)
        rules.on("model-reviewed", events.model_reviewed(name))
        if self._project.deploy.people > 1:
            rules.on("approved", events.ours(name, ["Approval Complete"]))
        rules.on("deployed", events.stack_became(self._serving, DEPLOYED))
        if schedule := compare_schedule(self._project):
            rules.every("compare", schedule)
        # A rule of its own, because the alarm looks at how often it matched.
        rules.on("rolled-back", events.stack_became(self._serving, ROLLED_BACK))
        alarm(
            self,
            "RolledBackAlarm",
            name=f"{name}-rolled-back",
            description=(
                f"The deployment of a model of {name} was rolled back: it is rejected, the old one serves"
            ),
            metric=metrics.rule(f"{name}-rolled-back"),
            above=0,
            topic=self._topic,
        )
        accept_events(queue, rules.arns)
        return rules.arns
