"""What API Gateway makes of text and binary bodies on the way to an integration, and back.

`handling` is the contentHandling of the integration or of its response. Where a text is to become binary it
must be base64, or binascii.Error is raised.
docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-payload-encodings-workflow.html
"""

import base64

TO_TEXT, TO_BINARY = "CONVERT_TO_TEXT", "CONVERT_TO_BINARY"


def taken(body: bytes, handling: str | None, *, binary: bool) -> bytes:
    """A request's body as the integration gets it; `binary` if its type is one of the API's binary types."""
    if binary:
        return base64.b64encode(body) if handling == TO_TEXT else body
    return _decoded(body) if handling == TO_BINARY else _text(body)


def given(body: bytes, handling: str | None, *, binary: bool, accepts_binary: bool) -> bytes:
    """An answer's body as the caller gets it; `accepts_binary` if the first type of Accept is binary."""
    to_binary = handling == TO_BINARY or (accepts_binary and handling is None)
    if binary:
        return body if to_binary else base64.b64encode(body)
    return _decoded(body) if to_binary else _text(body)


def _decoded(body: bytes) -> bytes:
    return base64.b64decode(body, validate=True)


def _text(body: bytes) -> bytes:
    return body.decode("utf-8", "replace").encode()
