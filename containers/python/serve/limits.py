"""What one process of the server takes on; more is refused, so that no queue grows without end."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields

from tabular.contract import DataError

MOST_ROWS = 100_000
_PREFIX = "SAGELOOP_LIMIT_"


@dataclass(frozen=True)
class Limits:
    """Each may be set in the environment: SAGELOOP_LIMIT_ROWS=1000 for `rows`.

    Small requests need no queue of their own: each connection has one that is being answered, so
    `connections` bounds them. Large bodies and the user's own function have one, with the bounds below.
    SageMaker gives a request 25 MB and 60 seconds:
    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html
    """

    body_bytes: int = 25 << 20
    header_bytes: int = 16 << 10
    rows: int = MOST_ROWS
    connections: int = 4096
    # Of bodies that have not arrived completely, on all connections.
    buffered_bytes: int = 256 << 20
    # Requests that a connection may send before it read the answers.
    pipelined: int = 64
    # From here on a body is read by a process of its own, so that /ping is answered meanwhile.
    large_bytes: int = 128 << 10
    large_bodies: int = 256
    large_waiting_bytes: int = 100 << 20
    # Rows that wait for the model, and how long they may have to wait by the speed of the last ones.
    waiting_rows: int = 200_000
    waiting_seconds: int = 20
    # Memory beyond its own and time that the process for large bodies may take for one.
    reader_bytes: int = 512 << 20
    reader_seconds: int = 20
    # Memory beyond its own that it may keep after an answer; with more it makes room for a new one.
    reader_kept_bytes: int = 64 << 20
    header_seconds: float = 10.0
    body_seconds: float = 30.0
    idle_seconds: float = 300.0
    write_seconds: float = 30.0

    @classmethod
    def read(cls, environment: Mapping[str, str] = os.environ) -> "Limits":
        """The limits that the environment sets, the rest as above; DataError for a wrong one."""
        given = {name: text for name, text in environment.items() if name.startswith(_PREFIX)}
        types = {field.name: float if field.type is float else int for field in fields(cls)}
        found: dict[str, int | float] = {}
        for variable, text in given.items():
            name = variable.removeprefix(_PREFIX).lower()
            if name not in types:
                raise DataError(f"{variable} is no limit; there are {', '.join(types)}")
            try:
                found[name] = types[name](text)
            except ValueError:
                found[name] = 0
            if not 0 < found[name] < float("inf"):
                raise DataError(f"{variable} is {text[:40]!r}; it must be a number above 0")
        return cls(**found)  # type: ignore[arg-type]

    def environment(self) -> dict[str, str]:
        """The variables that `read` makes these limits of."""
        return {f"{_PREFIX}{field.name.upper()}": str(getattr(self, field.name)) for field in fields(self)}
