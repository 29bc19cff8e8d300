"""The folder of the user's script: fetched, unpacked, and what it requires installed."""

import gzip
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zlib
from pathlib import Path
from urllib.parse import urlsplit

import boto3
from botocore.exceptions import BotoCoreError
from botocore.exceptions import ClientError as Refused

from .contract import ClientError

# The environment of an image can't be changed by a container of it.
_PACKAGES = Path(tempfile.gettempdir()) / "requirements"


def fetch(uri: str, folder: Path) -> None:
    """Put the folder at `uri`, an S3 URI, an archive or a folder, into `folder`, unless it has files already.

    Raises ClientError if it cannot be had.
    """
    if str(folder) == uri:
        return
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        return
    if uri.startswith("s3://"):
        with tempfile.NamedTemporaryFile() as archive:
            _download(uri, archive.name)
            _unpack(Path(archive.name), uri, folder)
    elif Path(uri).is_dir():
        shutil.copytree(uri, folder, dirs_exist_ok=True)
    else:
        _unpack(Path(uri), uri, folder)


def install_requirements(folder: Path) -> list[str]:
    """Install what requirements.txt names and return the search path for it; ClientError if it can't be."""
    if not (folder / "requirements.txt").is_file():
        return []
    command = [sys.executable, "-m", "pip", "install", "-r", "requirements.txt"]
    done = subprocess.run([*command, "--target", str(_PACKAGES)], cwd=folder, check=False)
    if done.returncode:
        raise ClientError(
            f'InstallRequirementsError:\nExitCode {done.returncode}\nErrorMessage "The packages of '
            "requirements.txt could not be installed; a container that is cut off from the network can only "
            f'install files of the folder itself."\nCommand "{" ".join(command)}"'
        )
    return [str(_PACKAGES)]


def _download(uri: str, file: str) -> None:
    place = urlsplit(uri)
    try:
        boto3.client("s3").download_file(place.netloc, place.path.lstrip("/"), file)
    except (BotoCoreError, Refused) as error:
        raise ClientError(
            f"The script's folder {uri} could not be fetched ({error}); a container that is cut off from the "
            "network gets it as an input channel, and a path in /opt/ml/input/data as "
            "sagemaker_submit_directory."
        ) from error


def _unpack(archive: Path, uri: str, folder: Path) -> None:
    """Unpack regular files and folders; what would leave the folder or is a link is a mistake."""
    try:
        with gzip.open(archive) as unzipped, tarfile.open(fileobj=unzipped, mode="r:") as tar:
            for member in tar:
                target = (folder / member.name).resolve()
                if not target.is_relative_to(folder.resolve()) or not (member.isfile() or member.isdir()):
                    raise ClientError(f"{uri} holds {member.name!r}, which is no file of the folder.")
                if member.isdir():
                    target.mkdir(parents=True, exist_ok=True)
                    continue
                target.parent.mkdir(parents=True, exist_ok=True)
                with tar.extractfile(member) as source, target.open("wb") as file:  # type: ignore[union-attr]
                    shutil.copyfileobj(source, file)
                target.chmod(member.mode & 0o777 | 0o400)
            # Up to gzip's checksum, which tarfile does not read: what was damaged may unpack all the same.
            while unzipped.read(1 << 20):
                continue
    except (OSError, EOFError, zlib.error, tarfile.TarError) as error:
        raise ClientError(f"{uri} is no archive of the script's folder: {error}.") from error
