"""What the reigning model tells of itself: its files, its classes and the order of its columns."""

from pathlib import Path

from prepare.arguments import Settings
from tabular import artifact
from tabular.artifact import ArtifactError
from tabular.schema import Schema

_ARCHIVE = "model.tar.gz"


def read(directory: Path, scratch: Path, settings: Settings) -> Schema | None:
    """Its schema; None without one, and where it is of other columns, another target or another format."""
    archive = directory / _ARCHIVE
    if not archive.is_file():
        return None
    scratch.mkdir()
    try:
        artifact.extract(archive, scratch)
        schema = Schema.read(scratch / artifact.SCHEMA)
    except (ArtifactError, OSError, ValueError, KeyError, TypeError) as error:
        print(f"the reigning model cannot be read, so every file counts as new: {error}")
        return None
    asked = settings.target, settings.problem, settings.time, settings.group, settings.series
    if (schema.target, schema.problem, schema.time, schema.group, schema.series) != asked:
        print("the reigning model is of another declaration, so every file counts as new")
        return None
    return schema
