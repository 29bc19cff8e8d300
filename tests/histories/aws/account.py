"""The account as a whole: its services, its clock, and the process that speaks to it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.histories.aws.bus import ACCOUNT, REGION, Bus
from tests.histories.aws.cloudformation import CloudFormation
from tests.histories.aws.dynamodb import DynamoDB
from tests.histories.aws.pipelines import Execution, Pipelines
from tests.histories.aws.points import Crash, Points
from tests.histories.aws.registry import Registry
from tests.histories.aws.s3 import S3, Created
from tests.histories.aws.sqs import SQS
from tests.histories.aws.telling import KMS, SNS, Chats, CloudWatch, Secrets
from tests.histories.wiring import Wiring

MIDDAY = 1_700_000_000


class SageMaker:
    """What SageMaker's two parts answer, as one service."""

    def __init__(self, pipelines: Pipelines, registry: Registry) -> None:
        self._parts = (pipelines, registry)

    def __getattr__(self, method: str) -> Callable[..., Any]:
        for part in self._parts:
            if hasattr(part, method):
                found: Callable[..., Any] = getattr(part, method)
                return found
        raise AttributeError(method)


@dataclass
class Process:
    """What runs an invocation of `function`, its clock `skew` seconds off; once dead, it calls nothing."""

    function: str = ""
    skew: int = 0
    dead: bool = False


@dataclass
class Account:
    """One history's AWS, made of what the stacks deploy; `now` is their epoch second.

    `mistakes` are calls that AWS would not have understood.
    """

    wiring: Wiring
    started: Callable[[Execution], None] = lambda _: None
    written: Callable[[str, dict[str, Any]], None] = lambda _id, _item: None
    now: float = MIDDAY
    points: Points = field(default_factory=Points)
    processes: list[Process] = field(default_factory=list)
    mistakes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        wired = self.wiring

        def clock() -> float:
            return self.now

        self.sqs = SQS(wired.queues(), clock)
        self.bus = Bus(wired.rules, clock, self.sqs.put)
        self.dynamodb = DynamoDB(wired.tables, self.written)
        self.s3 = S3(wired.buckets, clock, self._created)
        tell = self.bus.tell
        self.pipelines = Pipelines(
            dict.fromkeys(wired.pipelines, '{"Version": "1"}'), clock, tell, self.started
        )
        self.cloudformation = CloudFormation(
            wired.serving, clock, tell, compares=wired.compares, changed=MIDDAY
        )
        self.registry = Registry(wired.project, clock, tell, serves=lambda: self.cloudformation)
        self.sns = SNS(wired.subscribed, self.sqs.put)
        self.cloudwatch, self.kms, self.chats = CloudWatch(), KMS(), Chats()
        self._services: dict[str, Any] = {
            "dynamodb": self.dynamodb,
            "sqs": self.sqs,
            "s3": self.s3,
            "events": self.bus,
            "sagemaker": SageMaker(self.pipelines, self.registry),
            "cloudformation": self.cloudformation,
            "sns": self.sns,
            "cloudwatch": self.cloudwatch,
            "kms": self.kms,
            "secretsmanager": Secrets(),
        }

    def service(self, name: str) -> Any:
        """The service that a client of this name speaks to."""
        return self._services[name]

    def alive(self) -> None:
        """Raise Crash if the process that calls is dead."""
        if self.processes and self.processes[-1].dead:
            raise Crash

    def _created(self, created: Created) -> None:
        """https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html."""
        detail = {
            "version": "0",
            "bucket": {"name": created.bucket},
            "object": {
                "key": created.key,
                "size": len(created.version.body),
                "etag": created.version.etag.strip('"'),
                "version-id": created.version.id,
                "sequencer": created.sequencer,
            },
            "request-id": "0",
            "requester": ACCOUNT,
            "source-ip-address": "127.0.0.1",
            "reason": "PutObject",
        }
        self.bus.tell("aws.s3", "Object Created", detail, [f"arn:aws:s3:::{created.bucket}"])


__all__ = ["ACCOUNT", "REGION", "Account", "Process"]
