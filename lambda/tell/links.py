"""Links by which whoever has the message can approve a model: signed by KMS, and valid once.

https://docs.aws.amazon.com/kms/latest/developerguide/hmac.html
"""

import secrets
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from approve.tokens import ALGORITHM, Claim

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient


class Links:
    """Makes links of one project, for the API below `url`, that are valid for some seconds."""

    def __init__(
        self,
        kms: "KMSClient",
        key: str,
        project: str,
        url: str,
        valid: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._kms, self._key, self._project, self._url = kms, key, project, url
        self._valid, self._clock = valid, clock

    def address(self, version: int) -> str:
        """A new link to approve or reject a version."""
        claim = Claim(self._project, version, int(self._clock()) + self._valid, secrets.token_urlsafe(16))
        signed = self._kms.generate_mac(KeyId=self._key, Message=claim.message, MacAlgorithm=ALGORITHM)
        return f"{self._url.rstrip('/')}/link?t={claim.token(signed['Mac'])}"
