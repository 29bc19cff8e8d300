"""The queues that the function writes to: its own, and the one for what nobody can read."""

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from retrain.faults import patient
from retrain.messages import look_again
from retrain.state import readable

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageAttributeValueTypeDef

# The attribute by which a malformed message is told from one that could not be handled.
REASON = "REASON"
REASON_LENGTH = 300


class Queue:
    """Our own queue, for the messages that make us look again."""

    def __init__(self, sqs: "SQSClient", url: str) -> None:
        self._sqs = sqs
        self._url = url

    def send(self, at: int, delay: int) -> None:
        """Have a look for the epoch second `at` delivered in `delay` seconds (at most 900); raises Busy."""
        with patient():
            self._sqs.send_message(QueueUrl=self._url, MessageBody=look_again(at), DelaySeconds=delay)


class DeadLetters:
    """The queue where messages wait for a person."""

    def __init__(self, sqs: "SQSClient", url: str) -> None:
        self._sqs = sqs
        self._url = url

    def bury(self, body: str, reason: str) -> bool:
        """Put a malformed message there, with the reason; False when SQS does not take it.

        To hand it back instead would have it delivered again and again before it gets there.
        """
        attribute: MessageAttributeValueTypeDef = {
            "DataType": "String",
            "StringValue": readable(reason, REASON_LENGTH),
        }
        try:
            self._sqs.send_message(
                QueueUrl=self._url, MessageBody=body, MessageAttributes={REASON: attribute}
            )
        except (ClientError, BotoCoreError):
            return False
        return True
