"""Which format came in and which goes out."""

from functools import lru_cache
from http import HTTPStatus

from serve.refusal import Refusal

CSV, JSON, LINES = "text/csv", "application/json", "application/jsonlines"
PARQUET, ARROW = "application/vnd.apache.parquet", "application/vnd.apache.arrow.stream"
# Formats that another process reads: https://www.iana.org/assignments/media-types/application
BINARY = frozenset({PARQUET, ARROW})

_ALIASES = {
    **{name: name for name in (CSV, JSON, LINES, PARQUET, ARROW)},
    "application/x-jsonlines": LINES,
    "application/jsonl": LINES,
    # SageMaker's own name: https://docs.aws.amazon.com/sagemaker/latest/dg/autopilot-deploy-models.html
    "application/x-parquet": PARQUET,
}
_WILD = {"text/*": CSV, "application/*": JSON}
_OFFERED = f"{CSV}, {JSON}, {LINES}, {PARQUET} or {ARROW}"


@lru_cache(maxsize=256)
def formats(content_type: bytes, accept: bytes) -> tuple[str, str]:
    """The formats of the request and of its answer; raises Refusal with 415 or 406."""
    incoming = _incoming(content_type.decode("latin-1"))
    return incoming, _outgoing(accept.decode("latin-1"), incoming)


def _incoming(header: str) -> str:
    media, *parameters = (part.strip().lower() for part in header.split(";"))
    if media not in _ALIASES:
        given = f"is {media[:60]!r}" if media else "is missing"
        raise _unsupported(f"the Content-Type {given}; send {_OFFERED}")
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
        raise Refusal(
            HTTPStatus.NOT_ACCEPTABLE, "NotAcceptable", f"the Accept header allows none of {_OFFERED}"
        )
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
