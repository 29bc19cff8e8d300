"""The user's own code as assets: files under their own names, in a folder named by their content."""

import gzip
import hashlib
import io
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_s3 as s3

from declaration import Code, DeclarationError, Problem, Script
from pipelines.training.programs import ARCHIVE, LAUNCHER
from stacks.parts.paths import ROOT

_LAUNCHER = ROOT / "stacks/parts/assets/script_launcher.py"
_LEFT_OUT = {"__pycache__", "node_modules", "cdk.out", "venv"}
_MAX_MB = 100


@dataclass(frozen=True)
class Source:
    """Files in the bucket of the assets: the folder that holds them, and the key of each."""

    bucket_arn: str
    uri: str
    folder: str
    keys: Sequence[str]
    version: str


def functions(stack: cdk.Stack, code: Code) -> Source:
    """The modules with the user's functions, which the jobs import by their names."""
    return _published(stack, "Code", {file.name: file.read_bytes() for file in code.files})


def script_archive(stack: cdk.Stack, script: Script) -> Source:
    """The folder of a script as script mode unpacks it, with our launcher."""
    files = {str(path.relative_to(script.path.parent)): path for path in _files(script.path.parent)}
    files[LAUNCHER] = _LAUNCHER
    megabytes = sum(path.stat().st_size for path in files.values()) / 1e6
    if megabytes > _MAX_MB:
        rule = f"its folder travels with it and may hold {_MAX_MB} MB, but holds {megabytes:,.0f}"
        fix = "move the script into a folder of its own"
        raise DeclarationError([Problem("Script, source", repr(script.source), rule, fix)])
    return _published(stack, "Source", {ARCHIVE: _archive(files)})


def _files(folder: Path) -> list[Path]:
    """All files but hidden ones, caches and what the CDK writes, in an order that is always the same."""
    parts = ((path, path.relative_to(folder).parts) for path in sorted(folder.rglob("*")) if path.is_file())
    return [path for path, names in parts if not any(n in _LEFT_OUT or n.startswith(".") for n in names)]


def _archive(files: Mapping[str, Path]) -> bytes:
    """A tar.gz that depends on names and contents alone."""
    packed = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w") as tar,
    ):
        for name, path in sorted(files.items()):
            content = path.read_bytes()
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o644
            tar.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def _published(stack: cdk.Stack, id_: str, files: Mapping[str, bytes]) -> Source:
    """Assets whose keys end in the files' own names, as a job sees an object by the end of its key.

    The CDK's file assets are named by their hash, and its bucket deployments need a function.
    """
    digest = hashlib.sha256()
    for name, content in sorted(files.items()):
        digest.update(f"{name}\n{len(content)}\n".encode() + content)
    folder = f"{id_.lower()}-{digest.hexdigest()[:32]}"
    locations = []
    with tempfile.TemporaryDirectory() as scratch:
        for name, content in sorted(files.items()):
            path = Path(scratch) / name
            path.write_bytes(content)
            staged = cdk.AssetStaging(stack, f"{id_}-{name}", source_path=str(path))
            locations.append(
                stack.synthesizer.add_file_asset(
                    # The CDK makes the key of this and the extension of the file.
                    source_hash=f"{folder}/{path.stem}",
                    file_name=staged.relative_staged_path(stack),
                    packaging=cdk.FileAssetPackaging.FILE,
                    display_name=name,
                )
            )
    bucket = s3.Bucket.from_bucket_name(stack, f"{id_}Bucket", locations[0].bucket_name)
    keys = [location.object_key for location in locations]
    below = keys[0].rsplit("/", 1)[0]
    return Source(bucket.bucket_arn, f"s3://{bucket.bucket_name}/{below}/", below, keys, folder)
