"""The model artifact: model.ubj (XGBoost's own format), schema.json and model.json, which vouches for both.

Nothing in it can run code: no pickle, no joblib. https://xgboost.readthedocs.io/en/stable/tutorials/saving_model.html
"""

import hashlib
import json
import shutil
import tarfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tabular.schema import Schema

if TYPE_CHECKING:
    import xgboost

FORMAT = 1
MODEL, SCHEMA, MANIFEST = "model.ubj", "schema.json", "model.json"
_MOST_FILES = 100
_MOST_BYTES = 4 << 30
_MOST_RATIO = 200


class ArtifactError(ValueError):
    """The artifact is damaged, was altered or comes from another format."""


@dataclass(frozen=True)
class Origin:
    """How a model came to be."""

    rows: int
    rounds: int
    hyperparameters: Mapping[str, str]
    metrics: Mapping[str, float]
    libraries: Mapping[str, str]


@dataclass(frozen=True)
class Artifact:
    """A verified model; `digest` is the sha256 of model.ubj."""

    booster: "xgboost.Booster"
    schema: Schema
    origin: Origin
    digest: str


def write(directory: Path, booster: "xgboost.Booster", schema: Schema, origin: Origin) -> None:
    """Write the three files; the same model gives the same bytes."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / MODEL).write_bytes(booster.save_raw("ubj"))
    schema.write(directory / SCHEMA)
    manifest = {
        "format": FORMAT,
        "files": {name: _sha256(directory / name) for name in (MODEL, SCHEMA)},
        **asdict(origin),
    }
    (directory / MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def load(directory: Path) -> Artifact:
    """Load a model after its digests were checked; raises ArtifactError."""
    try:
        manifest = json.loads((directory / MANIFEST).read_bytes())
        if manifest["format"] != FORMAT:
            raise ArtifactError(
                f"{MANIFEST} has format {manifest['format']!r}; this image reads format {FORMAT}"
            )
        for name in (MODEL, SCHEMA):
            if _sha256(directory / name) != manifest["files"][name]:
                raise ArtifactError(f"{name} is not the file that training wrote: its sha256 differs")
        schema = Schema.read(directory / SCHEMA)
        origin = Origin(
            **{key: manifest[key] for key in ("rows", "rounds", "hyperparameters", "metrics", "libraries")}
        )
    except FileNotFoundError as error:
        raise ArtifactError(f"the model has no {Path(error.filename).name}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise (
            error if isinstance(error, ArtifactError) else ArtifactError(f"the model is damaged: {error}")
        ) from error
    # Only now: a model that was tampered with never reaches the parser.
    import xgboost

    booster = xgboost.Booster(model_file=directory / MODEL)
    return Artifact(booster, schema, origin, manifest["files"][MODEL])


def extract(archive: Path, directory: Path) -> None:
    """Unpack a model.tar.gz; raises ArtifactError for anything but a modest number of plain files."""
    limit = min(_MOST_BYTES, max(archive.stat().st_size * _MOST_RATIO, 1 << 20))
    total = 0
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for count, member in enumerate(tar):
                total += member.size
                # No links, so what is inside by its name is inside; filter="data" came with Python 3.11.4.
                target = directory / member.name
                inside = target.resolve().is_relative_to(directory.resolve())
                if not (member.isfile() or member.isdir()) or not inside:
                    raise ArtifactError(f"{archive.name} holds {member.name!r}, which is not a plain file")
                if count >= _MOST_FILES or total > limit:
                    raise ArtifactError(f"{archive.name} unpacks to more than a model needs")
                _write(tar, member, target)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise ArtifactError(f"{archive.name} cannot be unpacked: {error}") from error


def _write(tar: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    source = tar.extractfile(member)
    if source is None:
        target.mkdir(parents=True, exist_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with source, target.open("wb") as file:
        shutil.copyfileobj(source, file)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
