"""Sends cases over many connections and reads whatever comes back, for a limited time."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from dataclasses import dataclass

from benchmarks.serving_fuzz.case import Case

MOST_SECONDS = 1.0
"""How long an answer may take; a body above a mebibyte gets LARGE_SECONDS."""
LARGE_SECONDS = 10.0
_LARGE = 1 << 20
_SECOND_ANSWER_SECONDS = 0.1
_MOST_RETRIES, _RETRY_SECONDS = 100, 0.2
_BUSY = (429, 503)
_HEAD = re.compile(rb"HTTP/1\.[01] ([0-9]{3})")
_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)
_CLOSE = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)


@dataclass(frozen=True)
class Answer:
    """What came back: no status when the server only closed the connection.

    `more` counts further answers to one request; `hung`: neither an answer nor an end came in time.
    """

    status: int | None
    body: bytes = b""
    more: int = 0
    hung: bool = False


class Client:
    """One connection at a time to a server, opened again whenever it was closed."""

    def __init__(self, port: int, seconds: float = MOST_SECONDS) -> None:
        self._port, self._seconds = port, seconds
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, case: Case) -> Answer:
        """Send a case and wait for its answer; a connection that ended while it was idle is no answer."""
        reused = self._streams is not None
        if case.alone or not case.complete:
            await self.close()
            reused = False
        answer = await self._ask(case)
        if reused and answer.status is None and not answer.hung:
            answer = await self._ask(case)
        # "Try again shortly" is an honest answer, and a client does as it says.
        for _ in range(_MOST_RETRIES):
            if answer.status not in _BUSY:
                break
            await asyncio.sleep(_RETRY_SECONDS)
            answer = await self._ask(case)
        return answer

    async def close(self) -> None:
        """End the connection."""
        if self._streams is not None:
            writer = self._streams[1]
            self._streams = None
            writer.close()
            with suppress(OSError):
                try:
                    await asyncio.wait_for(writer.wait_closed(), MOST_SECONDS)
                except TimeoutError:
                    # A server that hangs takes nothing more, and what is left for it would be kept for ever.
                    writer.transport.abort()

    async def _ask(self, case: Case) -> Answer:
        limit = LARGE_SECONDS if len(case.wire) > _LARGE else self._seconds
        try:
            return await asyncio.wait_for(self._exchange(case), limit)
        except TimeoutError:
            await self.close()
            return Answer(None, hung=True)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            await self.close()
            return Answer(None)

    async def _exchange(self, case: Case) -> Answer:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port, limit=1 << 26)
        reader, writer = self._streams
        sending = asyncio.ensure_future(_send(writer, case))
        try:
            answer, closed = await _read(reader)
            if case.alone and not closed:
                with suppress(TimeoutError, asyncio.IncompleteReadError):
                    while True:
                        await asyncio.wait_for(_read(reader), _SECOND_ANSWER_SECONDS)
                        answer = Answer(answer.status, answer.body, answer.more + 1)
        finally:
            sending.cancel()
            with suppress(OSError, asyncio.CancelledError):
                await sending
        if closed or case.alone or not case.complete:
            await self.close()
        return answer


async def _send(writer: asyncio.StreamWriter, case: Case) -> None:
    writer.write(case.wire)
    # A server that refuses a body before it has all of it closes; its answer is read all the same.
    with suppress(OSError):
        await writer.drain()
        if not case.complete:
            writer.write_eof()


async def _read(reader: asyncio.StreamReader) -> tuple[Answer, bool]:
    """The next answer but 100 Continue, and whether the server ends the connection after it."""
    while True:
        head = await reader.readuntil(b"\r\n\r\n")
        found = _HEAD.match(head)
        if not found:
            return Answer(999, head), True
        if found[1] != b"100":
            break
    length = _LENGTH.search(head)
    body = await reader.readexactly(int(length[1])) if length else await reader.read()
    return Answer(int(found[1]), body), bool(_CLOSE.search(head)) or not length


async def answers(
    port: int, cases: Iterable[Case], connections: int, seconds: float = MOST_SECONDS
) -> AsyncIterator[tuple[Case, Answer]]:
    """Every case with its answer, in the order in which they come; `seconds` is how long one may take."""
    waiting = iter(cases)
    done: asyncio.Queue[tuple[Case, Answer] | None] = asyncio.Queue(maxsize=1000)

    async def work() -> None:
        client = Client(port, seconds)
        for case in waiting:
            await done.put((case, await client.ask(case)))
        await client.close()
        await done.put(None)

    tasks = [asyncio.create_task(work()) for _ in range(connections)]
    left = connections
    while left:
        found = await done.get()
        if found is None:
            left -= 1
        else:
            yield found
    await asyncio.gather(*tasks)
