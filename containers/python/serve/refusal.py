"""Why a request is refused: the client's fault is always a 4xx, in one sentence that names row and column."""

from dataclasses import dataclass
from http import HTTPStatus

import orjson


@dataclass(eq=False)
class Refusal(Exception):
    """An answer that is not a prediction; rows count from 1.

    `allow` lists the methods with a 405; `retry_after` is in seconds, with a 429 or a 503.
    """

    status: HTTPStatus
    code: str
    message: str
    row: int | None = None
    column: str | None = None
    allow: str | None = None
    retry_after: int | None = None

    def body(self, request_id: str) -> bytes:
        """The JSON body."""
        fields: dict[str, str | int] = {"code": self.code, "message": self.message, "request_id": request_id}
        if self.row is not None:
            fields["row"] = self.row
        if self.column is not None:
            fields["column"] = self.column
        return orjson.dumps(fields)


def bad_value(row: int, column: str, message: str) -> Refusal:
    """A value that the model's schema does not allow."""
    return Refusal(
        HTTPStatus.BAD_REQUEST, "BadValue", f"row {row}, column {column!r}: {message}", row, column
    )


def malformed(message: str, row: int | None = None) -> Refusal:
    """A body that is not what its content type says, or has another shape than the model's schema."""
    where = f"row {row}: " if row is not None else ""
    return Refusal(HTTPStatus.BAD_REQUEST, "Malformed", where + message, row)


def too_many_rows(rows: int, most: int) -> Refusal:
    """More rows than are predicted at once."""
    return Refusal(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "TooManyRows",
        f"the body has {rows:,} rows; at most {most:,} are predicted at once",
    )


def busy(message: str, seconds: int = 1) -> Refusal:
    """More work is waiting than the server takes on; `seconds` says when to come again.

    429 and not 503: alarms on 5xx judge the model, and https://www.rfc-editor.org/rfc/rfc6585#section-4 is
    meant for this. SageMaker hands it on as the original status of a ModelError.
    """
    return Refusal(HTTPStatus.TOO_MANY_REQUESTS, "Busy", f"{message}; try again shortly", retry_after=seconds)
