"""What the file system of a container looks like: the image's files over the machine's programs.

An image built without Docker has no base system, so programs and libraries are those of this machine
(/usr and the like, read-only). Nothing else of it is visible: no home, no /var, little of /etc.
"""

import os
from collections.abc import Iterator, Set
from pathlib import Path

from local.images.image import Image

Mount = tuple[str, str, str]
"""Kind, path in the container, source; see local.sandbox_init.filesystem."""

HOST_TREES = ("bin", "lib", "lib32", "lib64", "libx32", "nix", "opt", "sbin", "usr")
# What programs need of /etc; no keys, passwords or names of the machine.
HOST_ETC = (
    "R",
    "alternatives",
    "ca-certificates",
    "debian_version",
    "fonts",
    "gai.conf",
    "host.conf",
    "java-17-openjdk",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "locale.alias",
    "localtime",
    "magic",
    "mime.types",
    "nsswitch.conf",
    "os-release",
    "pki/ca-trust",
    "pki/tls/certs",
    "protocols",
    "services",
    "ssl/certs",
    "ssl/openssl.cnf",
    "terminfo",
    "timezone",
)
_OURS = ("dev", "proc", "sys")
# Directories that hold mounts of their own, so they can't be one mount.
_SPLIT = frozenset(("/etc", "/etc/ssl", "/opt", "/tmp", "/var", "/var/tmp"))  # noqa: S108
_DEVICES = ("full", "null", "random", "urandom", "zero")


def plan(image: Image, ml: Path | None, hostname: str) -> list[Mount]:
    """Return the mounts, in order, that make the container's root directory; without `ml`, no /opt/ml."""
    files = image.files.resolve()
    python = _python(image.venv)
    split = _SPLIT | {str(parent) for path in python for parent in path.parents}
    return [
        *_system(hostname),
        *([("data", "/opt/ml", str(ml.resolve()))] if ml else []),
        *_image_over_host(files, split),
        *(_below_ml(files / "opt/ml", ml.resolve()) if ml else []),
        *(("bind", str(path), str(path.resolve())) for path in python),
    ]


def _system(hostname: str) -> Iterator[Mount]:
    yield "tmpfs", "/tmp", "mode=1777"  # noqa: S108
    yield "tmpfs", "/var/tmp", "mode=1777"  # noqa: S108
    yield "tmpfs", "/dev/shm", "mode=1777"  # noqa: S108
    yield "proc", "/proc", ""
    for name in _DEVICES:
        yield "device", f"/dev/{name}", f"/dev/{name}"
    for name, target in (("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")):
        yield "link", f"/dev/{name}", f"/proc/self/fd{target}"
    # Libraries for numeric work count processors here.
    if Path("/sys/devices/system/cpu").is_dir():
        yield "bind", "/sys/devices/system/cpu", "/sys/devices/system/cpu"
    yield "text", "/etc/hosts", f"127.0.0.1 localhost {hostname}\n::1 localhost\n"
    yield "text", "/etc/hostname", f"{hostname}\n"
    yield "text", "/etc/resolv.conf", ""
    yield "text", "/etc/passwd", "root:x:0:0:root:/tmp:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n"
    yield "text", "/etc/group", "root:x:0:\nnogroup:x:65534:\n"


def _image_over_host(files: Path, split: Set[str]) -> Iterator[Mount]:
    for name in sorted({*HOST_TREES, *_names(files)} - {*_OURS}):
        yield from _merge(f"/{name}", Path("/", name) if name in HOST_TREES else None, files / name, split)
    for name in HOST_ETC:
        if not os.path.lexists(files / "etc" / name):
            yield from _merge(f"/etc/{name}", Path("/etc", name), None, split)


def _merge(path: str, host: Path | None, image: Path | None, split: Set[str]) -> Iterator[Mount]:
    """Show one path of both trees: directories are joined, else the image's file wins."""
    if path == "/opt/ml":
        return
    host = host if host and os.path.lexists(host) else None
    image = image if image and os.path.lexists(image) else None
    host_names, image_names = _names(host), _names(image)
    if path in split or (image_names and host_names):
        yield "directory", path, ""
        for name in sorted(host_names | image_names):
            yield from _merge(f"{path}/{name}", host and host / name, image and image / name, split)
    elif shown := image or host:
        if shown.is_symlink():
            yield "link", path, str(shown.readlink())
        elif shown.is_dir() or shown.is_file():
            yield "bind", path, str(shown)


def _names(directory: Path | None) -> set[str]:
    if directory is None or directory.is_symlink() or not directory.is_dir():
        return set()
    return {entry.name for entry in directory.iterdir()}


def _below_ml(image: Path, ml: Path) -> Iterator[Mount]:
    """Show what the image has below /opt/ml (such as its code), except what the job itself brings."""
    if image.resolve() != image:  # a link of the image must not show this machine's files
        return
    for name in sorted(_names(image) - _names(ml)):
        yield "bind", f"/opt/ml/{name}", str(image / name)


def _python(venv: Path | None) -> list[Path]:
    """Return where the environment and the interpreter behind it are, unless already shown."""
    if venv is None:
        return []
    interpreter = (venv / "bin/python").resolve()
    return [path for path in (interpreter.parent.parent, venv.absolute()) if path.parts[1] not in HOST_TREES]
