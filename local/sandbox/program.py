"""What the first process of a container is told."""

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from local.images.image import Image, search_path
from local.sandbox.container import Limits
from local.sandbox.layout import Mount

_starts = count()


@dataclass(frozen=True)
class Program:
    """The parameters of `local.sandbox_init.supervisor.contain`."""

    argv: list[str]
    environment: dict[str, str]
    workdir: str
    processors: list[int]
    memory_bytes: int = 0
    isolated: bool = False
    as_user: bool = False
    hostname: str = ""
    mounts: list[Mount] = field(default_factory=list)


def variables(image: Image, environment: Mapping[str, str], hostname: str) -> dict[str, str]:
    """Return all that a program sees: nothing of the host's environment."""
    merged = {"HOSTNAME": hostname, "HOME": "/tmp", **image.environment, **environment}  # noqa: S108
    merged["PATH"] = search_path(merged.get("PATH"), image.venv)
    return merged


def processors(limits: Limits) -> list[int]:
    """Return the processors to use, taking turns so that containers spread; empty means all."""
    available = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if limits.cpus is None or math.ceil(limits.cpus) >= len(available):
        return []
    wanted = max(1, math.ceil(limits.cpus))
    first = next(_starts) * wanted
    return sorted(available[(first + i) % len(available)] for i in range(wanted))


def without_namespaces(
    image: Image, argv: Sequence[str], environment: dict[str, str], ml: Path, port: int
) -> tuple[list[str], dict[str, str]]:
    """Return arguments and environment with the image's paths replaced by those of this machine."""

    def here(path: str) -> str:
        if path == "/opt/ml" or path.startswith("/opt/ml/"):
            return str(ml) + path.removeprefix("/opt/ml")
        of_image = image.files / path.lstrip("/")
        return str(of_image) if path.startswith("/") and path != "/" and of_image.exists() else path

    translated = {name: ":".join(map(here, value.split(":"))) for name, value in environment.items()}
    extra = {"SAGEMAKER_BASE_DIR": str(ml), "SAGEMAKER_BIND_TO_PORT": str(port)}
    return [here(argument) for argument in argv], translated | extra
