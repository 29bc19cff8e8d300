"""What records who approves a model, where two people have to or messages hold links: a table and an API."""

from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3_assets as s3_assets

from declaration import Project
from stacks.parts.acknowledgements import acknowledge
from stacks.parts.queue_function import TIMEOUT_SECONDS
from stacks.parts.roles import Grant, service_role
from stacks.storage import Storage

STAGE = "v1"
# People decide a few times a week; whoever tries links gets nowhere.
CALLS_PER_SECOND, LINKS_PER_SECOND, BURST = 10, 1, 5


@dataclass(frozen=True)
class Approvals:
    """The table of who has approved what, the API's address, and the key of links; None without them."""

    table: dynamodb.Table | None = None
    api_url: str = ""
    link_key: kms.Key | None = None


def approvals(stack: cdk.Stack, *, project: Project, storage: Storage, code: s3_assets.Asset) -> Approvals:
    """The table, the function `approve` and its API; nothing where the registry says all that is needed."""
    if not project.deploy.recorded:
        return Approvals()
    table = _table(stack, project)
    link_key = _link_key(stack, project) if project.deploy.link_seconds else None
    function = _function(stack, project, storage, code, table, link_key)
    api = _api(stack, project, function, links=link_key is not None)
    cdk.CfnOutput(stack, "ApprovalsApiUrl", value=api.url)
    cdk.CfnOutput(stack, "ApprovalsTable", value=table.table_name)
    cdk.CfnOutput(stack, "PeopleToApprove", value=str(project.deploy.people))
    cdk.CfnOutput(stack, "ApproveFunction", value=f"{project.name}-approve")
    return Approvals(table, api.url, link_key)


def _table(stack: cdk.Stack, project: Project) -> dynamodb.Table:
    return dynamodb.Table(
        stack,
        "Approvals",
        table_name=f"{project.name}-approvals",
        partition_key=dynamodb.Attribute(name="id", type=dynamodb.AttributeType.STRING),
        billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
        time_to_live_attribute="expires",
        point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
            point_in_time_recovery_enabled=True
        ),
        # Who has approved the models is kept as long as they are.
        removal_policy=cdk.RemovalPolicy.RETAIN if project.retain else cdk.RemovalPolicy.DESTROY,
    )


def _link_key(stack: cdk.Stack, project: Project) -> kms.Key:
    """A key that never leaves KMS, so that nobody can make a link who may not ask KMS to.

    https://docs.aws.amazon.com/kms/latest/developerguide/hmac.html
    """
    return kms.Key(
        stack,
        "LinkKey",
        description=f"Signs the links by which models of {project.name} are approved",
        key_spec=kms.KeySpec.HMAC_256,
        key_usage=kms.KeyUsage.GENERATE_VERIFY_MAC,
        # Links are valid for days: nothing is lost with it.
        removal_policy=cdk.RemovalPolicy.DESTROY,
        pending_window=cdk.Duration.days(7),
    )


def _function(
    stack: cdk.Stack,
    project: Project,
    storage: Storage,
    code: s3_assets.Asset,
    table: dynamodb.Table,
    link_key: kms.Key | None,
) -> lambda_.CfnFunction:
    name = f"{project.name}-approve"
    account = f"{stack.region}:{stack.account}"
    packages = f"arn:{stack.partition}:sagemaker:{account}:model-package/{project.name}"
    log_group = logs.LogGroup(
        stack,
        "ApproveLogs",
        log_group_name=f"/aws/lambda/{name}",
        encryption_key=storage.key,
        # Who decided what is asked for months later.
        retention=logs.RetentionDays.THREE_MONTHS,
        removal_policy=cdk.RemovalPolicy.DESTROY,
    )
    role = service_role(
        stack,
        "ApproveRole",
        service="lambda.amazonaws.com",
        description=f"The function {name}",
        grants=[
            Grant("WriteLogs", ["logs:CreateLogStream", "logs:PutLogEvents"], [log_group.log_group_arn]),
            Grant(
                "Trace",
                ["xray:PutTraceSegments", "xray:PutTelemetryRecords"],
                ["*"],
                wildcard="X-Ray's actions take no resource",
            ),
            Grant("KeepRecords", ["dynamodb:GetItem", "dynamodb:PutItem"], [table.table_arn]),
            Grant(
                "Decide",
                ["sagemaker:DescribeModelPackage", "sagemaker:UpdateModelPackage"],
                [f"{packages}/*"],
                wildcard="The versions of the model package group",
            ),
            Grant(
                "TellPrograms",
                ["events:PutEvents"],
                [f"arn:{stack.partition}:events:{account}:event-bus/default"],
            ),
            *([Grant("VerifyLinks", ["kms:VerifyMac"], [link_key.key_arn])] if link_key else ()),
        ],
    )
    function = lambda_.CfnFunction(
        stack,
        "Approve",
        function_name=name,
        # What the tests and the embedded AWS run.
        runtime="python3.11",
        handler="approve.handler.handle",
        code=lambda_.CfnFunction.CodeProperty(s3_bucket=code.s3_bucket_name, s3_key=code.s3_object_key),
        environment=lambda_.CfnFunction.EnvironmentProperty(
            variables={
                "PROJECT": project.name,
                "PEOPLE": str(project.deploy.people),
                "TABLE_NAME": table.table_name,
                "PACKAGE_PREFIX": packages,
                **({"LINK_KEY": link_key.key_arn} if link_key else {}),
            }
        ),
        role=role.role_arn,
        timeout=TIMEOUT_SECONDS,
        memory_size=256,
        tracing_config=lambda_.CfnFunction.TracingConfigProperty(mode="Active"),
        logging_config=lambda_.CfnFunction.LoggingConfigProperty(log_group=log_group.log_group_name),
    )
    acknowledge(function, {"AwsSolutions-L1": "Python 3.11 is what is tested, and supported until 2027"})
    return function


def _api(
    stack: cdk.Stack, project: Project, function: lambda_.CfnFunction, *, links: bool
) -> apigateway.RestApi:
    """`POST /versions/{version}` for people who sign with IAM, and the page behind the links for anybody."""
    limits = apigateway.MethodDeploymentOptions(
        throttling_rate_limit=LINKS_PER_SECOND, throttling_burst_limit=BURST
    )
    api = apigateway.RestApi(
        stack,
        "ApprovalsApi",
        rest_api_name=f"{project.name}-approvals",
        description=f"Approvals of the models of {project.name}",
        endpoint_types=[apigateway.EndpointType.REGIONAL],
        cloud_watch_role=False,
        deploy_options=apigateway.StageOptions(
            stage_name=STAGE,
            tracing_enabled=True,
            throttling_rate_limit=CALLS_PER_SECOND,
            throttling_burst_limit=CALLS_PER_SECOND,
            method_options={"/link/GET": limits, "/link/POST": limits} if links else None,
        ),
    )
    # The L2 prints the address under a name that nobody can guess.
    api.node.try_remove_child("Endpoint")
    functions = f"arn:{stack.partition}:apigateway:{stack.region}:lambda:path/2015-03-31/functions"
    calls = apigateway.Integration(
        type=apigateway.IntegrationType.AWS_PROXY,
        integration_http_method="POST",
        uri=f"{functions}/{function.attr_arn}/invocations",
    )
    lambda_.CfnPermission(
        stack,
        "ApproveCalls",
        action="lambda:InvokeFunction",
        function_name=function.ref,
        principal="apigateway.amazonaws.com",
        source_arn=api.arn_for_execute_api(stage=STAGE),
    )
    decide = (
        api.root.add_resource("versions")
        .add_resource("{version}")
        .add_method(
            "POST",
            calls,
            authorization_type=apigateway.AuthorizationType.IAM,
            request_validator=apigateway.RequestValidator(
                stack,
                "ApprovalsValidator",
                rest_api=api,
                validate_request_body=True,
                validate_request_parameters=True,
            ),
            request_parameters={"method.request.path.version": True},
        )
    )
    acknowledge(decide, {"AwsSolutions-COG4": "People are authorised by IAM, and IAM says who they are"})
    if links:
        _open(api.root.add_resource("link"), calls)
    _acknowledge_stage(api)
    return api


def _open(link: apigateway.Resource, calls: apigateway.Integration) -> None:
    """The page behind the links: a link is the authorisation, signed by KMS and valid once."""
    why = "A link out of a message is the authorisation: KMS verifies its signature, and it is valid once"
    for verb in ("GET", "POST"):
        method = link.add_method(verb, calls, authorization_type=apigateway.AuthorizationType.NONE)
        acknowledge(method, {"AwsSolutions-APIG4": why, "AwsSolutions-COG4": why})


def _acknowledge_stage(api: apigateway.RestApi) -> None:
    account_wide = (
        "Logs of an API need a role in the account's settings, which are shared with every other API; calls "
        "are counted in CloudWatch and traced in X-Ray, and the function logs each decision"
    )
    acknowledge(
        api.deployment_stage,
        {
            "AwsSolutions-APIG1": account_wide,
            "AwsSolutions-APIG6": account_wide,
            "AwsSolutions-APIG3": "The stage throttles all callers, and each needs IAM or a signed link",
        },
    )
