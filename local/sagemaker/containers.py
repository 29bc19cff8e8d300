"""The images and containers that jobs and endpoints run in."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from local.images import Image, UnknownImage
from local.sandbox import Container, Limits

__all__ = ["Container", "Image", "Images", "Limits", "Start", "UnknownImage"]


class Images(Protocol):
    """The images that were pushed."""

    def resolve(self, uri: str) -> Image:
        """The image of that URI; UnknownImage, whose text names it, if there is none."""


class Start(Protocol):
    """Start a container of an image, as `docker run --entrypoint … IMAGE command…` does.

    `ml` becomes /opt/ml, `log` collects what it prints. Without `network` it has only its own loopback, with
    it `aws_endpoint` can be reached too.
    """

    def __call__(
        self,
        image: Image,
        *,
        command: Sequence[str],
        entrypoint: Sequence[str] | None,
        ml: Path,
        environment: Mapping[str, str],
        hostname: str,
        network: bool,
        aws_endpoint: str | None,
        limits: Limits,
        log: Path,
    ) -> Container:
        """The container, running."""
