"""What is used of AWS Secrets Manager."""

from typing import Protocol, TypedDict


class SecretValue(TypedDict):
    """An answer of GetSecretValue."""

    SecretString: str


class SecretsManagerClient(Protocol):
    """https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html"""

    def get_secret_value(self, *, SecretId: str) -> SecretValue:
        """The secret of this name."""
