"""How messages reach people: the project's topic, and the chats that its notices go to."""

import http.client
import json
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tell.messages import Notice
from tell.texts import Text

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

    from tell.secrets import SecretsManagerClient

SECONDS = 3.0
SUCCESS = range(200, 300)
# A test's server, or one beside the embedded AWS; any other address is only called by TLS.
LOCAL = "127.0.0.1"


class NotPosted(Exception):
    """A chat did not take a notice; the message will be delivered again."""


class Topic:
    """Mails and whatever else subscribes."""

    def __init__(self, sns: "SNSClient", arn: str) -> None:
        self._sns, self._arn = sns, arn

    def publish(self, text: Text) -> None:
        """Send a message to all subscribers."""
        self._sns.publish(TopicArn=self._arn, Subject=text.subject, Message=text.body)


class Webhook:
    """A channel of a chat, whose address is a secret; what is written there is JSON with a `text`."""

    def __init__(self, secrets: "SecretsManagerClient", name: str) -> None:
        self._secrets, self.name = secrets, name

    def post(self, notice: Notice) -> None:
        """Write a notice into the channel; raises NotPosted when that does not work within some seconds.

        The address is asked for each time, so that it may be changed. Redirects are not followed.
        """
        address = self._secrets.get_secret_value(SecretId=self.name)["SecretString"].strip()
        body = json.dumps({"text": f"{notice.subject}\n\n{notice.text}".strip()}).encode()
        try:
            status = _post(address, body)
        # The address never gets into a log: it is all that is needed to write into the channel.
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise NotPosted(
                f"The address in the secret {self.name} cannot be called: {type(error).__name__}"
            ) from None
        if status not in SUCCESS:
            raise NotPosted(f"The chat behind the secret {self.name} answered {status}")


def _post(address: str, body: bytes) -> int:
    """The status that the server answers."""
    place = urlsplit(address)
    host, port = place.hostname or "", place.port
    connection: http.client.HTTPConnection
    if place.scheme == "https":
        connection = http.client.HTTPSConnection(host, port, timeout=SECONDS)
    elif place.scheme == "http" and host == LOCAL:
        connection = http.client.HTTPConnection(host, port, timeout=SECONDS)
    else:
        raise ValueError("the address must begin with https://")
    path = (place.path or "/") + (f"?{place.query}" if place.query else "")
    try:
        connection.request("POST", path, body, {"Content-Type": "application/json; charset=utf-8"})
        return connection.getresponse().status
    finally:
        connection.close()
