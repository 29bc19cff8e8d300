"""sageloop upload: data into the incoming bucket, where its arrival starts the training."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from cli import output, projects, session
from cli.errors import CommandError
from cli.options import AsJson, ProjectName

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PREFIX = "data/"


@dataclass(frozen=True)
class Uploaded:
    """A file and where it lies now."""

    file: str
    uri: str
    bytes: int


Files = Annotated[
    list[Path], typer.Argument(help="Files, or directories whose files keep their paths.", show_default=False)
]


def upload(files: Files, project: ProjectName = None, as_json: AsJson = False) -> None:
    """Upload data; once it has been quiet for a while, training starts by itself.

    Example:  sageloop upload examples/flights/2013-0[1-3].csv
    """
    keys = _keys(files)
    aws = session.connect()
    bucket = projects.find(aws, project).output("storage", "IncomingBucket")
    uploaded = _upload(aws.client("s3"), bucket, keys)
    rows = [(output.size(one.bytes), one.uri) for one in uploaded]
    output.show(uploaded, output.table(["Size", "Object"], rows), as_json=as_json)


def _keys(files: Sequence[Path]) -> dict[str, Path]:
    """Every file by the key that it gets; raises CommandError before anything is uploaded."""
    keys: dict[str, Path] = {}
    for path in files:
        if not path.exists():
            raise CommandError(f"There is no file {path}.")
        below = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
        if not below:
            raise CommandError(f"Directory {path} holds no file.")
        for file in below:
            key = PREFIX + (file.relative_to(path).as_posix() if path.is_dir() else file.name)
            if key in keys:
                raise CommandError(f"{keys[key]} and {file} would both become {key}: rename one of them.")
            keys[key] = file
    return keys


def _upload(s3: "S3Client", bucket: str, keys: dict[str, Path]) -> list[Uploaded]:
    from boto3.exceptions import S3UploadFailedError

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    uploaded = []
    with Progress(*columns, console=output.messages, transient=True) as progress:
        for key, file in keys.items():
            size = file.stat().st_size
            task = progress.add_task(file.name, total=size)
            try:
                s3.upload_file(
                    str(file),
                    bucket,
                    key,
                    Callback=lambda count, task=task: progress.update(task, advance=count),
                )
            except S3UploadFailedError as error:
                raise _reason(error, bucket, file) from error
            uploaded.append(Uploaded(str(file), f"s3://{bucket}/{key}", size))
    return uploaded


def _reason(error: Exception, bucket: str, file: Path) -> CommandError:
    text = str(error)
    if "NoSuchBucket" in text:
        return CommandError(
            f"Bucket {bucket} does not exist any more: `sageloop deploy` makes it again, then upload {file}."
        )
    return CommandError(f"Upload of {file} failed: {text.rpartition(': ')[2]}")
