"""python -m benchmarks.serving_fuzz.unpacking CANARY MODEL SEED: who unpacks an archive or loads a model.

Runs with the image's programs on its path; prints the fields of archives.Unpacked as JSON.
"""

import json
import random
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from script_mode import contract, source  # type: ignore[import-not-found]

from benchmarks.serving_fuzz.archives import BOMBS, hurtful
from tabular import artifact
from tabular.contract import DataError

_CHANGES = 40
Unpack = Callable[[Path, Path], None]


def main() -> None:
    """Try everything."""
    canary, model = Path(sys.argv[1]), Path(sys.argv[2])
    archives = hurtful(canary)
    missed = [
        f"{who}: {name} {how}"
        for who, (unpack, error) in _UNPACKERS.items()
        for name, archive in archives.items()
        # A script's archive has no bound: what fills a disk may do so as well when the script runs.
        if not (who == "script" and name in BOMBS)
        for how in _wrong(unpack, error, archive, canary)
    ]
    tried = 0
    for what, directory in _altered(model, random.Random(int(sys.argv[3]))):  # noqa: S311
        tried += 1
        try:
            artifact.load(directory)
            missed.append(f"the model with {what} was loaded")
        except (artifact.ArtifactError, DataError):
            continue
    print(json.dumps({"archives": len(archives), "altered": tried, "missed": missed}))


def _script(archive: Path, into: Path) -> None:
    # It leaves alone what has files already.
    source.fetch(str(archive), into)


_UNPACKERS: dict[str, tuple[Unpack, type[Exception]]] = {
    "image": (artifact.extract, artifact.ArtifactError),
    "script": (_script, contract.ClientError),
}


def _wrong(unpack: Unpack, error: type[Exception], archive: bytes, canary: Path) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as directory:
        file, inside = Path(directory, "model.tar.gz"), Path(directory, "inside")
        file.write_bytes(archive)
        inside.mkdir()
        try:
            unpack(file, inside)
            yield "was unpacked"
        except error:
            pass
        if canary.exists() or set(Path(directory).iterdir()) != {file, inside}:
            canary.unlink(missing_ok=True)
            yield "wrote outside"


def _altered(model: Path, chance: random.Random) -> Iterator[tuple[str, Path]]:
    """The model with one change each, in a directory that lives until the next."""
    names = [
        file.name for file in sorted(model.iterdir()) if file.is_file() and file.name != artifact.MANIFEST
    ]
    for number in range(_CHANGES):
        with tempfile.TemporaryDirectory() as directory:
            copy = Path(shutil.copytree(model, Path(directory, "model")))
            name = chance.choice(names)
            content = bytearray((copy / name).read_bytes())
            match number % 4:
                case 0:
                    place = chance.randrange(len(content))
                    content[place] ^= 1 << chance.randrange(8)
                    what = f"another bit in byte {place} of {name}"
                case 1:
                    del content[chance.randrange(len(content)) :]
                    what = f"less of {name}"
                case 2:
                    content += b"\n"
                    what = f"more of {name}"
                case _:
                    (copy / artifact.CODE).mkdir(exist_ok=True)
                    (copy / artifact.CODE / "more.py").write_text("")
                    what = "code that training did not write"
            (copy / name).write_bytes(content)
            yield what, copy


if __name__ == "__main__":
    main()
