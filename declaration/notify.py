"""Who is told what happened."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, Field

from declaration.rules import Matching
from declaration.value import declared

Email = Annotated[str, Matching(r"[^@\s]+@[^@\s]+\.[^@\s]+", "an e-mail address")]


class _SecretName(Matching):
    """The name of a secret.

    https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html
    """

    def __init__(self) -> None:
        allowed = "the name of a secret in AWS Secrets Manager, 1 to 512 letters, digits and /_+=.@-"
        super().__init__(r"[A-Za-z0-9/_+=.@-]{1,512}", allowed)

    def likely(self, given: str) -> str | None:
        """Where an address belongs, which whoever reads it could write to."""
        if "://" not in given:
            return None
        return "store the address as a secret and give its name, for example secret='flights-chat'"


@declared
class Webhook:
    """A channel of a chat that takes messages by HTTPS, as Slack, Mattermost and Google Chat have them.

    Its address is all that is needed to write there, so it stands in no template: `secret` is the name of a
    secret in AWS Secrets Manager, in the account and region of the project, whose text is the address.
    """

    secret: Annotated[str, _SecretName(), Field(examples=["'flights-chat'"])]


Notified = Email | Webhook
Notify = Notified | Annotated[Sequence[Notified], AfterValidator(tuple)]
