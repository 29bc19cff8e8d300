"""A function that is woken by a queue, with everything that makes it safe to leave alone."""

from collections.abc import Mapping, Sequence

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3_assets as s3_assets
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from stacks.parts.acknowledgements import acknowledge
from stacks.parts.roles import Grant, service_role

TIMEOUT_SECONDS = 30
# A message stays out of sight for six times as long as the function may take with it.
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
VISIBILITY = cdk.Duration.seconds(6 * TIMEOUT_SECONDS)
# What AWS throttles for half an hour is not lost yet; what nobody can read does not come so often.
ATTEMPTS = 10


def event_queue(
    scope: Construct, id_: str, *, name: str, dead_letters: sqs.IQueue | None = None
) -> sqs.Queue:
    """A queue for events: TLS only, and encrypted by SQS itself, as events name data but hold none.

    Messages that fail go to `dead_letters`; without it, this is the queue where they wait for a person.
    """
    return sqs.Queue(
        scope,
        id_,
        queue_name=name,
        encryption=sqs.QueueEncryption.SQS_MANAGED,
        enforce_ssl=True,
        visibility_timeout=VISIBILITY,
        retention_period=cdk.Duration.days(14),
        dead_letter_queue=(
            sqs.DeadLetterQueue(queue=dead_letters, max_receive_count=ATTEMPTS) if dead_letters else None
        ),
    )


class QueueFunction(Construct):
    """A function that takes batches from a queue, with its role and its logs.

    There is no reserved concurrency: the functions bring a state to where it should be by conditional
    writes, so two at once do no harm. Reserving one would throttle the queue's pollers, and throttled
    messages count as failed attempts; and new accounts have too little concurrency to reserve any.
    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        name: str,
        handler: str,
        code: s3_assets.Asset,
        queue: sqs.IQueue,
        environment: Mapping[str, str],
        grants: Sequence[Grant],
        key: kms.IKey,
        memory_mb: int = 256,
    ) -> None:
        super().__init__(scope, id_)
        log_group = logs.LogGroup(
            self,
            "Logs",
            log_group_name=f"/aws/lambda/{name}",
            encryption_key=key,
            retention=logs.RetentionDays.THREE_MONTHS,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        # The L2 function would add statements to the role, and a dependency that is there already.
        function = lambda_.CfnFunction(
            self,
            "Function",
            function_name=name,
            # What the tests and the embedded AWS run.
            runtime="python3.11",
            handler=handler,
            code=lambda_.CfnFunction.CodeProperty(s3_bucket=code.s3_bucket_name, s3_key=code.s3_object_key),
            environment=lambda_.CfnFunction.EnvironmentProperty(variables=dict(environment)),
            role=self._role(name, queue, log_group, grants).role_arn,
            timeout=TIMEOUT_SECONDS,
            memory_size=memory_mb,
            tracing_config=lambda_.CfnFunction.TracingConfigProperty(mode="Active"),
            logging_config=lambda_.CfnFunction.LoggingConfigProperty(log_group=log_group.log_group_name),
        )
        acknowledge(function, {"AwsSolutions-L1": "Python 3.11 is what is tested, and supported until 2027"})
        # A burst of uploads arrives as a few batches; two of them at once are plenty.
        lambda_.CfnEventSourceMapping(
            self,
            "Batches",
            function_name=function.ref,
            event_source_arn=queue.queue_arn,
            batch_size=100,
            maximum_batching_window_in_seconds=1,
            scaling_config=lambda_.CfnEventSourceMapping.ScalingConfigProperty(maximum_concurrency=2),
            function_response_types=["ReportBatchItemFailures"],
        )

    def _role(
        self, name: str, queue: sqs.IQueue, log_group: logs.ILogGroup, grants: Sequence[Grant]
    ) -> iam.Role:
        own = [
            Grant("WriteLogs", ["logs:CreateLogStream", "logs:PutLogEvents"], [log_group.log_group_arn]),
            Grant(
                "Trace",
                ["xray:PutTraceSegments", "xray:PutTelemetryRecords"],
                ["*"],
                wildcard="X-Ray's actions take no resource",
            ),
            Grant(
                "TakeMessages",
                ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
                [queue.queue_arn],
            ),
        ]
        return service_role(
            self,
            "Role",
            service="lambda.amazonaws.com",
            description=f"The function {name}",
            grants=[*own, *grants],
        )
