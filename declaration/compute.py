"""From what a training needs to the cheapest instance type that has it."""

from collections.abc import Iterator
from dataclasses import dataclass

from declaration.errors import Problem
from declaration.prices import PRICED, Priced, priced

# Two vCPUs, the `large` size, are a notebook's: a training gets at least the next size unless one is named.
_LEAST_VCPUS = 4
_DEFAULT_MEMORY_GB = 16


@dataclass(frozen=True)
class Compute:
    """The instances of a training: USD an hour of all of them together (None if the table has no price)."""

    instance_type: str
    instance_count: int
    usd_per_hour: float | None
    why: str
    # Local NVMe disks replace the EBS volume, and SageMaker takes no VolumeKmsKeyId for them.
    local_disk_gb: int | None = None


@dataclass(frozen=True)
class Need:
    """What a training asks of one instance."""

    gpu: bool
    memory_gb: int | None

    def fits(self, instance: Priced) -> bool:
        """Whether an instance type has it."""
        least = self.memory_gb or (0 if self.gpu else _DEFAULT_MEMORY_GB)
        return (
            (instance.gpus > 0) == self.gpu and instance.vcpus >= _LEAST_VCPUS and instance.memory_gb >= least
        )

    def problems(self, name: str) -> Iterator[Problem]:
        """A need that no instance type of the table meets."""
        if not any(map(self.fits, PRICED)):
            kind = "a GPU" if self.gpu else "CPUs alone"
            most = max(each.memory_gb for each in PRICED if (each.gpus > 0) == self.gpu)
            rule = f"the largest instance with {kind} in the table of prices has {most:,} GB"
            fix = f"write memory_gb={most} or name an instance"
            yield Problem(f"{name}, memory_gb", str(self.memory_gb), rule, fix)


def cheapest(need: Need, count: int) -> Compute:
    """The cheapest instance type that fits a need; at the same price the one with more memory, then vCPUs."""
    found = min(filter(need.fits, PRICED), key=lambda each: (each.usd, -each.memory_gb, -each.vcpus))
    return _compute(found, count, f"the cheapest with {found.described(need.gpu)}")


def named(instance: str, count: int) -> Compute:
    """An instance type that the user chose."""
    found = priced(instance)
    if found is None:
        why = f"{_times(instance, count)}: named in the declaration, at a price that the table does not know"
        return Compute(instance, count, None, why)
    return _compute(found, count, f"named in the declaration, with {found.described(found.gpus > 0)}")


def _compute(found: Priced, count: int, reason: str) -> Compute:
    usd = round(found.usd * count, 4)
    together = " together" if count > 1 else ""
    why = f"{_times(found.name, count)}: {reason}, {usd:g} USD/h{together}"
    return Compute(found.name, count, usd, why, found.local_disk_gb)


def _times(instance: str, count: int) -> str:
    return instance if count == 1 else f"{count} x {instance}"
