"""Who may call the API how much, where that is to be counted for each program apart."""

from collections.abc import Iterator, Sequence
from dataclasses import KW_ONLY
from typing import Annotated

from pydantic import AfterValidator, Field

from declaration.errors import Problem
from declaration.load import Load
from declaration.names import Slug
from declaration.value import declared


@declared
class Client:
    """A program that calls the API with a key of its own, and the most that it may; None is no quota.

    The key says who calls, not that the caller may: IAM decides that, with keys and without. It is sent in
    the header `x-api-key`; AWS makes its value.
    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-api-usage-plans.html
    """

    name: Annotated[Annotated[str, Slug()], Field(examples=["'shop'"])]
    _: KW_ONLY
    calls_per_minute: Load
    calls_per_day: Annotated[int | None, Field(ge=1, le=10_000_000_000, examples=["100_000"])] = None


Clients = Annotated[
    Sequence[Client],
    AfterValidator(tuple),
    Field(examples=['[Client("shop", calls_per_minute=600)]']),
]


def repeated(where: str, clients: Sequence[Client]) -> Iterator[Problem]:
    """Two clients of one name, whose keys nobody could tell apart."""
    names = [client.name for client in clients]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield Problem(f"{where}, clients", repr(name), "each client needs a name of its own", "rename one")
