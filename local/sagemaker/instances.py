"""What an ML instance type has, from its name."""

from local.sandbox import Limits

_GIB_PER_CPU = {"c": 2, "m": 4, "r": 8, "t": 4, "x": 16, "g": 4, "p": 8, "i": 8, "d": 8}
_CPUS = {"nano": 2, "micro": 2, "small": 2, "medium": 2, "large": 2, "xlarge": 4, "metal": 96}
_BURSTABLE_GIB = {"medium": 4, "large": 8, "xlarge": 16, "2xlarge": 32}


def limits(instance_type: str) -> Limits:
    """Processors and memory of a type such as "ml.m5.xlarge" (4 and 16 GiB).

    By EC2's own naming: each size doubles the one before, and the family's first letter fixes the memory per
    processor (aws.amazon.com/ec2/instance-types). Types that do not follow it get the family's usual share.
    """
    _, family, size = instance_type.split(".")
    if family.startswith("t"):
        return Limits(cpus=8 if size == "2xlarge" else _CPUS[size], memory_mb=_BURSTABLE_GIB[size] * 1024)
    multiple = size.removesuffix("xlarge")
    cpus = int(multiple) * 4 if multiple.isdigit() else _CPUS[size]
    return Limits(cpus=cpus, memory_mb=cpus * _GIB_PER_CPU.get(family[0], 4) * 1024)
