"""What arrives on the monitoring queue: reasons to look at the traffic, and reasons to look at the state."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

SOURCE = "sageloop"
ASKED = "Look Requested"
AGAIN = "Look Again"


class MalformedMessage(ValueError):
    """The body of a message is not an event that this function knows."""


@dataclass(frozen=True)
class Asked:
    """Somebody wants a look at the traffic now; a delivery of the same wish has the same id."""

    id: str


@dataclass(frozen=True)
class Labelled:
    """Labels were uploaded at the epoch second `at`."""

    at: int


@dataclass(frozen=True)
class Look:
    """Asks for nothing, only that the state is looked at; `at` tells our own delayed looks apart."""

    at: int | None = None


Message = Asked | Labelled | Look


def parse(body: str) -> Message:
    """Read the body of one SQS message (an EventBridge event); raises MalformedMessage."""
    try:
        event = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise MalformedMessage(f"the body is not JSON: {error}") from error
    match event:
        case {"source": "aws.s3", "detail-type": "Object Created", "time": str(time), "detail": {**detail}}:
            return _labelled(time, detail)
        case {"source": "sageloop", "detail-type": "Look Requested", "id": str(id_)}:
            return Asked(id_)
        case {"source": "sageloop", "detail-type": "Look Again", "detail": {"at": int(at)}}:
            return Look(at)
        case {"source": "aws.events", "detail-type": "Scheduled Event"} | {
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
    return json.dumps({"source": SOURCE, "detail-type": AGAIN, "detail": {"at": at}})


def _labelled(time: str, detail: Mapping[object, object]) -> Labelled | Look:
    match detail:
        case {"object": {"key": str(key)}}:
            pass
        case _:
            raise MalformedMessage("Object Created without object key")
    if key.endswith("/"):  # the console's empty marker of a folder
        return Look()
    try:
        return Labelled(int(datetime.fromisoformat(time).timestamp()))
    except (ValueError, OverflowError) as error:
        raise MalformedMessage(f"Object Created at no time: {time!r}") from error
