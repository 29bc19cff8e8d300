"""The head of a request: what of it counts, and what is refused before a body is read."""

from collections.abc import Mapping
from http import HTTPStatus

import httptools

from serve.limits import Limits
from serve.refusal import Refusal, malformed

WANTED = {
    name: name
    for name in (
        b"content-type",
        b"accept",
        b"content-length",
        b"transfer-encoding",
        b"content-encoding",
        b"expect",
        b"x-amzn-sagemaker-custom-attributes",
    )
}
# As most clients write them, so that no copy in small letters is made; httptools hands on what came.
WANTED |= {name.title(): name for name in WANTED}
UNWANTED = frozenset({b"Host", b"User-Agent", b"Connection", b"Accept-Encoding"})
INVOCATIONS, PING = b"/invocations", b"/ping"
_VERSIONS = frozenset({"1.1", "1.0"})


def path(url: bytes) -> bytes:
    """The address without its query."""
    return url.partition(b"?")[0] if b"?" in url else url


def objection(
    parser: httptools.HttpRequestParser, url: bytes, headers: Mapping[bytes, bytes], limits: Limits
) -> Refusal | None:
    """Why a request is refused by its head alone."""
    if parser.get_http_version() not in _VERSIONS:
        return malformed("this is not an HTTP/1.1 request")
    asked, method = path(url), parser.get_method()
    if asked == INVOCATIONS and method == b"POST":
        return _objection_to_body(headers, limits)
    allowed = {PING: b"GET", INVOCATIONS: b"POST"}.get(asked)
    if allowed is None:
        return Refusal(HTTPStatus.NOT_FOUND, "NotFound", "there are GET /ping and POST /invocations")
    if method != allowed:
        verb = allowed.decode()
        message = f"{asked.decode()} is asked by {verb}"
        return Refusal(HTTPStatus.METHOD_NOT_ALLOWED, "MethodNotAllowed", message, allow=verb)
    return None


def too_large(limits: Limits) -> Refusal:
    """More bytes than a body may have."""
    return Refusal(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "TooLarge",
        f"the body is larger than {limits.body_bytes >> 20} MiB",
    )


def without_offer(parser: httptools.HttpRequestParser, url: bytes, headers: Mapping[bytes, bytes]) -> bytes:
    """The head again, without what the server does not read: also without the offer of another protocol."""
    lines = [
        b"%b %b HTTP/%b" % (parser.get_method(), url, parser.get_http_version().encode()),
        b"Connection: keep-alive" if parser.should_keep_alive() else b"Connection: close",
    ]
    lines += [b"%b: %b" % header for header in headers.items()]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def _objection_to_body(headers: Mapping[bytes, bytes], limits: Limits) -> Refusal | None:
    if headers.get(b"content-encoding", b"identity").lower() != b"identity":
        message = "the body must not be compressed"
        return Refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "UnsupportedEncoding", message)
    length = headers.get(b"content-length")
    if length is None and b"transfer-encoding" not in headers:
        return Refusal(HTTPStatus.LENGTH_REQUIRED, "LengthRequired", "the request has no Content-Length")
    if length is not None and int(length) > limits.body_bytes:
        return too_large(limits)
    return None
