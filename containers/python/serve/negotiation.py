"""Which format came in and which goes out."""

from functools import lru_cache
from http import HTTPStatus

from serve.codecs import CSV, JSON, LINES
from serve.refusal import Refusal

_ALIASES = {CSV: CSV, JSON: JSON, LINES: LINES, "application/x-jsonlines": LINES, "application/jsonl": LINES}
_WILD = {"text/*": CSV, "application/*": JSON}


@lru_cache(maxsize=256)
def formats(content_type: bytes, accept: bytes) -> tuple[str, str]:
    """The formats of the request and of its answer; raises Refusal with 415 or 406."""
    incoming = _incoming(content_type.decode("latin-1"))
    return incoming, _outgoing(accept.decode("latin-1"), incoming)


def _incoming(header: str) -> str:
    media, *parameters = (part.strip().lower() for part in header.split(";"))
    if media not in _ALIASES:
        given = f"is {media[:60]!r}" if media else "is missing"
        raise _unsupported(f"the Content-Type {given}; send {CSV}, {JSON} or {LINES}")
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "charset" and value.strip(' "') not in ("utf-8", "utf8", "us-ascii"):
            raise _unsupported(f"the charset {value.strip()[:40]!r} is not utf-8")
    return _ALIASES[media]


def _outgoing(header: str, incoming: str) -> str:
    """The most wanted format that can be given; the request's own when anything will do."""
    best, most = None, 0.0
    for part in header.split(",") if header.strip() else ["*/*"]:
        media, *parameters = (piece.strip().lower() for piece in part.split(";"))
        offered = incoming if media == "*/*" else _WILD.get(media) or _ALIASES.get(media)
        weight = _weight(parameters)
        if offered and weight > most:
            best, most = offered, weight
    if best is None:
        message = f"the Accept header allows none of {CSV}, {JSON} and {LINES}"
        raise Refusal(HTTPStatus.NOT_ACCEPTABLE, "NotAcceptable", message)
    return best


def _weight(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0


def _unsupported(message: str) -> Refusal:
    return Refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType", message)
