"""Where images are kept: by content, each written whole or not at all, for any number of processes."""

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from local.images.image import Image, UnknownImage

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"


@dataclass(frozen=True)
class Record:
    """An image as the store keeps it; `files` and `python` name what it shares with others."""

    files: str
    size: int
    python: str
    entrypoint: tuple[str, ...]
    command: tuple[str, ...]
    environment: Mapping[str, str]
    workdir: str
    warnings: tuple[str, ...]
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def json(self) -> str:
        """The record as text, the same for the same image."""
        fields = asdict(self)
        if not self.labels:  # an image that was built before labels were kept has the same digest now
            del fields["labels"]
        return json.dumps(fields, sort_keys=True)

    @property
    def manifest(self) -> str:
        """The image manifest that a registry keeps (OCI form: a configuration and one layer)."""
        content = self.json.encode()
        configuration = {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": f"sha256:{hashlib.sha256(content).hexdigest()}",
            "size": len(content),
        }
        layer = {
            "mediaType": "application/vnd.oci.image.layer.v1.tar",
            "digest": f"sha256:{self.files}",
            "size": self.size,
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": configuration,
            "layers": [layer],
        }
        return json.dumps(manifest, sort_keys=True)

    @property
    def digest(self) -> str:
        """The image's digest, as ECR computes it from the manifest."""
        return f"sha256:{hashlib.sha256(self.manifest.encode()).hexdigest()}"


class ImageStore:
    """Images under one directory; `tags` are those of `docker tag`, `pushed` those of the registry."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.environments = self.root / "environments"

    @contextmanager
    def workspace(self) -> Iterator[Path]:
        """Give a temporary directory from which trees can be moved into the store."""
        self.root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.root, prefix="build.") as directory:
            yield Path(directory)

    def add(self, record: Record, files: Path) -> None:
        """Keep an image whose files are in a directory of this store's workspace."""
        place = self.root / "files" / record.files
        place.parent.mkdir(exist_ok=True)
        try:
            files.rename(place)
        except OSError:
            if not place.is_dir():
                raise
        self._write("records", record.digest, record.json)

    def tag(self, uri: str, digest: str) -> None:
        """Name an image on this machine."""
        self._write("tags", _key(uri), json.dumps([_normal(uri), digest]))

    @contextmanager
    def publishing(self, uri: str, digest: str) -> Iterator[None]:
        """Name an image in the registry, by tag and by digest, unless the block that announces it fails.

        The name comes before the announcement, so whoever learns of the image can run it.
        """
        names = (_normal(uri), f"{_normal(uri).rpartition(':')[0]}@{digest}")
        before = {name: self._read_or_none("pushed", _key(name)) for name in names}
        for name in names:
            self._write("pushed", _key(name), json.dumps([name, digest]))
        try:
            yield
        except BaseException:
            for name, text in before.items():
                if text is None:
                    (self.root / "pushed" / f"{_key(name)}.json").unlink(missing_ok=True)
                else:
                    self._write("pushed", _key(name), text)
            raise

    def tagged(self, name: str) -> Record:
        """Return the image that is tagged `name` or has this digest; raises UnknownImage."""
        return self._find("tags", name, f"No image {name} was built on this machine.")

    def tags(self) -> list[tuple[str, str]]:
        """Return the URI and digest of each tag."""
        found = (json.loads(path.read_text()) for path in (self.root / "tags").glob("*.json"))
        return sorted((uri, digest) for uri, digest in found)

    def resolve(self, uri: str) -> Image:
        """Return the image pushed as `uri` (`…/repository:tag` or `…@sha256:…`); raises UnknownImage."""
        missing = f"The image {uri} is not in the embedded AWS's registry; deploy the stack that builds it."
        record = self._find("pushed", uri, missing)
        venv = self.environments / record.python
        if not venv.is_dir() or not (self.root / "files" / record.files).is_dir():
            raise UnknownImage(
                f"The files of the image {uri} were deleted from {self.root}; deploy it again."
            )
        return Image(
            digest=record.digest,
            files=self.root / "files" / record.files,
            venv=venv,
            entrypoint=record.entrypoint,
            command=record.command,
            environment=record.environment,
            workdir=record.workdir,
            warnings=record.warnings,
            labels=record.labels,
        )

    def _find(self, names: str, uri: str, missing: str) -> Record:
        try:
            digest = uri if _DIGEST.fullmatch(uri) else json.loads(self._read(names, _key(uri)))[1]
            fields = json.loads(self._read("records", digest))
        except FileNotFoundError:
            raise UnknownImage(missing) from None
        lists = {name: tuple(fields[name]) for name in ("entrypoint", "command", "warnings")}
        return Record(**fields | lists)

    def _read(self, kind: str, name: str) -> str:
        return (self.root / kind / f"{name}.json").read_text()

    def _read_or_none(self, kind: str, name: str) -> str | None:
        with suppress(FileNotFoundError):
            return self._read(kind, name)
        return None

    def _write(self, kind: str, name: str, text: str) -> None:
        directory = self.root / kind
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=directory, prefix=".", delete=False) as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(file.name).replace(directory / f"{name}.json")


def _normal(uri: str) -> str:
    """Return the URI with its tag, which is `latest` where it has none."""
    return uri if "@" in uri or ":" in uri.rpartition("/")[2] else f"{uri}:latest"


def _key(uri: str) -> str:
    return hashlib.sha256(_normal(uri).encode()).hexdigest()
