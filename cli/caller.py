"""Who gives a command, as AWS knows them."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import boto3


def arn(session: "boto3.Session") -> str:
    """The ARN of the caller: a user, or a session of a role. Every identity may ask for its own.

    https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
    """
    return session.client("sts").get_caller_identity()["Arn"]
