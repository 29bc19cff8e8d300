"""Archives that hurt who unpacks them."""

import gzip
import io
import json
import os
import pickle
import subprocess
import sys
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.serving.paths import PROGRAMS, ROOT

_HUGE = 40 << 30
_MEMBERS = 150_000
_SECONDS = 120.0
BOMBS = ("a gap of 40 GiB", "a size of 40 GiB", "150,000 files")
"""What fills a disk. A script's own archive has no bound: it may do so as well when it runs."""


@dataclass(frozen=True)
class Unpacked:
    """How many archives were unpacked and how many altered models loaded, and what was not refused."""

    archives: int
    altered: int
    missed: Sequence[str]


def hurtful(canary: Path) -> dict[str, bytes]:
    """Archives by what is wrong with them; unpacked, each would make or change `canary` or a disk full."""
    away = "../" * 30 + str(canary).lstrip("/")
    return {
        "a name that goes up": _packed(_file(away)),
        "a name that goes down and up": _packed(_file("model/" + "../" * 31 + str(canary).lstrip("/"))),
        "an absolute name": _packed(_file(str(canary))),
        "a long name that goes up": _packed(_file("./" * 200 + away), form=tarfile.GNU_FORMAT),
        "a name of PAX that goes up": _packed(_named(away)),
        "a file through a link out": _packed(
            _link("model", str(canary.parent)), _file(f"model/{canary.name}")
        ),
        "a file through a relative link out": _packed(
            _link("model", "../" * 30 + str(canary.parent).lstrip("/")), _file(f"model/{canary.name}")
        ),
        "a file through two links": _packed(
            _link("a", "."),
            _link("a/b", "../" * 30 + str(canary.parent).lstrip("/")),
            _file(f"b/{canary.name}"),
        ),
        "a link to a file outside": _packed(_link("model.json", "/etc/passwd")),
        "a link in a folder to outside": _packed(_link("code/features.py", "../../../../etc/passwd")),
        "a hard link to outside": _packed(_link("model.json", "../" * 30 + "etc/passwd", tarfile.LNKTYPE)),
        "a hard link to an absolute name": _packed(_link("model.json", "/etc/passwd", tarfile.LNKTYPE)),
        "a device of characters": _packed(_device(tarfile.CHRTYPE)),
        "a device of blocks": _packed(_device(tarfile.BLKTYPE)),
        "a pipe": _packed(_device(tarfile.FIFOTYPE)),
        "a gap of 40 GiB": _gap(),
        "a size of 40 GiB": gzip.compress(_size(_HUGE)),
        "150,000 files": gzip.compress(tarfile.TarInfo("empty").tobuf() * _MEMBERS + bytes(1024), 1),
        "a broken gzip": _packed(_file("model.json", os.urandom(5_000)))[:-2_000],
        "a damaged gzip": _damaged(),
        "a pickle": pickle.dumps({"model": str(canary)}),
    }


def unpacked(canary: Path, model: Path, seed: int) -> Unpacked:
    """Unpack all of them, and load the model after each of many changes, with the image's own programs."""
    places = (PROGRAMS, ROOT, ROOT / "local/images/aws/context")
    done = subprocess.run(
        [sys.executable, "-P", "-m", "benchmarks.serving_fuzz.unpacking", canary, model, str(seed)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(map(str, places))},
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"unpacking failed: {done.stderr.strip()[-500:]}")
    return Unpacked(**json.loads(done.stdout))


def _packed(*members: tuple[tarfile.TarInfo, bytes], form: int = tarfile.PAX_FORMAT) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", format=form) as tar:
        for member, content in members:
            tar.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def _file(name: str, content: bytes = b"x") -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    return member, content


def _named(name: str) -> tuple[tarfile.TarInfo, bytes]:
    member, content = _file("model.json")
    member.pax_headers = {"path": name}
    return member, content


def _link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member, b""


def _device(kind: bytes) -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo("model.json")
    member.type, member.devmajor, member.devminor = kind, 1, 3
    return member, b""


def _size(size: int) -> bytes:
    """The head of a file of this size, and nothing behind it."""
    member = tarfile.TarInfo("model.json")
    member.size = size
    return member.tobuf(tarfile.GNU_FORMAT)


def _damaged() -> bytes:
    """Damaged long after the head of the file was read, so that the checksum at the end alone may show it."""
    packed = bytearray(_packed(_file("model.json", b"".join(b"%d," % (n * n) for n in range(60_000)))))
    packed[len(packed) // 2 : len(packed) // 2 + 64] = b"\xff" * 64
    return bytes(packed)


def _gap() -> bytes:
    """A file that is a gap, which takes no room in an archive: https://www.gnu.org/software/tar/manual/tar.html#SEC204"""
    member = tarfile.TarInfo("model.json")
    member.pax_headers = {
        "GNU.sparse.major": "0",
        "GNU.sparse.minor": "1",
        "GNU.sparse.map": f"{_HUGE},0",
        "GNU.sparse.size": str(_HUGE),
    }
    return _packed((member, b""))
