"""A build context and a store for tests."""

import base64
import hashlib
import zipfile
from collections.abc import Mapping
from pathlib import Path

from local.images import Image, ImageStore
from local.images.build import build


class Workshop:
    """A build context and a store."""

    def __init__(self, directory: Path, environments: Path) -> None:
        self.directory = directory
        self.context = directory / "context"
        self.context.mkdir()
        self.store = ImageStore(directory / "store")
        self.store.root.mkdir()
        # Environments are shared by the tests, as by builds.
        (self.store.root / "environments").symlink_to(environments)

    def write(self, path: str, text: str = "") -> Path:
        file = self.context / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def build(self, *lines: str) -> Image:
        """Build `FROM scratch` and these lines, and return the image as a job would get it."""
        self.write("Dockerfile", "\n".join(("FROM scratch", *lines)))
        return self.build_as_written()

    def build_as_written(
        self, arguments: Mapping[str, str] | None = None, target: str | None = None
    ) -> Image:
        record = build(self.store, self.context, arguments=arguments, target=target)
        with self.store.publishing("registry/test:1", record.digest):
            pass
        return self.store.resolve("registry/test:1")

    def listing(self, *lines: str) -> list[str]:
        """Build and return the paths of the image's files, without the Dockerfile."""
        files = self.build(*lines).files
        paths = (path.relative_to(files).as_posix() for path in files.rglob("*") if not path.is_dir())
        return sorted(path for path in paths if not path.endswith("Dockerfile"))

    def wheel(self, name: str) -> tuple[Path, str]:
        """Make a Python package of one module and return its file and hash."""
        path = self.directory / f"{name}-1.0-py3-none-any.whl"
        files = {
            f"{name}.py": "value = 42\n",
            f"{name}-1.0.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
            f"{name}-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        }
        rows = []
        for file, text in files.items():
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
            rows.append(f"{file},sha256={digest},{len(text)}")
        rows.append(f"{name}-1.0.dist-info/RECORD,,")
        with zipfile.ZipFile(path, "w") as archive:
            for file, text in {**files, f"{name}-1.0.dist-info/RECORD": "\n".join(rows)}.items():
                archive.writestr(file, text)
        return path, hashlib.sha256(path.read_bytes()).hexdigest()
