"""Links that were sent: whether one is of this project, signed by our key, and not too old."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from approve.tokens import ALGORITHM, BadToken, Claim, read

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient

# https://docs.aws.amazon.com/kms/latest/APIReference/API_VerifyMac.html
INVALID = "KMSInvalidMacException"


class Links:
    """Verifies the links of one project."""

    def __init__(
        self, kms: "KMSClient", key: str, project: str, clock: Callable[[], float] = time.time
    ) -> None:
        self._kms, self._key, self._project, self._clock = kms, key, project, clock

    def claim(self, token: str) -> Claim:
        """What a link says; raises BadToken unless all of it is right."""
        signed = read(token)
        if signed.claim.project != self._project or signed.claim.expires <= self._clock():
            raise BadToken("it is another project's, or too old")
        try:
            self._kms.verify_mac(
                KeyId=self._key, Message=signed.message, MacAlgorithm=ALGORITHM, Mac=signed.mac
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == INVALID:
                raise BadToken("its signature is wrong") from error
            raise
        return signed.claim
