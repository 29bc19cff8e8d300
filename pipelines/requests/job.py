"""What every job has, whatever it does."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

# A value of a request: a text, which may be a CDK token, or an expression of the SDK.
Expression = Any

HOUR = 3600
# Families with NVMe storage of their own: a "d" after the generation (g4dn, p4d, m5d), and these.
# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/InstanceStorage.html
_OWN_STORAGE = re.compile(r"ml\.([a-z]+\d+[a-z]*d[a-z]*|g[5-9]e?|gr\d|i\d\w*|p[5-9][\w-]*|dl1|trn\d\w*)\..+")


def has_own_storage(instance: str) -> bool:
    """Whether an instance type has NVMe storage, which its hardware encrypts and SageMaker takes no key for.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ResourceConfig.html
    """
    return _OWN_STORAGE.fullmatch(instance) is not None


def disk_key(instance: str, kms_key_arn: str) -> dict[str, str]:
    """What says that a disk is encrypted with our key, where the instance has no storage of its own."""
    return {} if has_own_storage(instance) else {"VolumeKmsKeyId": kms_key_arn}


@dataclass(frozen=True)
class Job:
    """What every job has: its image and role, its instances, and the guards around it."""

    image_uri: Expression
    role_arn: Expression
    instance: str
    volume_gb: int
    kms_key_arn: str
    subnets: Sequence[str]
    security_groups: Sequence[str]
    instances: int = 1

    @property
    def vpc(self) -> dict[str, Any]:
        """The VpcConfig of the job."""
        return {"SecurityGroupIds": list(self.security_groups), "Subnets": list(self.subnets)}

    @property
    def disk_key(self) -> dict[str, Any]:
        """What says that the disk is encrypted with our key, where the instance has no storage of its own."""
        return disk_key(self.instance, self.kms_key_arn)

    @property
    def cluster(self) -> dict[str, Any]:
        """The instances of the job, their disks encrypted."""
        return {
            "InstanceCount": self.instances,
            "InstanceType": self.instance,
            "VolumeSizeInGB": self.volume_gb,
            **self.disk_key,
        }
