"""Why a request is refused: the client's fault is always a 4xx, in one sentence that names row and column."""

from dataclasses import dataclass
from http import HTTPStatus

import orjson


@dataclass(eq=False)
class Refusal(Exception):
    """An answer that is not a prediction; rows count from 1, `allow` lists the methods with a 405."""

    status: HTTPStatus
    code: str
    message: str
    row: int | None = None
    column: str | None = None
    allow: str | None = None

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


def busy(message: str) -> Refusal:
    """More work is waiting than the server takes on."""
    return Refusal(HTTPStatus.TOO_MANY_REQUESTS, "Busy", f"{message}; try again shortly")
