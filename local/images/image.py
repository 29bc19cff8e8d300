"""What a container is started from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path


class UnknownImage(LookupError):
    """No image has this URI; the text is one sentence that names it."""


@dataclass(frozen=True)
class Image:
    """An image: files laid over the root directory, a Python environment and the defaults of `docker run`."""

    digest: str
    """`sha256:` and 64 hexadecimal digits, the same that ECR shows."""
    files: Path
    """Directory whose contents appear under / (`COPY . /opt/app` put them at `files`/opt/app)."""
    venv: Path | None = None
    """Python environment with the image's packages; it appears at its own path."""
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    workdir: str = "/"
    warnings: tuple[str, ...] = ()
    """Instructions of the Dockerfile that could not be followed, one sentence each."""
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def lacking(self) -> str:
        """One sentence on what the Dockerfile would have brought; empty if the image has all of it."""
        if not self.warnings:
            return ""
        return (
            "A program of the image was not found: without Docker, what these instructions of its Dockerfile "
            f"bring must be installed on this machine: {', '.join(self.warnings)}."
        )

    def argv(self, command: Sequence[str], entrypoint: Sequence[str] | None = None) -> tuple[str, ...]:
        """Return what `docker run` executes: a given entrypoint also resets the image's command."""
        if entrypoint is not None:
            return (*entrypoint, *command)
        return (*self.entrypoint, *(command or self.command))


SYSTEM_DIRECTORIES = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")


def search_path(path: str | None, venv: Path | None) -> str:
    """Return a PATH with the environment's programs after the image's own and before the system's."""
    parts = path.split(":") if path else list(SYSTEM_DIRECTORIES)
    if venv is None or str(venv / "bin") in parts:
        return ":".join(parts)
    first_of_system = next((i for i, part in enumerate(parts) if part in SYSTEM_DIRECTORIES), len(parts))
    return ":".join([*parts[:first_of_system], str(venv / "bin"), *parts[first_of_system:]])
