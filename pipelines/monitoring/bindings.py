"""What a monitoring pipeline finds in its surroundings."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class MonitoringBindings:
    """The image, the role, the key and the network of the job; every text may be a CDK token.

    `code_uri` is the folder of the user's functions, None where there are none.
    """

    region: str
    image_uri: str
    role_arn: str
    kms_key_arn: str
    subnets: Sequence[str]
    security_groups: Sequence[str]
    code_uri: str | None = None
