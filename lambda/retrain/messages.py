"""What arrives on the retraining queue: requests to train, and reasons to look again."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal, cast

Kind = Literal["data", "schedule", "drift", "quality", "manual", "replay"]

SOURCE = "sageloop"
LOOK = "Look Again"


class MalformedMessage(ValueError):
    """The body of a message is not an event that this function knows."""


@dataclass(frozen=True)
class Request:
    """Asks for an execution that starts after it; a delivery of the same request has the same id.

    `who` is the person who asked, or empty.
    """

    id: str
    kind: Kind
    reason: str
    who: str = ""


@dataclass(frozen=True)
class Look:
    """Asks for nothing, only that the state is looked at; `at` tells our own delayed looks apart."""

    at: int | None = None


@dataclass(frozen=True)
class Sweep:
    """Comes every few minutes, whatever happens: a look that finds what got lost."""


def parse(body: str) -> Request | Look | Sweep:
    """Read the body of one SQS message (an EventBridge event); raises MalformedMessage."""
    try:
        event = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise MalformedMessage(f"the body is not JSON: {error}") from error
    match event:
        case {"source": "aws.s3", "detail-type": "Object Created", "detail": {**detail}}:
            return _object_created(detail)
        case {"source": "aws.events", "detail-type": "Scheduled Event", "id": str(id_)}:
            return Request(_identity("schedule", id_), "schedule", "the schedule")
        case {
            "source": "aws.sagemaker",
            "detail-type": "SageMaker Model Building Pipeline Execution Status Change",
        }:
            return Look()
        case {"source": "sageloop", "detail-type": str(kind)}:
            return _ours(kind, event)
        case {"source": source, "detail-type": kind}:
            raise MalformedMessage(f"no rule sends events of source {source!r} and detail-type {kind!r} here")
        case _:
            raise MalformedMessage("the body is not an EventBridge event")


def look_again(at: int) -> str:
    """The body of our own delayed message; `at` is the epoch second that it is meant for."""
    return json.dumps({"source": SOURCE, "detail-type": LOOK, "detail": {"at": at}})


def found_by_list(digest: str, now: int) -> Request:
    """The request for objects that lie in data/ and of which no event has come."""
    return Request(_identity("list", digest, str(now)), "data", "objects of which no event came")


def _ours(kind: str, event: Mapping[str, object]) -> Request | Look | Sweep:
    match kind, event:
        case "Sweep", _:
            return Sweep()
        case "Look Again", {"detail": {"at": int(at)}}:
            return Look(at)
        case "Retrain Requested", {"id": str(id_), **more}:
            return _requested(id_, more.get("detail"))
        case "Retrain Wanted", {
            "detail": {"kind": "drift" | "quality" as found, "id": str(id_), "reason": str(reason)}
        }:
            return Request(_identity("wanted", found, id_), cast(Kind, found), reason)
        case "Object Replayed", {"detail": {"key": str(key), "etag": str(etag)}}:
            return Request(_identity("replay", key, etag), "replay", f"{key}, replayed")
        case _:
            raise MalformedMessage(
                f"an event {kind!r} of ours that lacks what it must say, or that nobody sends"
            )


def _requested(id_: str, detail: object) -> Request:
    """A person's request; those of older commands say neither why nor who."""
    match detail:
        case {"reason": str(reason), "who": str(who)}:
            pass
        case None:
            reason, who = "", ""
        case _:
            raise MalformedMessage("Retrain Requested with a detail other than reason and who")
    return Request(_identity("manual", id_), "manual", reason or "a request by hand", who)


def _object_created(detail: Mapping[object, object]) -> Request | Look:
    match detail:
        case {"bucket": {"name": str(bucket)}, "object": {"key": str(key), "sequencer": str(sequencer)}}:
            pass
        case _:
            raise MalformedMessage("Object Created without bucket name, object key or sequencer")
    if key.endswith("/"):  # the console's empty marker of a folder: no data
        return Look()
    return Request(_identity("object", bucket, key, sequencer), "data", f"s3://{bucket}/{key}")


def _identity(*parts: str) -> str:
    """64 bits are plenty for the few hundred requests that the state remembers."""
    return sha256("\0".join(parts).encode(errors="surrogatepass")).hexdigest()[:16]
