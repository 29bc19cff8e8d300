"""The real container image, built and run by buildah, which needs no daemon."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

BASE = "docker.io/library/debian:bookworm-slim"
CERTIFICATES = "/etc/ssl/certs"
# Settings of pip that name where packages come from; nothing of them may stay in an image.
_SOURCES = ("index-url", "extra-index-url", "trusted-host", "proxy")


def missing() -> str:
    """Why images cannot be built here; empty if they can."""
    if os.geteuid() != 0:
        return "only root can lay out Debian's base system"
    absent = [program for program in ("buildah", "debootstrap") if not shutil.which(program)]
    return f"{' and '.join(absent)} must be installed (apt-get install)" if absent else ""


class Builder:
    """Images in a directory of their own; Debian's packages are the base, so no registry is asked."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._environment = {**os.environ, "BUILDAH_ISOLATION": "chroot", "STORAGE_DRIVER": "vfs"}

    def base(self) -> None:
        """What the Dockerfile calls Debian, from Debian's own archive."""
        system = self.directory / "debian"
        subprocess.run(
            ["debootstrap", "--variant=minbase", "--include=ca-certificates", "bookworm", system],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        container = self._buildah("from", "scratch")
        self._buildah("add", "--quiet", container, str(system), "/")
        self._buildah("commit", "--quiet", container, BASE)
        self._buildah("rm", container)
        shutil.rmtree(system)

    def build(self, context: Path) -> str:
        """Follow a Dockerfile and return the image's id.

        Packages come from where this machine's pip gets them, by files that are there during the build alone.
        """
        settings = self.directory / "pip.conf"
        settings.write_text(_pip_settings())
        seen = [f"{CERTIFICATES}:{CERTIFICATES}:ro", f"{settings}:/etc/pip.conf:ro"]
        volumes = [word for volume in seen for word in ("--volume", volume)]
        return self._buildah("bud", "--quiet", "--pull-never", *volumes, str(context)).splitlines()[-1]

    def run(self, image: str, ml: Path, command: Sequence[str]) -> str:
        """Run a command of the image with a directory as /opt/ml and return what it printed."""
        container = self._buildah("from", "--pull-never", image)
        return self._buildah("run", "--volume", f"{ml}:/opt/ml", container, "--", *command)

    def _buildah(self, *arguments: str) -> str:
        storage = ["--root", str(self.directory / "images"), "--runroot", str(self.directory / "run")]
        done = subprocess.run(
            ["buildah", *storage, *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout.strip()


def _pip_settings() -> str:
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    ).stdout
    found = {}
    for line in listed.splitlines():
        name, _, value = line.partition("=")
        # A directory of this machine is not there during the build.
        places = [place for place in value.strip("'\"").split() if not place.startswith(("/", "file:"))]
        if name.rpartition(".")[2] in _SOURCES and places:
            found[name.rpartition(".")[2]] = " ".join(places)
    return "\n".join(["[global]", *(f"{name} = {value}" for name, value in found.items())]) + "\n"
