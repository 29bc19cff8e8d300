"""How a model is served: an endpoint once one is approved, and the API in front of it."""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk import aws_sns as sns

from declaration import Async, Batch, Capacity, Endpoint, Project, Served, Serverless, Shadow
from stacks.network import Network
from stacks.parts.approved import Approved, parameter
from stacks.parts.batch import batch_pipeline
from stacks.parts.endpoint_config import Queue
from stacks.parts.guards import guards
from stacks.parts.model_role import CAPTURE, ModelRole, logs_of
from stacks.parts.places import ANSWERS, FAILURES
from stacks.parts.prediction_api import PredictionApi
from stacks.parts.served_model import ServedModel
from stacks.storage import Storage
from stacks.training import Training


class Serving(cdk.Stack):
    """The parameter `ModelPackageArn` says which model serves; while it is empty, there is no endpoint.

    An approval changes the parameter, so the endpoint stays CloudFormation's own: `cdk deploy` keeps the
    value, and a rollout that an alarm takes back is rolled back by CloudFormation. With the rollout Shadow,
    `ShadowModelPackageArn` says which model is compared with it.
    """

    def __init__(
        self,
        scope: cdk.App,
        id_: str,
        *,
        project: Project,
        endpoint: Served,
        network: Network,
        storage: Storage,
        training: Training,
        topic: sns.ITopic,
        env: cdk.Environment | None = None,
    ) -> None:
        super().__init__(
            scope,
            id_,
            env=env,
            description=f"Sageloop: endpoint and API of {project.name}",
            # The rule reads a parameter of the bootstrap stack, which whoever promotes a model need not see.
            synthesizer=cdk.DefaultStackSynthesizer(generate_bootstrap_version_rule=False),
        )
        self._project, self._network, self._storage, self._topic = project, network, storage, topic
        self._approved = parameter(
            self,
            "ModelPackageArn",
            "ModelApproved",
            "The approved model package that the endpoint serves; empty for no endpoint",
        )
        if isinstance(endpoint, Batch):
            self._predict_files(endpoint, training)
            return
        log_group = self._logs(endpoint)
        queue = self._queue() if isinstance(endpoint, Async) else None
        model = self._model(endpoint, training, queue)
        served = self._serve(model, endpoint, queue, guards(self, project.name, endpoint, topic))
        served.node.add_dependency(log_group)
        if not isinstance(endpoint, Async):
            api = PredictionApi(
                self,
                "Predictions",
                name=project.name,
                calls_per_minute=endpoint.calls_per_minute,
                clients=endpoint.clients,
                component=isinstance(endpoint, Endpoint) and endpoint.scale_to_zero,
            )
        cdk.CfnOutput(self, "EndpointName", value=project.name)
        if queue:
            cdk.CfnOutput(self, "AnswersTopicArn", value=queue.topic.topic_arn)
        else:
            cdk.CfnOutput(self, "ApiUrl", value=api.url)

    def _logs(self, endpoint: Served) -> logs.LogGroup:
        return logs.LogGroup(
            self,
            "Logs",
            log_group_name=logs_of(self._project, endpoint),
            encryption_key=self._storage.key,
            retention=logs.RetentionDays.THREE_MONTHS,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )

    def _incoming(self, prefix: str) -> str:
        return f"s3://{self._storage.incoming.bucket_name}/{prefix}"

    def _queue(self) -> Queue:
        """Answers lie beside the requests, and whoever waits for them hears of each."""
        topic = sns.Topic(
            self,
            "Answers",
            topic_name=f"{self._project.name}-answers",
            master_key=self._storage.key,
            enforce_ssl=True,
        )
        return Queue(self._incoming(f"{ANSWERS}/"), self._incoming(f"{FAILURES}/"), topic)

    def _model(self, endpoint: Served, training: Training, queue: Queue | None) -> ServedModel:
        make = ModelRole(self, self._project, self._network, self._storage, training.images)
        return ServedModel(
            self,
            "Served",
            name=self._project.name,
            approved=self._approved,
            role=make.role(endpoint, queue.topic if queue else None),
            key=self._storage.key,
            shadow=self._shadow(endpoint),
        )

    def _shadow(self, endpoint: Served) -> Approved | None:
        if not isinstance(endpoint, Endpoint) or not isinstance(endpoint.rollout, Shadow):
            return None
        return parameter(
            self,
            "ShadowModelPackageArn",
            "ShadowApproved",
            "The approved model package that runs beside it on copies of the calls; empty for none",
        )

    def _serve(
        self,
        model: ServedModel,
        endpoint: Endpoint | Serverless | Async,
        queue: Queue | None,
        alarms: Sequence[cloudwatch.Alarm],
    ) -> sagemaker.CfnEndpoint:
        capacity, network = self._project.capacity, self._network
        match endpoint, capacity, queue:
            case Endpoint(scale_to_zero=True), Capacity(), _:
                return model.from_zero(endpoint, capacity, network=network, guards=alarms)
            case Endpoint(), Capacity(), _:
                uri = f"s3://{self._storage.captured.bucket_name}/{CAPTURE}"
                return model.on_instances(endpoint, capacity, network=network, capture_uri=uri, guards=alarms)
            case Async(), _, Queue():
                return model.queued(endpoint, network=network, queue=queue, guards=alarms)
            case Serverless(), _, _:
                return model.serverless(endpoint)
        raise TypeError(f"nothing serves {endpoint}")

    def _predict_files(self, declared: Batch, training: Training) -> None:
        model = self._model(declared, training, None)
        pipeline = batch_pipeline(
            self,
            project=self._project,
            declared=declared,
            approved=self._approved,
            model=model.model(self._network),
            storage=self._storage,
            topic=self._topic,
        )
        cdk.CfnOutput(self, "BatchPipeline", value=pipeline.pipeline_name)
