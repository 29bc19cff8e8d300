"""What instance types have and cost: SageMaker training, us-east-1, on demand, as of November 2026.

The prices serve to choose and to estimate, not to bill. They were compared between public tables that others
took from https://aws.amazon.com/sagemaker/ai/pricing/ and the AWS Price List API, not checked with AWS; types
for which those tables contradict each other are left out. Sizes and local disks:
https://docs.aws.amazon.com/ec2/latest/instancetypes/
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Priced:
    """An instance type: memory and local disks in GB (None: it has an EBS volume), price in USD an hour."""

    name: str
    vcpus: int
    memory_gb: int
    gpus: int
    usd: float
    local_disk_gb: int | None = None

    def described(self, gpu: bool) -> str:
        """Its size in words."""
        gpus = f"{self.gpus} GPU{'s' if self.gpus > 1 else ''}, " if gpu else ""
        return f"{gpus}{self.memory_gb:,} GB, {self.vcpus} vCPU"


PRICED = (
    Priced("ml.m5.large", 2, 8, 0, 0.115),
    Priced("ml.m5.xlarge", 4, 16, 0, 0.23),
    Priced("ml.m5.2xlarge", 8, 32, 0, 0.461),
    Priced("ml.m5.4xlarge", 16, 64, 0, 0.922),
    Priced("ml.m5.12xlarge", 48, 192, 0, 2.765),
    Priced("ml.m5.24xlarge", 96, 384, 0, 5.53),
    Priced("ml.c5.xlarge", 4, 8, 0, 0.204),
    Priced("ml.c5.2xlarge", 8, 16, 0, 0.408),
    Priced("ml.c5.4xlarge", 16, 32, 0, 0.816),
    Priced("ml.c5.9xlarge", 36, 72, 0, 1.836),
    Priced("ml.c5.18xlarge", 72, 144, 0, 3.672),
    Priced("ml.r5.large", 2, 16, 0, 0.151),
    Priced("ml.r5.xlarge", 4, 32, 0, 0.302),
    Priced("ml.r5.2xlarge", 8, 64, 0, 0.605),
    Priced("ml.r5.4xlarge", 16, 128, 0, 1.21),
    Priced("ml.r5.8xlarge", 32, 256, 0, 2.419),
    Priced("ml.r5.16xlarge", 64, 512, 0, 4.838),
    # NVIDIA T4, 16 GB each.
    Priced("ml.g4dn.xlarge", 4, 16, 1, 0.7364, 125),
    Priced("ml.g4dn.2xlarge", 8, 32, 1, 0.94, 225),
    Priced("ml.g4dn.4xlarge", 16, 64, 1, 1.505, 225),
    Priced("ml.g4dn.8xlarge", 32, 128, 1, 2.72, 900),
    Priced("ml.g4dn.12xlarge", 48, 192, 4, 4.89, 900),
    # NVIDIA A10G, 24 GB each.
    Priced("ml.g5.xlarge", 4, 16, 1, 1.408, 250),
    Priced("ml.g5.2xlarge", 8, 32, 1, 1.515, 450),
    Priced("ml.g5.4xlarge", 16, 64, 1, 2.03, 600),
    Priced("ml.g5.8xlarge", 32, 128, 1, 3.06, 900),
    Priced("ml.g5.12xlarge", 48, 192, 4, 7.09, 3_800),
    Priced("ml.g5.16xlarge", 64, 256, 1, 5.12, 1_900),
    Priced("ml.g5.24xlarge", 96, 384, 4, 10.18, 3_800),
    Priced("ml.g5.48xlarge", 192, 768, 8, 20.36, 7_600),
    # NVIDIA L4, 24 GB each.
    Priced("ml.g6.xlarge", 4, 16, 1, 1.127, 250),
    Priced("ml.g6.2xlarge", 8, 32, 1, 1.222, 450),
    Priced("ml.g6.4xlarge", 16, 64, 1, 1.654, 600),
    Priced("ml.g6.12xlarge", 48, 192, 4, 5.752, 3_760),
    # NVIDIA V100, 16 GB each.
    Priced("ml.p3.2xlarge", 8, 61, 1, 3.825),
    Priced("ml.p3.8xlarge", 32, 244, 4, 14.688),
    Priced("ml.p3.16xlarge", 64, 488, 8, 28.152),
    # NVIDIA A100, 40 GB each.
    Priced("ml.p4d.24xlarge", 96, 1_152, 8, 37.688, 8_000),
)
# Types that serve and do not train. For every other type both cost the same.
_SERVING_ONLY = (Priced("ml.c5.large", 2, 4, 0, 0.102),)
_BY_NAME = {each.name: each for each in PRICED}
_SERVING = {each.name: each for each in (*PRICED, *_SERVING_ONLY)}

# A month of 365/12 days.
HOURS_A_MONTH = 730


def priced(instance: str) -> Priced | None:
    """What is known of an instance type, or None."""
    return _BY_NAME.get(instance)


def priced_to_serve(instance: str) -> Priced | None:
    """What is known of an instance type behind an endpoint, or None."""
    return _SERVING.get(instance)
