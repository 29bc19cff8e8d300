"""Documents of lists and objects in one another, which end a reader that follows them by recursion."""

import asyncio

from benchmarks.serving_fuzz.case import JSON, LINES, Refused, asked
from benchmarks.serving_fuzz.client import answers

DEPTH = 100_000
_LISTS, _OBJECTS = b"[" * DEPTH + b"]" * DEPTH, b'{"a":' * DEPTH + b"1" + b"}" * DEPTH
_BODIES = (
    *(_LISTS, _OBJECTS, b"[" * DEPTH, b'{"a":' * DEPTH),
    *(b'{"instances":%b}' % _LISTS, b'{"instances":[%b]}' % _OBJECTS, b'{"columns":%b}' % _OBJECTS),
)
TRIED = 2 * len(_BODIES)


def not_refused(port: int) -> list[str]:
    """The documents, as JSON and as JSON Lines, that got another answer than 400."""
    cases = [
        asked(f"{body[:14]!r} as {media}", body, media, Refused())
        for body in _BODIES
        for media in (JSON, LINES)
    ]

    async def found() -> list[str]:
        return [case.family async for case, answer in answers(port, cases, 4) if answer.status != 400]

    return asyncio.run(found())
