"""SNS, chats, CloudWatch and KMS in memory: what was told and measured, and what only KMS can sign."""

import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from tests.histories.aws.points import Refused

CHATS = "chat.example.com"


class SNS:
    """Topics: `published` is everything that was sent, in order; queues get it by `put`, by their topics.

    https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
    """

    def __init__(self, subscribed: Mapping[str, Sequence[str]], put: Callable[[str, str], object]) -> None:
        self._subscribed, self._put = subscribed, put
        self.published: list[dict[str, Any]] = []

    def publish(self, **request: Any) -> dict[str, Any]:
        """Send a message."""
        self.published.append(request)
        notice = {
            "Type": "Notification",
            "MessageId": f"{len(self.published)}",
            "TopicArn": request["TopicArn"],
            "Subject": request.get("Subject", ""),
            "Message": request["Message"],
        }
        for queue in self._subscribed.get(request["TopicArn"], ()):
            self._put(queue, json.dumps(notice))
        return {"MessageId": f"{len(self.published)}"}


class CloudWatch:
    """Metrics: `put` is what was sent, `values` what is answered for a metric's name."""

    def __init__(self) -> None:
        self.put: list[dict[str, Any]] = []
        self.values: dict[str, float] = {}

    def put_metric_data(self, *, Namespace: str, MetricData: Sequence[Mapping[str, Any]], **_: Any) -> None:
        """Record what was measured."""
        self.put += [{"Namespace": Namespace, **datum} for datum in MetricData]

    def get_metric_data(self, *, MetricDataQueries: Sequence[Mapping[str, Any]], **_: Any) -> dict[str, Any]:
        """One value for each metric that has one."""
        results = []
        for query in MetricDataQueries:
            value = self.values.get(query["MetricStat"]["Metric"]["MetricName"])
            results.append({"Id": query["Id"], "Values": [] if value is None else [value]})
        return {"MetricDataResults": results}


class Secrets:
    """Secrets: the address of a chat is that of the secret's name."""

    def get_secret_value(self, *, SecretId: str, **_: Any) -> dict[str, Any]:
        """https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html"""
        return {"Name": SecretId, "SecretString": f"https://{CHATS}/{SecretId}"}


@dataclass
class Chats:
    """The servers behind the addresses: `posted` is what each got, in order."""

    posted: list[tuple[str, str]] = field(default_factory=list)

    def post(self, path: str, body: bytes) -> None:
        """A notice is written into a chat."""
        self.posted.append((path.removeprefix("/"), json.loads(body)["text"]))


class KMS:
    """Keys for message authentication codes.

    https://docs.aws.amazon.com/kms/latest/APIReference/API_VerifyMac.html
    """

    def generate_mac(self, *, KeyId: str, Message: bytes, MacAlgorithm: str, **_: Any) -> dict[str, Any]:
        """Sign a message of up to 4,096 bytes."""
        return {"KeyId": KeyId, "MacAlgorithm": MacAlgorithm, "Mac": _mac(KeyId, Message)}

    def verify_mac(
        self, *, KeyId: str, Message: bytes, Mac: bytes, MacAlgorithm: str, **_: Any
    ) -> dict[str, Any]:
        """Confirm a signature; AWS refuses a wrong one instead of saying no."""
        if not hmac.compare_digest(Mac, _mac(KeyId, Message)):
            raise Refused("KMSInvalidMacException", "The MAC is not valid")
        return {"KeyId": KeyId, "MacValid": True, "MacAlgorithm": MacAlgorithm}


def _mac(key: str, message: bytes) -> bytes:
    return hmac.new(f"the secret of {key}".encode(), message, sha256).digest()
