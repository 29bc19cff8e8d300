"""The model artifact: the learner's files, schema.json, the user's code; model.json vouches for all.

Nothing in it can run code but code/*.py, the user's own prepare function: no pickle, no joblib.
https://xgboost.readthedocs.io/en/stable/tutorials/saving_model.html
"""

import gzip
import hashlib
import json
import shutil
import tarfile
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from learners import learner
from tabular.code import DIRECTORY
from tabular.contract import DataError
from tabular.schema import Schema

if TYPE_CHECKING:
    from learners.learning import Model

FORMAT = 2
SCHEMA, MANIFEST, CODE = "schema.json", "model.json", DIRECTORY
_MOST_FILES = 100
_MOST_BYTES = 4 << 30
_MOST_RATIO = 200


class ArtifactError(ValueError):
    """The artifact is damaged, was altered or comes from another format."""


@dataclass(frozen=True)
class Origin:
    """How a model came to be.

    `curve` holds a value per round for each `train-…` and `validation-…` metric. How long it took is no part
    of a model: the same data and settings give the same bytes. `warm_start` is the digest of the model that
    this one went on from; `cold_start` says why one that was to do so could not.
    """

    algorithm: str
    rows: int
    rounds: int
    hyperparameters: Mapping[str, str]
    metrics: Mapping[str, float]
    curve: Mapping[str, list[float]]
    libraries: Mapping[str, str]
    warm_start: str | None = None
    cold_start: str | None = None


@dataclass(frozen=True)
class Artifact:
    """A verified model; `digest` is the sha256 over all its files, `code` where the user's modules are."""

    model: "Model"
    schema: Schema
    origin: Origin
    digest: str
    code: Path


def write(directory: Path, model: "Model", schema: Schema, origin: Origin, code: Path | None = None) -> None:
    """Write the files, and the *.py of `code`; the same model and origin give the same bytes."""
    directory.mkdir(parents=True, exist_ok=True)
    names = [*model.save(directory), SCHEMA]
    schema.write(directory / SCHEMA)
    for module in sorted(code.glob("*.py")) if code else ():
        (directory / CODE).mkdir(exist_ok=True)
        names.append(f"{CODE}/{shutil.copyfile(module, directory / CODE / module.name).name}")
    manifest = {
        "format": FORMAT,
        "files": {name: _sha256(directory / name) for name in names},
        **asdict(origin),
    }
    (directory / MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def algorithm(directory: Path) -> str:
    """The algorithm of a model, unverified; raises ArtifactError."""
    try:
        return str(json.loads((directory / MANIFEST).read_bytes())["algorithm"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ArtifactError(f"the model is damaged: {error}") from error


def load(directory: Path) -> Artifact:
    """Load a model after its digests were checked; raises ArtifactError, DataError where a library lacks."""
    try:
        manifest = json.loads((directory / MANIFEST).read_bytes())
        if manifest["format"] != FORMAT:
            raise ArtifactError(
                f"{MANIFEST} has format {manifest['format']!r}, and this image reads format {FORMAT}: "
                "train the model again"
            )
        files: dict[str, str] = manifest["files"]
        _verify(directory, files)
        schema = Schema.read(directory / SCHEMA)
        # Models of before its last two members lack these.
        known = {field.name: manifest[field.name] for field in fields(Origin) if field.name in manifest}
        origin = Origin(**known)
        # Only now: a model that was tampered with never reaches the parser.
        model = learner(origin.algorithm).load(directory, schema)
    except FileNotFoundError as error:
        raise ArtifactError(f"the model has no {Path(error.filename).name}") from error
    except (ArtifactError, DataError):
        raise
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ArtifactError(f"the model is damaged: {error}") from error
    digest = hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()
    return Artifact(model, schema, origin, digest, directory / CODE)


def _verify(directory: Path, files: Mapping[str, str]) -> None:
    """Every file is the one that training wrote, and there is no other code."""
    for name in (SCHEMA, *files):
        if not (directory / name).resolve().is_relative_to(directory.resolve()):
            raise ArtifactError(f"{MANIFEST} names {name!r}, which is outside of the model")
        if _sha256(directory / name) != files[name]:
            raise ArtifactError(f"{name} is not the file that training wrote: its sha256 differs")
    for module in (directory / CODE).rglob("*"):
        if module.relative_to(directory).as_posix() not in files:
            raise ArtifactError(f"the model holds {module.name}, which training did not write")


def extract(archive: Path, directory: Path) -> None:
    """Unpack a model.tar.gz; raises ArtifactError for anything but a modest number of plain files."""
    limit = min(_MOST_BYTES, max(archive.stat().st_size * _MOST_RATIO, 1 << 20))
    total = 0
    try:
        with gzip.open(archive) as unzipped, tarfile.open(fileobj=unzipped, mode="r:") as tar:
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
            # Up to gzip's checksum, which tarfile does not read: what was damaged may unpack all the same.
            while chunk := unzipped.read(1 << 20):
                total += len(chunk)
                if total > limit:
                    raise ArtifactError(f"{archive.name} unpacks to more than a model needs")
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
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
