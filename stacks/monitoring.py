"""How the model in service is watched: a pipeline that looks at its calls, and what starts it."""

import aws_cdk as cdk
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk import aws_sns as sns
from constructs import Construct

from declaration import Project
from pipelines.monitoring import MonitoringBindings, definition
from pipelines.validation import validate
from stacks.network import Network
from stacks.parts import metrics
from stacks.parts.alarms import alarm
from stacks.parts.monitor_function import monitor_function
from stacks.parts.queue_function import event_queue
from stacks.parts.source import functions
from stacks.parts.watching import looking_role, watch_role
from stacks.storage import Storage
from stacks.training import Training


class Monitoring(cdk.Stack):
    """The SageMaker Pipeline `<project>-monitoring` and the function `monitor`.

    Programs hear by `signals` of what people are told in more words; people hear by `topic` of what keeps the
    watch itself from working.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        project: Project,
        network: Network,
        storage: Storage,
        training: Training,
        topic: sns.ITopic,
        signals: sns.ITopic,
        env: cdk.Environment | None = None,
    ) -> None:
        super().__init__(scope, id_, env=env, description=f"Sageloop: monitoring of {project.name}")
        name = project.name
        pipeline = self._pipeline(project, network, storage, training)
        dead_letters = event_queue(self, "DeadLetters", name=f"{name}-monitor-dead-letters")
        queue = monitor_function(self, project=project, storage=storage, dead_letters=dead_letters)
        self._tell_people(name, topic)
        self._tell_programs(project, signals)
        cdk.CfnOutput(self, "MonitoringPipelineName", value=pipeline.pipeline_name)
        cdk.CfnOutput(self, "MonitorFunction", value=f"{name}-monitor")
        cdk.CfnOutput(self, "MonitorQueueUrl", value=queue.queue_url)
        cdk.CfnOutput(self, "DeadLetterQueueUrl", value=dead_letters.queue_url)

    def _pipeline(
        self, project: Project, network: Network, storage: Storage, training: Training
    ) -> sagemaker.CfnPipeline:
        code = functions(self, project.code) if project.code else None
        image = training.images.ours
        role = watch_role(self, project=project, network=network, storage=storage, image=image, code=code)
        body = definition(
            project,
            MonitoringBindings(
                region=self.region,
                image_uri=image.uri,
                role_arn=role.role_arn,
                kms_key_arn=storage.key.key_arn,
                subnets=network.subnet_ids,
                security_groups=[network.jobs.security_group_id],
                code_uri=code.uri if code else None,
            ),
        )
        validate(body)
        return sagemaker.CfnPipeline(
            self,
            "Pipeline",
            pipeline_name=f"{project.name}-monitoring",
            pipeline_description=f"Compares what is asked of {project.name} with what it has learnt from",
            pipeline_definition={"PipelineDefinitionBody": body},
            role_arn=looking_role(self, role).role_arn,
        )

    def _tell_people(self, name: str, topic: sns.ITopic) -> None:
        alarm(
            self,
            "FailedAlarm",
            name=f"{name}-monitoring-failed",
            description=(
                f"A look at the calls of {name} failed; the next one comes by itself. Why: sageloop monitor "
                f"-p {name}"
            ),
            metric=metrics.pipeline(f"{name}-monitoring", "ExecutionFailed"),
            above=0,
            topic=topic,
        )
        alarm(
            self,
            "DeadLettersAlarm",
            name=f"{name}-monitor-dead-letters",
            description=(
                f"Events of the watch over {name} could not be handled. To see why: "
                f"sageloop redrive --dry-run -p {name}; once that is repaired, without --dry-run they are "
                "handled again"
            ),
            metric=metrics.messages(f"{name}-monitor-dead-letters"),
            above=0,
            topic=topic,
        )

    def _tell_programs(self, project: Project, signals: sns.ITopic) -> None:
        """Figures come once a look, so an alarm lasts until the next one."""
        name = project.name
        found = {"traffic-silent": ("Silent", f"There were no calls of {name}, or none was captured")}
        if project.on_drift:
            found["drift"] = ("Drifted", f"The calls of {name} differ from what its model has learnt from")
        if project.on_quality:
            found["quality"] = ("LiveBelow", f"The answers of {name} have become worse than is declared")
        for suffix, (figure, description) in found.items():
            alarm(
                self,
                f"{suffix.title().replace('-', '')}Alarm",
                name=f"{name}-{suffix}",
                description=description,
                metric=metrics.of_project(name, figure),
                above=0,
                topic=signals,
                until_the_next=True,
            )
