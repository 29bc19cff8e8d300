"""What a training runs on, in the user's terms, and the instances that follow from them."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from declaration.compute import Compute, Need, cheapest, named
from declaration.durations import DurationRange, seconds
from declaration.errors import Problem
from declaration.instances import InstanceType, gpu
from declaration.ranges import Range

Memory = Annotated[int, Field(ge=1, le=24_576)]
# 100 is as many as a training job takes before its quota is raised by hand; AWS sets no lower bound but 1.
Count = Annotated[int, Field(ge=1, le=100)]


@dataclass(frozen=True, kw_only=True)
class Hardware(ABC):
    """The fields that every algorithm has besides its own.

    `on` and `memory_gb` say what it needs, and the cheapest type that has it is taken; `instance` names one
    instead. Spot capacity is used where a checkpoint makes an interruption harmless. `keep_alive` keeps the
    instances warm for the next training, which spot capacity cannot.
    """

    # What an algorithm can make use of, and whether it learns in rounds that may be cut short.
    gpus: ClassVar[bool] = True
    distributed: ClassVar[bool] = True
    iterative: ClassVar[bool] = True

    on: Literal["cpu", "gpu"] = "cpu"
    memory_gb: Annotated[Memory | None, Field(examples=["64"])] = None
    instances: Count = 1
    instance: Annotated[
        Annotated[str, InstanceType("training")] | None, Field(examples=["'ml.m5.xlarge'"])
    ] = None
    spot: Annotated[bool | None, Field(examples=["True"])] = None
    keep_alive: Annotated[
        Annotated[str | timedelta, DurationRange("1 min", "1 h")] | None, Field(examples=["'10 min'"])
    ] = None

    @property
    @abstractmethod
    def checkpoints(self) -> bool:
        """Whether an interrupted training goes on where it was."""

    @property
    def ranges(self) -> Mapping[str, Range]:
        """What tuning varies if nothing else is said; a user's own program has no such ranges."""
        return {}

    @property
    def compute(self) -> Compute:
        """The instances of a training, with the price and the reason for them."""
        if self.instance is not None:
            return named(self.instance, self.instances)
        return cheapest(Need(gpu=self.on == "gpu", memory_gb=self.memory_gb), self.instances)

    @property
    def managed_spot(self) -> bool:
        """Whether trainings run on spot capacity."""
        return self.checkpoints and self.keep_alive is None if self.spot is None else self.spot

    @property
    def keep_alive_seconds(self) -> int | None:
        """How long the instances stay warm after a training; None if they do not."""
        return None if self.keep_alive is None else seconds(self.keep_alive)

    def range_problems(self, where: str, ranges: Mapping[str, Range]) -> Iterator[Problem]:  # noqa: ARG002
        """Ranges for tuning that do not fit the hyperparameters; nothing is known of a user's own program."""
        return iter(())

    def problems(self) -> Iterator[Problem]:
        """Wishes that contradict each other, or that no instance type fulfils."""
        name = type(self).__name__
        if self.instance is not None:
            yield from self._problems_of_instance(name, self.instance)
        else:
            yield from Need(gpu=self.on == "gpu", memory_gb=self.memory_gb).problems(name)
        if self.on == "gpu" and not self.gpus:
            rule = f"{name} learns on CPUs alone, so a GPU would be paid for and idle"
            yield Problem(f"{name}, on", "'gpu'", rule, 'write on="cpu"')
        if self.instances > 1 and not self.distributed:
            rule = f"{name} learns on one instance, so the others would be paid for and idle"
            yield Problem(f"{name}, instances", str(self.instances), rule, "state memory_gb for a larger one")
        if self.spot and self.keep_alive is not None:
            rule = "spot instances cannot be kept alive"
            yield Problem(f"{name}, spot", "True", rule, "leave spot or keep_alive out")

    def _problems_of_instance(self, name: str, instance: str) -> Iterator[Problem]:
        if self.memory_gb is not None:
            rule = f"the instance is already named ({instance})"
            yield Problem(f"{name}, memory_gb", str(self.memory_gb), rule, "leave memory_gb or instance out")
        if self.on == "gpu" and not gpu(instance):
            rule = "it has no GPU, which on='gpu' asks for"
            yield Problem(f"{name}, instance", repr(instance), rule, "leave instance out or name a GPU type")
        if gpu(instance) and not self.gpus:
            rule = f"{name} learns on CPUs alone, so its GPU would be paid for and idle"
            yield Problem(f"{name}, instance", repr(instance), rule, "name a type without a GPU")


FIELDS = frozenset(Hardware.__dataclass_fields__)
