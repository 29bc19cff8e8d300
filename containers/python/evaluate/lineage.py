"""Where a model comes from: data, code, image, settings."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from evaluate.arguments import Arguments
from evaluate.contest import Contest


@dataclass(frozen=True)
class Source:
    """One object that the model depends on."""

    kind: str
    name: str
    rows: int | None
    digest: str


@dataclass(frozen=True)
class Lineage:
    """All sources, and the settings as (name, value)."""

    sources: tuple[Source, ...]
    settings: tuple[tuple[str, str], ...]
    libraries: tuple[tuple[str, str], ...]


def lineage(contest: Contest, asked: Arguments, inputs: Path) -> Lineage:
    """Of the challenger; a model that is not ours tells nothing of its settings and libraries."""
    model = contest.challenger.model
    sources = [Source("data", file.name, file.rows, file.sha256) for file in contest.schema.files]
    sources += [
        Source("code", path.name, None, _sha256(path)) for path in sorted((inputs / "code").glob("*.py"))
    ]
    archive = inputs / "model" / "model.tar.gz"
    if model:
        sources.append(Source("model", model.origin.algorithm, model.origin.rows, model.digest))
    elif archive.is_file():
        sources.append(Source("model", archive.name, None, _sha256(archive)))
    if asked.image:
        name, _, digest = asked.image.partition("@sha256:")
        sources.append(Source("image", name, None, digest))
    return Lineage(
        tuple(sources),
        tuple(sorted(model.origin.hyperparameters.items())) if model else (),
        tuple(sorted(model.origin.libraries.items())) if model else (),
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
