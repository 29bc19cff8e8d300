"""The instance types that SageMaker offers, from botocore's service model, and which of them we can use."""

import functools
import re
from typing import Any, Literal

from declaration.errors import Refusal, closest
from declaration.rules import Rule

Purpose = Literal["training", "processing", "endpoint", "transform", "notebook"]

_SHAPES: dict[Purpose, str] = {
    "training": "TrainingInstanceType",
    "processing": "ProcessingInstanceType",
    "endpoint": "ProductionVariantInstanceType",
    "transform": "TransformInstanceType",
    "notebook": "InstanceType",
}
# Images are built for x86-64, which leaves out Graviton (c7g) and AWS's own accelerators (trn1). Every volume
# of ours has a KMS key, which SageMaker refuses for types with local NVMe storage (m5d), encrypted by their
# hardware: those are left out but for training on a GPU, where there is hardly another choice.
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ResourceConfig.html
_FOR = {
    "training": "training",
    "processing": "processing",
    "endpoint": "an endpoint",
    "transform": "predicting in batch",
    "notebook": "a notebook",
}
_X86_CPU = re.compile(r"ml\.[cmrt]\d(n|i|in|i-flex)?\..+")
_X86_GPU = re.compile(r"ml\.[gp]\d(?!g|e-gb).*")


@functools.cache
def offered(purpose: Purpose) -> tuple[str, ...]:
    """Every instance type that SageMaker's API accepts for a purpose (70 ms at the first call)."""
    return tuple(_enums()[_SHAPES[purpose]])


@functools.cache
def usable(purpose: Purpose) -> tuple[str, ...]:
    """The offered types that run x86-64 images with encrypted volumes; all of them for notebooks."""
    return tuple(
        name
        for name in offered(purpose)
        if purpose == "notebook" or _X86_CPU.fullmatch(name) or (purpose == "training" and gpu(name))
    )


def gpu(instance: str) -> bool:
    """Whether an instance type has NVIDIA GPUs beside x86-64 CPUs."""
    return _X86_GPU.fullmatch(instance) is not None


def burstable(instance: str) -> bool:
    """Whether an instance type has CPU credits (T family): SageMaker does not autoscale those."""
    return instance.startswith(("ml.t2.", "ml.t3."))


def vcpus(instance: str) -> int:
    """The vCPUs of a usable type: 2 up to `large`, then 4 per `xlarge` (never more than the type has)."""
    size = instance.rsplit(".", 1)[1]
    count = re.match(r"(\d*)xlarge", size)
    return 4 * int(count[1] or 1) if count else 2


class InstanceType(Rule):
    """An instance type that SageMaker offers for a purpose and that can run our images."""

    def __init__(self, purpose: Purpose) -> None:
        self.purpose = purpose

    @property
    def text(self) -> str:
        """The allowed types, by family."""
        families = sorted({name.split(".")[1] for name in usable(self.purpose)})
        return (
            f"a SageMaker instance type for {_FOR[self.purpose]}, of the families ml.{', ml.'.join(families)}"
        )

    def check(self, value: Any) -> str:
        """The type itself; raises Refusal."""
        instance = str(value)
        if instance in usable(self.purpose):
            return instance
        # EC2 writes the same types without "ml.", which no measure of likeness can know.
        prefixed = f"ml.{instance}" in usable(self.purpose)
        match = f"ml.{instance}" if prefixed else closest(instance, usable(self.purpose))
        fix = f"did you mean {match!r}" if match else None
        if instance in offered(self.purpose):
            reason = "images need x86-64 CPUs and volumes are encrypted with a KMS key, so it must be"
            raise Refusal(f"{reason} {self.text}", fix)
        raise Refusal(f"it must be {self.text}", fix)


@functools.cache
def _enums() -> dict[str, list[str]]:
    # botocore's 5 MB model is read only when a declaration names an instance type, not at import.
    from botocore.loaders import Loader

    shapes = Loader().load_service_model("sagemaker", "service-2")["shapes"]
    return {name: list(shapes[name]["enum"]) for name in _SHAPES.values()}
