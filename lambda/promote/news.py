"""What people and programs are told of a rollback, of a shadow that failed, or of a stranger that serves.

It is told before it is written down that the model is rejected, so that a crash in between repeats a message
and never swallows one.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from promote.traffic import Traffic
from promote.verdict import Seen

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_sns import SNSClient

SOURCE = "sageloop"
ROLLED_BACK = "Model Rolled Back"
NOT_DEPLOYED = "Model Not Deployed"
NOT_AS_ASKED = "Model Not In Service"
INCOMPLETE = "Approval Incomplete"
# https://docs.aws.amazon.com/sns/latest/api/API_Publish.html: a subject has less than 100 characters.
SUBJECT_LENGTH = 99
# By the end of an alarm's name, what it says.
MEANINGS = {
    "5xx": "too many of its calls failed with a 5xx",
    "latency": "too many of its calls took too long",
    "silent": "none of its calls got an answer",
    "age": "its calls waited too long",
}


class NotTold(Exception):
    """EventBridge did not take the event; the message that woke us will be delivered again."""


@dataclass(frozen=True)
class Alarm:
    """An alarm that is named as the reason of a rollback, and what it says."""

    name: str
    description: str


class News:
    """Tells an event and a message of one project; `alarms` are the names of those that guard rollouts."""

    def __init__(
        self,
        project: str,
        topic_arn: str,
        alarms: Sequence[str],
        *,
        events: "EventBridgeClient",
        sns: "SNSClient",
    ) -> None:
        self._project, self._topic_arn, self._alarms = project, topic_arn, alarms
        self._events, self._sns = events, sns

    def rolled_back(self, package_arn: str, reason: str, serving_arn: str) -> None:
        """A model was deployed and taken back; `package_arn` is empty when something else was deployed.

        `serving_arn` is the model package that serves now, empty when there is none.
        """
        alarms = self._named_in(reason)
        self._tell(
            ROLLED_BACK,
            {
                "modelPackageArn": package_arn,
                "version": _version(package_arn),
                "reason": reason,
                "alarms": [asdict(alarm) for alarm in alarms],
                "serving": {"modelPackageArn": serving_arn, "version": _version(serving_arn)},
            },
        )
        version = _version(package_arn)
        what = f"version {version}" if version else "a change of the serving stack"
        why = [f"Alarm {alarm.name}: {alarm.description}." for alarm in alarms]
        next_ = (
            _rejected(version, self._project)
            if version
            else "No model is rejected: repair the change and deploy it again."
        )
        self._publish(
            f"{what} was rolled back",
            [
                f"{what[:1].upper()}{what[1:]} of {self._project} was deployed and taken back.",
                *(why or [f"Reason: {reason}"]),
                f"Now in service: {_named(serving_arn)}.",
                next_,
                *([f"AWS says: {reason}"] if why else []),
            ],
        )

    def not_deployed(self, package_arn: str, reason: str, seen: Seen, serving_arn: str) -> None:
        """A model ran as a shadow beside the one in service, `serving_arn`, and may not take over."""
        version = _version(package_arn)
        compared = asdict(seen.comparison) | {"agreement": seen.comparison.agreement}
        self._tell(
            NOT_DEPLOYED,
            {
                "modelPackageArn": package_arn,
                "version": version,
                "reason": reason,
                "comparison": {_camel(name): value for name, value in compared.items()},
                "shadow": _traffic(seen.shadow),
                "serving": {
                    "modelPackageArn": serving_arn,
                    "version": _version(serving_arn),
                    **_traffic(seen.service),
                },
            },
        )
        self._publish(
            f"version {version} was not deployed",
            [
                f"Version {version} of {self._project} ran beside {_named(serving_arn)}, on copies of its "
                "calls, and is not deployed.",
                f"Reason: {reason}.",
                f"Seen: {seen.described()}.",
                f"Still in service: {_named(serving_arn)}.",
                _rejected(version, self._project),
            ],
        )

    def not_as_asked(self, asked_arn: str, serving: str) -> None:
        """The stack says that its last update succeeded; `serving` is what it did not make, and serves."""
        self._tell(
            NOT_AS_ASKED,
            {"modelPackageArn": asked_arn, "version": _version(asked_arn), "serving": {"name": serving}},
        )
        self._publish(
            "the endpoint does not serve what was deployed",
            [
                f"The serving stack of {self._project} asks for {_named(asked_arn)}.",
                f"In service is {serving}, which the stack has not made.",
                "Somebody has changed the endpoint outside of the stack, or SageMaker has taken the last "
                "change back.",
                f"What serves: sageloop status -p {self._project}",
                "To have what was asked for again: sageloop deploy",
            ],
        )

    def approval_incomplete(self, version: int, people: int) -> None:
        """A version is approved in the registry, and not by enough people; tell makes the message of it."""
        reason = (
            f"it was approved in the registry, which knows the last person alone, and {people} different "
            "people have to approve it by sageloop approve"
        )
        self._tell(INCOMPLETE, {"version": version, "approvers": [], "reason": reason})

    def _named_in(self, reason: str) -> list[Alarm]:
        named = [name for name in self._alarms if re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", reason)]
        return [Alarm(name, MEANINGS.get(name.rpartition("-")[2], "it fired")) for name in named]

    def _tell(self, kind: str, detail: Mapping[str, Any]) -> None:
        answer = self._events.put_events(
            Entries=[
                {
                    "Source": SOURCE,
                    "DetailType": kind,
                    "Detail": json.dumps({"project": self._project, **detail}),
                }
            ]
        )
        if answer["FailedEntryCount"]:
            raise NotTold(
                f"EventBridge did not take {kind!r}: {answer['Entries'][0].get('ErrorMessage', '')}"
            )

    def _publish(self, subject: str, lines: Sequence[str]) -> None:
        self._sns.publish(
            TopicArn=self._topic_arn,
            Subject=f"{self._project}: {subject}"[:SUBJECT_LENGTH],
            Message="\n\n".join(lines),
        )


def _version(arn: str) -> int | None:
    number = arn.rpartition("/")[2]
    return int(number) if number.isdigit() else None


def _named(arn: str) -> str:
    version = _version(arn)
    return f"version {version}" if version else arn or "no model"


def _rejected(version: int | None, project: str) -> str:
    return (
        f"Version {version} is rejected and not tried again, unless somebody approves it once more "
        f"(sageloop approve {version} -p {project})."
    )


def _traffic(traffic: Traffic) -> dict[str, Any]:
    return {"calls": traffic.calls, "faults": traffic.faults, "p99Milliseconds": traffic.p99_ms}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(map(str.title, rest))
