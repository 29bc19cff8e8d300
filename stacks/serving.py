"""How a model is served: an endpoint once one is approved, and the API in front of it."""

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns
from constructs import Construct

from declaration import Endpoint, Project, Serverless
from stacks.network import Network
from stacks.parts import metrics
from stacks.parts.alarms import alarm
from stacks.parts.aws_image import aws_image
from stacks.parts.places import MODELS
from stacks.parts.prediction_api import PredictionApi
from stacks.parts.roles import Grant, service_role
from stacks.parts.sagemaker_grants import SAGEMAKER, read_objects, run_container, write_objects
from stacks.parts.served_model import Approved, ServedModel
from stacks.storage import Storage
from stacks.training import Training

CAPTURE = "traffic"
FAULTS_ALLOWED = 0.01
LATENCY_ALLOWED_US = 1_000_000


class Serving(cdk.Stack):
    """The parameter `ModelPackageArn` says which model serves; while it is empty, there is no endpoint.

    An approval changes the parameter, so the endpoint stays CloudFormation's own: `cdk deploy` keeps the
    value, and a rollout that an alarm takes back is rolled back by CloudFormation.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        project: Project,
        endpoint: Endpoint | Serverless,
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
        name = project.name
        log_group_name = f"/aws/sagemaker/Endpoints/{name}"
        log_group = logs.LogGroup(
            self,
            "Logs",
            log_group_name=log_group_name,
            encryption_key=storage.key,
            retention=logs.RetentionDays.THREE_MONTHS,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        model = ServedModel(
            self,
            "Served",
            name=name,
            approved=self._approved(),
            role=self._model_role(project, network, storage, training, log_group_name),
            key=storage.key,
        )
        guards = _guards(self, name, topic)
        if isinstance(endpoint, Endpoint):
            served = model.on_instances(
                endpoint,
                network=network,
                capture_uri=f"s3://{storage.captured.bucket_name}/{CAPTURE}",
                guards=guards,
            )
        else:
            served = model.serverless(endpoint)
        served.node.add_dependency(log_group)
        api = PredictionApi(self, "Predictions", name=name, calls_per_minute=endpoint.calls_per_minute)
        cdk.CfnOutput(self, "EndpointName", value=name)
        cdk.CfnOutput(self, "ApiUrl", value=api.url)

    def _approved(self) -> Approved:
        package = cdk.CfnParameter(
            self,
            "ModelPackageArn",
            default="",
            description="The approved model package that the endpoint serves; empty for no endpoint",
        )
        return Approved(
            package.value_as_string,
            cdk.CfnCondition(
                self,
                "ModelApproved",
                expression=cdk.Fn.condition_not(cdk.Fn.condition_equals(package.value_as_string, "")),
            ),
        )

    def _model_role(
        self, project: Project, network: Network, storage: Storage, training: Training, log_group: str
    ) -> iam.Role:
        endpoint = project.endpoint
        # What serves may be older than the declaration: built images share a repository, and an image of AWS
        # is in an account that depends on the region, which each template looks up itself.
        images = [training.images.ours, aws_image(self, project.train, "inference")]
        grants = run_container(
            self,
            repository_arns=[image.repository_arn for image in images if image],
            key=storage.key,
            network=network if isinstance(endpoint, Endpoint) else None,
            log_group=log_group,
            metrics="/aws/sagemaker/Endpoints",
        )
        grants.append(read_objects("ReadModel", storage.artifacts.bucket_arn, MODELS))
        if isinstance(endpoint, Endpoint):
            # https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-configuration.html
            alarms = f"arn:{self.partition}:cloudwatch:{self.region}:{self.account}:alarm:{project.name}"
            guards = [f"{alarms}-5xx", f"{alarms}-latency"]
            grants.append(Grant("WatchRollout", ["cloudwatch:DescribeAlarms"], guards))
            if endpoint.capture_percent:
                grants.append(write_objects("WriteCapture", storage.captured.bucket_arn, [f"{CAPTURE}/*"]))
        return service_role(
            self,
            "ModelRole",
            service=SAGEMAKER,
            description="The model servers of the endpoint",
            grants=grants,
        )


def _guards(scope: Construct, name: str, topic: sns.ITopic) -> list[cloudwatch.Alarm]:
    """What takes a rollout back. Faults of the client (4xx) are none of the model's, so they don't count."""
    return [
        alarm(
            scope,
            "Faults",
            name=f"{name}-5xx",
            description=f"More than {FAULTS_ALLOWED:.0%} of the calls of {name} failed with a 5xx",
            # SageMaker sends 1 for a call that failed and 0 for one that did not: the average is the rate.
            metric=metrics.endpoint(name, "Invocation5XXErrors", "Average"),
            above=FAULTS_ALLOWED,
            topic=topic,
        ),
        alarm(
            scope,
            "Latency",
            name=f"{name}-latency",
            description=f"1% of the calls of {name} took the model longer than 1 s, for three minutes",
            metric=metrics.endpoint(name, "ModelLatency", "p99"),
            above=LATENCY_ALLOWED_US,
            periods=3,
            topic=topic,
        ),
    ]
