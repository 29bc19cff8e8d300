"""What two runs came to, byte for byte."""

import tarfile
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import IO, TYPE_CHECKING
from urllib.parse import urlsplit

from cli import outcome
from cli.errors import CommandError
from cli.executions import Execution

if TYPE_CHECKING:
    import boto3

# How it was learnt, which names the libraries and the champion; all else comes from the data.
ORIGIN = "model.json"
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Likeness:
    """Whether the files that two runs have read, and the models that they have learnt, are the same bytes.

    None is what one of them has not come to.
    """

    data: bool | None
    model: bool | None


def compare(session: "boto3.Session", first: Execution, second: Execution) -> Likeness:
    """Compare what two executions read and learnt; raises CommandError when a model cannot be read."""
    our_data, their_data = (outcome.data(session, each) for each in (first, second))
    ours, theirs = (_model(session, each) for each in (first, second))
    return Likeness(
        data=our_data.digests == their_data.digests if our_data and their_data else None,
        model=_digests(session, ours) == _digests(session, theirs) if ours and theirs else None,
    )


def _model(session: "boto3.Session", execution: Execution) -> str | None:
    """Where the model that an execution has learnt lies."""
    step = execution.step(outcome.TRAIN)
    if step is None or step.status != "Succeeded" or not step.job_name:
        return None
    job = session.client("sagemaker").describe_training_job(TrainingJobName=step.job_name)
    return job["ModelArtifacts"]["S3ModelArtifacts"]


def _digests(session: "boto3.Session", uri: str) -> dict[str, str]:
    """The sha256 of each file of a model: the archive around them tells the time."""
    place = urlsplit(uri)
    body = session.client("s3").get_object(Bucket=place.netloc, Key=place.path.lstrip("/"))["Body"]
    found = {}
    try:
        with tarfile.open(fileobj=body, mode="r|gz") as archive:
            for member in archive:
                file = archive.extractfile(member)
                name = member.name.removeprefix("./")
                if file is not None and name != ORIGIN:
                    found[name] = _sha256(file)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise CommandError(f"{uri} is no archive of a model: {error}.") from error
    return found


def _sha256(file: IO[bytes]) -> str:
    digest = sha256()
    for chunk in iter(partial(file.read, _CHUNK), b""):
        digest.update(chunk)
    return digest.hexdigest()
