"""What arrives on the retraining queue: requests to train, and reasons to look again."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

SOURCE = "sageloop"
RETRAIN = "Retrain Requested"
LOOK = "Look Again"


class MalformedMessage(ValueError):
    """The body of a message is not an event that this function knows."""


@dataclass(frozen=True)
class Request:
    """Asks for one execution that starts after it; a delivery of the same request has the same id."""

    id: str
    reason: str
    urgent: bool = False


@dataclass(frozen=True)
class Look:
    """Asks for nothing, only that the state is looked at; `at` tells our own delayed looks apart."""

    at: int | None = None


def parse(body: str) -> Request | Look:
    """Read the body of one SQS message (an EventBridge event); raises MalformedMessage."""
    try:
        event = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise MalformedMessage(f"the body is not JSON: {error}") from error
    match event:
        case {"source": "aws.s3", "detail-type": "Object Created", "detail": {**detail}}:
            return _object_created(detail)
        case {"source": "aws.events", "detail-type": "Scheduled Event", "id": str(id_)}:
            return Request(_identity("schedule", id_), "the schedule")
        case {"source": "sageloop", "detail-type": "Retrain Requested", "id": str(id_)}:
            return Request(_identity("manual", id_), "a request by hand", urgent=True)
        case {"source": "sageloop", "detail-type": "Look Again", "detail": {"at": int(at)}}:
            return Look(at)
        case {
            "source": "aws.sagemaker",
            "detail-type": "SageMaker Model Building Pipeline Execution Status Change",
        }:
            return Look()
        case {"source": source, "detail-type": kind}:
            raise MalformedMessage(f"no rule sends events of source {source!r} and detail-type {kind!r} here")
        case _:
            raise MalformedMessage("the body is not an EventBridge event")


def look_again(at: int) -> str:
    """The body of our own delayed message; `at` is the epoch second that it is meant for."""
    return json.dumps({"source": SOURCE, "detail-type": LOOK, "detail": {"at": at}})


def _object_created(detail: Mapping[object, object]) -> Request | Look:
    match detail:
        case {"bucket": {"name": str(bucket)}, "object": {"key": str(key), "sequencer": str(sequencer)}}:
            pass
        case _:
            raise MalformedMessage("Object Created without bucket name, object key or sequencer")
    if key.endswith("/"):  # the console's empty marker of a folder: no data
        return Look()
    return Request(_identity("object", bucket, key, sequencer), f"s3://{bucket}/{key}")


def _identity(*parts: str) -> str:
    """64 bits are plenty for the few hundred requests that the state remembers."""
    return sha256("\0".join(parts).encode(errors="surrogatepass")).hexdigest()[:16]
