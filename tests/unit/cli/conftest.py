"""A project deployed to moto's AWS; what moto lacks of SageMaker is answered by the test."""

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from botocore.validate import validate_parameters
from moto import mock_aws
from typer.testing import CliRunner, Result

from cli import output
from cli.main import app

Answers = dict[str, Callable[[dict[str, Any]], Any]]
Run = Callable[..., Result]

REGION = "us-east-1"
SERVING = {
    "EndpointName": "flights",
    "ApiUrl": "https://abc12345.execute-api.us-east-1.amazonaws.com/v1/",
}


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """No AWS is chosen, and no checkout is near."""
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "SAGELOOP_STATE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_RETRY_MODE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-credentials"))
    # Rich reads COLUMNS when it is imported, before any test can set it.
    monkeypatch.setattr(output.results, "width", 200)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def sageloop() -> Run:
    """The command line, called as a user does."""

    def run(*arguments: str, stdin: str | bytes | None = None) -> Result:
        result = CliRunner().invoke(app, list(arguments), input=stdin)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
        return result

    return run


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[boto3.Session]:
    """An empty AWS that the environment chooses."""
    with mock_aws():
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        monkeypatch.setenv("AWS_REGION", REGION)
        monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
        yield boto3.Session(region_name=REGION)


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Answers:
    """Operation -> what it answers; requests are checked by AWS's own model."""
    made: Answers = {}
    original = BaseClient._make_api_call  # type: ignore[attr-defined]

    def call(client: Any, operation: str, request: dict[str, Any]) -> Any:
        if operation not in made:
            return original(client, operation, request)
        validate_parameters(request, client.meta.service_model.operation_model(operation).input_shape)
        return made[operation](request)

    monkeypatch.setattr(BaseClient, "_make_api_call", call)
    return made


@pytest.fixture
def deploy_stack(aws: boto3.Session, answers: Answers) -> Callable[..., None]:
    """Make a stack of a project, with these outputs and parameters; it replaces the one of that name."""
    stacks: dict[str, Any] = {}

    def describe(request: dict[str, str]) -> Any:
        if "StackName" not in request:
            return {"Stacks": list(stacks.values())}
        if request["StackName"] in stacks:
            return {"Stacks": [stacks[request["StackName"]]]}
        missing = f"Stack with id {request['StackName']} does not exist"
        raise ClientError({"Error": {"Code": "ValidationError", "Message": missing}}, "DescribeStacks")

    def deploy(
        project: str, role: str, outputs: dict[str, str], status: str = "CREATE_COMPLETE", **parameters: str
    ) -> None:
        stacks[f"{project}-{role}"] = {
            "StackName": f"{project}-{role}",
            "StackStatus": status,
            "Parameters": [{"ParameterKey": k, "ParameterValue": v} for k, v in parameters.items()],
            "Outputs": [{"OutputKey": k, "OutputValue": v} for k, v in outputs.items()],
            "Tags": [{"Key": "sageloop:project", "Value": project}],
        }

    answers["DescribeStacks"] = describe
    return deploy


@pytest.fixture
def register(aws: boto3.Session) -> Callable[..., str]:
    """Register a model package of flights; returns its ARN."""

    def register(status: str = "PendingManualApproval", value: str = "0.7512345") -> str:
        return aws.client("sagemaker").create_model_package(
            ModelPackageGroupName="flights",
            ModelApprovalStatus=status,  # type: ignore[arg-type]
            CustomerMetadataProperties={"metric": "auc", "value": value},
        )["ModelPackageArn"]

    return register


@pytest.fixture
def flights(aws: boto3.Session, answers: Answers, deploy_stack: Callable[..., None]) -> boto3.Session:
    """The project `flights`, deployed but without data, runs and models."""
    aws.client("s3").create_bucket(Bucket="flights-incoming")
    sqs = aws.client("sqs")
    queue = sqs.create_queue(QueueName="flights-retrain")["QueueUrl"]
    dead = sqs.create_queue(QueueName="flights-dead-letters")["QueueUrl"]
    aws.client("dynamodb").create_table(
        TableName="flights-retraining",
        KeySchema=[{"AttributeName": "pipeline", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pipeline", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    aws.client("sagemaker").create_model_package_group(ModelPackageGroupName="flights")
    deploy_stack("flights", "storage", {"IncomingBucket": "flights-incoming"})
    deploy_stack("flights", "training", {"PipelineName": "flights-training", "ModelPackageGroup": "flights"})
    deploy_stack(
        "flights",
        "serving",
        SERVING,
        ModelPackageArn="",
    )
    deploy_stack(
        "flights",
        "retraining",
        {
            "RetrainQueueUrl": queue,
            "TableName": "flights-retraining",
            "RetrainFunction": "flights-retrain",
            "PromoteFunction": "flights-promote",
            "DeadLetterQueueUrl": dead,
        },
    )
    answers["ListPipelineExecutions"] = lambda _: {"PipelineExecutionSummaries": []}
    return aws


@pytest.fixture
def serving(
    flights: boto3.Session, answers: Answers, deploy_stack: Callable[..., None]
) -> Callable[..., None]:
    """Have the endpoint of flights serve a package, with the serving stack in a status."""

    def serve(arn: str, status: str, **variant: int) -> None:
        deploy_stack("flights", "serving", SERVING, status=status, ModelPackageArn=arn)
        answers["ListEndpoints"] = lambda _: {
            "Endpoints": [{"EndpointName": "flights-other"}, {"EndpointName": "flights"}]
        }
        answers["DescribeEndpoint"] = lambda _: {
            "EndpointStatus": "InService",
            "EndpointConfigName": "config",
            "ProductionVariants": [variant],
        }
        answers["DescribeEndpointConfig"] = lambda _: {"ProductionVariants": [{"ModelName": "model"}]}
        answers["DescribeModel"] = lambda _: {"PrimaryContainer": {"ModelPackageName": arn}}

    return serve
