"""Whether a training can go on from the reigning model: both must see the same columns in the same way."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from learners import RESUMED
from learners.learning import Model
from tabular import artifact
from tabular.artifact import Artifact, ArtifactError
from tabular.contract import DataError
from tabular.schema import Feature, Schema

_ARCHIVE = "model.tar.gz"
# The hyperparameters that a model cannot change any more.
_SHAPE = ("hidden_layers", "hidden_size")
_NUMBERS = ("number", "integer")


@dataclass(frozen=True)
class Start:
    """The model to go on from with its digest, or the reason why there is none although one was asked for."""

    model: Model | None = None
    digest: str | None = None
    reason: str | None = None


def start(directory: Path, scratch: Path, schema: Schema, hyperparameters: Mapping[str, str]) -> Start:
    """Where a training begins; `directory` is the channel of the reigning model, which not every job has."""
    if not directory.is_dir():
        return Start()
    if not (directory / _ARCHIVE).is_file():
        return Start(reason="there is no reigning model yet")
    try:
        artifact.extract(directory / _ARCHIVE, scratch)
        reigning = artifact.load(scratch)
    except (ArtifactError, DataError) as error:
        return Start(reason=f"the reigning model cannot be loaded: {error}")
    reason = _unlike(reigning, schema, hyperparameters)
    return Start(reason=reason) if reason else Start(reigning.model, reigning.digest)


def _unlike(reigning: Artifact, schema: Schema, hyperparameters: Mapping[str, str]) -> str | None:
    theirs, made = reigning.schema, reigning.origin
    algorithm = hyperparameters["algorithm"]
    if made.algorithm != algorithm:
        return f"the reigning model is one of {made.algorithm}, and this training is one of {algorithm}"
    if algorithm not in RESUMED:
        return f"a training of {algorithm} does not go on from a model"
    if (theirs.target, theirs.problem, theirs.classes) != (schema.target, schema.problem, schema.classes):
        return "the reigning model predicts another target or other classes"
    if theirs.names != schema.names:
        return "the reigning model has other columns"
    for before, now in zip(theirs.features, schema.features, strict=True):
        if not _same(before, now):
            return f"the column {now.name!r} has become something else than the reigning model knows"
    for name in _SHAPE:
        if name in hyperparameters and made.hyperparameters.get(name) != hyperparameters[name]:
            return f"{name} is no longer what the reigning model was made with"
    return None


def _same(before: Feature, now: Feature) -> bool:
    """Whether each value is the same number to both; categories that came since are behind the others."""
    alike = before.type == now.type or (before.type in _NUMBERS and now.type in _NUMBERS)
    return alike and now.categories[: len(before.categories)] == before.categories
