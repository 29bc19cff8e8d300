"""What AWS documents of each first-party algorithm, read from one file per algorithm in `algorithms/`.

Every file names its pages; a number that no page holds has its source beside it.
"""

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from declaration.builtin.conditions import Condition
from declaration.builtin.hyperparameters import Hyperparameter
from declaration.ranges import Categorical, Continuous, Integer, Range, Scale

_FOLDER = Path(__file__).parent / "algorithms"
# Names that people use beside those of the images.
_ALIASES = {"deepar": "forecasting-deepar", "rcf": "randomcutforest"}
# "Choose logarithmic scaling when you're searching a range that spans several orders of magnitude", linear
# within one: https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-define-ranges.html
# AWS's lists of recommended ranges name no scale; two orders of magnitude are taken as several.
_SEVERAL = 100


@dataclass(frozen=True, kw_only=True)
class InputChannel:
    """A channel: its content types, the usual one first, and its input modes, File before Pipe.

    Without content types it takes none, or any. `beside` is the usual one beside another channel.
    """

    modes: tuple[Literal["File", "Pipe"], ...]
    content_types: tuple[str, ...] = ()
    beside: Mapping[str, str] = field(default_factory=dict)
    required: bool = False
    only_if: Condition | None = None
    distribution: Literal["FullyReplicated", "ShardedByS3Key"] = "FullyReplicated"


@dataclass(frozen=True, kw_only=True)
class Machines:
    """What it trains on: CPUs, GPUs of some families ("g5"), and on which of both with many instances."""

    cpu: bool
    gpu: tuple[str, ...]
    many: tuple[Literal["cpu", "gpu"], ...]
    only_if: Condition | None = None


@dataclass(frozen=True, kw_only=True)
class EmittedMetric:
    """A metric that a training job emits; `best_if` makes it the one to tune by.

    `regex` finds it in the log where SageMaker does not know the algorithm's log by itself.
    """

    goal: Literal["maximize", "minimize"]
    only_if: Condition | None = None
    best_if: Condition | None = None
    regex: str | None = None


@dataclass(frozen=True, kw_only=True)
class Tunable:
    """A recommended range; the type is that of the hyperparameter."""

    range: Range
    only_if: Condition | None = None


@dataclass(frozen=True, kw_only=True)
class Algorithm:
    """All of one algorithm; its name is that of its image in the SDK's tables (JumpStart's have none)."""

    name: str
    title: str
    pages: tuple[str, ...]
    hyperparameters: Mapping[str, Hyperparameter]
    channels: Mapping[str, InputChannel]
    hardware: tuple[Machines, ...]
    metrics: Mapping[str, EmittedMetric]
    tuning: Mapping[str, Tunable]
    problems: Mapping[str, Condition]
    reads_tables: bool
    checkpoints: bool
    jumpstart: bool


@functools.cache
def names() -> tuple[str, ...]:
    """The names of all algorithms."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.toml")))


def find(name: str) -> Algorithm | None:
    """The algorithm of a name or of its short form (rcf, deepar); None if there is none."""
    full = _ALIASES.get(name, name)
    return _load(full) if full in names() else None


@functools.cache
def _load(name: str) -> Algorithm:
    table = _frozen(tomllib.loads((_FOLDER / f"{name}.toml").read_text(encoding="utf-8")))
    spelling = {"booleans": table["booleans"]} if "booleans" in table else {}
    hyperparameters = {
        key: Hyperparameter(**each, **spelling) for key, each in table["hyperparameters"].items()
    }
    return Algorithm(
        name=name,
        title=table["title"],
        pages=table["pages"],
        hyperparameters=hyperparameters,
        channels={key: InputChannel(**each) for key, each in table["channels"].items()},
        hardware=tuple(Machines(**each) for each in table["hardware"]),
        metrics={key: EmittedMetric(**each) for key, each in table.get("metrics", {}).items()},
        tuning={
            key: Tunable(range=_range(hyperparameters[key], each), only_if=each.get("only_if"))
            for key, each in table.get("tuning", {}).items()
        },
        problems=table.get("problems", {}),
        reads_tables=table.get("reads_tables", False),
        checkpoints=table.get("checkpoints", False),
        jumpstart=table.get("jumpstart", False),
    )


def _frozen(value: Any) -> Any:
    """Lists as tuples, all the way down."""
    if isinstance(value, dict):
        return {key: _frozen(each) for key, each in value.items()}
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def _range(hyperparameter: Hyperparameter, each: Mapping[str, Any]) -> Range:
    if "values" in each:
        return Categorical(*map(hyperparameter.write, each["values"]))
    low, high = each["low"], each["high"]
    scale: Scale = each.get("scale") or ("log" if 0 < low <= high / _SEVERAL else "linear")
    if hyperparameter.type == "integer":
        return Integer(low, high, "log" if scale == "log" else "linear")
    return Continuous(float(low), float(high), scale)
