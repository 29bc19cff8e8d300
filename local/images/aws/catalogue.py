"""From the URI of an image of AWS to what stands in for it here."""

import functools
import hashlib
import logging
import os
import re
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from local.images.build import build
from local.images.dockerfile import BuildError
from local.images.image import Image, UnknownImage
from local.images.store import ImageStore

_CONTEXT = Path(__file__).parent / "context"
_URI = re.compile(r"(?P<account>\d{12})\.dkr\.ecr\.[^/]+/(?P<repository>[^:@]+)(?::(?P<tag>[^@]+))?(?:@.+)?")
# What follows the version in a tag: 1.9-0-cpu-py3.
_VARIANT = re.compile(r"-(cpu|gpu|py\d+).*$")

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class AwsImages:
    """The images that were pushed to the registry of `account`, and stand-ins for those of AWS's accounts."""

    store: ImageStore
    account: str
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def resolve(self, uri: str) -> Image:
        """Return the image of a URI; raises UnknownImage.

        A stand-in is built when it is needed for the first time; its name in the store holds the hash of what
        it is built from, so another version of it is another image.
        """
        address = _URI.fullmatch(uri)
        if address is None or address["account"] == self.account:
            return self.store.resolve(uri)
        name = stand_in(uri, address["repository"], _VARIANT.sub("", address["tag"] or ""))
        tag = f"aws/{name}:{_content()}"
        # Two jobs at once: the second waits and finds the work done.
        with self._turn:
            try:
                return self.store.resolve(tag)
            except UnknownImage:
                self._build(uri, name, tag)
        return self.store.resolve(tag)

    def _build(self, uri: str, name: str, tag: str) -> None:
        started = time.monotonic()
        logger.warning("building the stand-in for AWS's image %s …", uri)
        try:
            record = build(self.store, _CONTEXT, arguments={"IMAGE": name}, progress=logger.warning)
        except BuildError as error:
            raise UnknownImage(f"The stand-in for AWS's image {uri} could not be built: {error}") from error
        with self.store.publishing(tag, record.digest):
            logger.warning("built the stand-in for %s in %.0f s", uri, time.monotonic() - started)


def stand_in(uri: str, repository: str, version: str) -> str:
    """Return the name of the stand-in for a repository and version; raises UnknownImage if there is none."""
    names = {path.stem for path in (_CONTEXT / "requirements").glob("*.txt")}
    name = f"{repository}-{version}"
    if name in names:
        return name
    versions = sorted(known.removeprefix(f"{repository}-") for known in names if known.startswith(repository))
    if versions:
        raise UnknownImage(
            f"AWS's image {uri} has no stand-in on this machine, which has those of the versions "
            f"{', '.join(versions)}: choose one of them, or deploy to AWS."
        )
    known = sorted({re.sub(r"-\d.*", "", each) for each in names})
    raise UnknownImage(
        f"AWS's image {uri} cannot run on this machine, which has stand-ins for {' and '.join(known)} alone: "
        "deploy to AWS, or use one of our own algorithms or a Container here."
    )


@functools.cache
def _content() -> str:
    """Return a hash of all that stand-ins are built from."""
    total = hashlib.sha256()
    for directory, directories, files in os.walk(_CONTEXT):
        directories[:] = sorted({*directories} - {"__pycache__"})
        for path in (Path(directory, file) for file in sorted(files)):
            total.update(f"{path.relative_to(_CONTEXT)}\n".encode() + path.read_bytes())
    return total.hexdigest()[:16]
