"""A first-party algorithm of SageMaker, as a user declares it."""

from collections.abc import Iterator, Mapping
from dataclasses import KW_ONLY
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from declaration.algorithms.hardware import Hardware
from declaration.builtin import catalog
from declaration.builtin.catalog import Algorithm
from declaration.builtin.channels import ChannelMap, Input, channel_problems, inputs
from declaration.builtin.conditions import holds
from declaration.builtin.jumpstart import JumpStart
from declaration.builtin.machines import NeedOfFamily, machine_problems, machines
from declaration.builtin.settings import (
    Settings,
    range_problems,
    setting_problems,
    with_defaults,
    written,
)
from declaration.compute import Compute, cheapest
from declaration.errors import Problem, Refusal, closest
from declaration.instances import gpu
from declaration.mapping import FrozenMapping
from declaration.ranges import Range
from declaration.rules import Rule
from declaration.value import declared

Goal = Literal["maximize", "minimize"]
_CHANNELS = """{"train": 's3://bucket/train/'}"""
# The program of every JumpStart algorithm, and the media type of a model to go on from, on AWS's pages.
_PROGRAM = "transfer_learning.py"
_MODEL = "application/x-sagemaker-model"


class KnownAlgorithm(Rule):
    """The name of an algorithm in the catalogue, or its short form (rcf, deepar)."""

    @property
    def text(self) -> str:
        """All names."""
        return f"a first-party algorithm of SageMaker: {', '.join(catalog.names())}"

    def check(self, value: Any) -> str:
        """The name in full; raises Refusal."""
        found = catalog.find(value)
        if found is None:
            match = closest(value, catalog.names())
            raise Refusal(f"it must be {self.text}", f"did you mean {match!r}" if match else None)
        return found.name


@declared
class BuiltIn(Hardware):
    """A first-party algorithm, with AWS's own names: `BuiltIn("kmeans", {"k": 10, "feature_dim": 4}, ...)`.

    `channels` are S3 addresses; those that read tables (linear-learner, knn, xgboost) get the project's table
    without them. Algorithms that AWS serves by JumpStart need `jumpstart`, their addresses there.
    https://docs.aws.amazon.com/sagemaker/latest/dg/algos.html
    """

    family: ClassVar[Literal["builtin"]] = "builtin"

    name: Annotated[Annotated[str, KnownAlgorithm()], Field(examples=["'linear-learner'"])]
    hyperparameters: Annotated[
        Annotated[Mapping[str, Any], Settings()], Field(examples=['{"predictor_type": "regressor"}'])
    ] = FrozenMapping[Any]({})
    _: KW_ONLY
    channels: Annotated[Annotated[Mapping[str, Any], ChannelMap()] | None, Field(examples=[_CHANNELS])] = None
    jumpstart: Annotated[JumpStart | None, Field(examples=["JumpStart(...)"])] = None
    # None is a GPU where the algorithm runs on nothing else; once the value is made it is never None.
    on: Literal["cpu", "gpu"] | None = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        given = dict(written(self.algorithm, self.hyperparameters))
        if self.jumpstart is not None:
            # https://github.com/aws/sagemaker-training-toolkit, script mode
            given |= {"sagemaker_program": _PROGRAM, "sagemaker_submit_directory": self.jumpstart.script}
        object.__setattr__(self, "hyperparameters", FrozenMapping[Any](given))
        if self.on is None:
            on_gpu = not self._machines.cpu if self.instance is None else gpu(self.instance)
            object.__setattr__(self, "on", "gpu" if on_gpu else "cpu")

    @property
    def algorithm(self) -> Algorithm:
        """Its entry in the catalogue."""
        found = catalog.find(self.name)
        if found is None:
            raise KeyError(self.name)
        return found

    @property
    def program(self) -> str:
        """The name of the algorithm."""
        return self.name

    @property
    def checkpoints(self) -> bool:
        """Whether it writes checkpoints: https://docs.aws.amazon.com/sagemaker/latest/dg/model-checkpoints.html"""
        return self.algorithm.checkpoints

    @property
    def compute(self) -> Compute:
        """The instances of a training, with the price and the reason for them."""
        if self.instance is not None or self.on == "cpu":
            return super().compute
        return cheapest(NeedOfFamily(True, self.memory_gb, self._machines.gpu), self.instances)

    @property
    def image(self) -> str | None:
        """The address of a JumpStart image; None for the others, whose image follows from the region."""
        return None if self.jumpstart is None else self.jumpstart.image

    @property
    def reads_tables(self) -> bool:
        """Whether it learns from the project's table, label first, and predicts by batch transform."""
        return self.algorithm.reads_tables and self.channels is None

    @property
    def inputs(self) -> Mapping[str, Input]:
        """The channels of the request that are known here: none for the project's table."""
        given = dict(inputs(self.algorithm, self.channels or {}))
        if self.jumpstart is not None:
            given["model"] = Input(self.jumpstart.model, _MODEL, "File", "FullyReplicated")
        return given

    @property
    def table_channels(self) -> Mapping[str, str]:
        """For the parts of a table, train and validation, the channels that read them as text/csv."""
        channels = self.algorithm.channels
        return {"train": "train", "validation": "validation" if "validation" in channels else "test"}

    @property
    def ranges(self) -> Mapping[str, Range]:
        """AWS's recommended ranges of what is not given, and of what had to be given.

        A range that depends on another hyperparameter is left out if that one is itself tuned.
        """
        chosen = {
            name: tunable
            for name, tunable in self.algorithm.tuning.items()
            if name not in self.hyperparameters or self.algorithm.hyperparameters[name].required
        }
        return {
            name: tunable.range
            for name, tunable in chosen.items()
            if holds(tunable.only_if, self._values) and not (tunable.only_if or {}).keys() & chosen.keys()
        }

    @property
    def metrics(self) -> Mapping[str, Goal]:
        """The metrics that a training emits, each with its better direction."""
        emitted = self.algorithm.metrics.items()
        return {name: each.goal for name, each in emitted if holds(each.only_if, self._values)}

    @property
    def objective(self) -> str | None:
        """The metric to tune by if no other is named; None if the algorithm emits none."""
        best = (
            name
            for name, each in self.algorithm.metrics.items()
            if each.best_if is not None and holds(each.best_if, self._values)
        )
        return next(best, next(iter(self.metrics), None))

    @property
    def metric_definitions(self) -> Mapping[str, str]:
        """The regular expressions of the metrics that SageMaker does not find by itself."""
        emitted = self.algorithm.metrics.items()
        return {name: each.regex for name, each in emitted if each.regex is not None}

    def solves(self, problem: str) -> bool:
        """Whether the hyperparameters are for this kind of problem, as far as the catalogue knows kinds."""
        kinds = self.algorithm.problems
        return not kinds or (problem in kinds and holds(kinds[problem], self._values))

    def range_problems(self, where: str, ranges: Mapping[str, Range]) -> Iterator[Problem]:
        """Ranges for tuning that do not fit the algorithm's hyperparameters."""
        return range_problems(where, self.algorithm, ranges)

    def problems(self) -> Iterator[Problem]:
        """Everything that SageMaker, or the algorithm itself after minutes, would refuse."""
        where = f'BuiltIn "{self.name}"'
        yield from super().problems()
        yield from setting_problems(where, self.algorithm, self.hyperparameters, self.channels or ())
        yield from channel_problems(where, self.algorithm, self.channels, self._values)
        yield from machine_problems(
            where,
            self.name,
            self._machines,
            on=self.on or "cpu",
            instance=self.instance,
            instances=self.instances,
            memory_gb=self.memory_gb,
        )
        if self.algorithm.jumpstart and self.jumpstart is None:
            rule = f"AWS serves {self.name} by JumpStart, whose catalogue cannot be read at synth"
            yield Problem(
                f"{where}, jumpstart",
                "nothing",
                rule,
                "write jumpstart=JumpStart(image=..., script=..., model=...)",
            )
        elif self.jumpstart is not None and not self.algorithm.jumpstart:
            rule = f"{self.name} has an image of its own in every region"
            yield Problem(f"{where}, jumpstart", "JumpStart(...)", rule, "leave jumpstart out")

    @property
    def _values(self) -> dict[str, Any]:
        return dict(with_defaults(self.algorithm, self.hyperparameters))

    @property
    def _machines(self) -> catalog.Machines:
        return machines(self.algorithm, self._values)
