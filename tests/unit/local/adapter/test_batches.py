"""A function gets as many of a queue's messages at once as its mapping asks for."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from local.adapter.batches import gathering


class Queue:
    """Ten messages a call at most."""

    def __init__(self, waiting: int, body: str = "{}") -> None:
        self.messages = [{"id": number, "body": body} for number in range(waiting)]

    def receive(self, _url: str, most: int) -> list[dict[str, Any]]:
        taken = self.messages[: min(most, 10)]
        del self.messages[: len(taken)]
        return taken


@given(waiting=st.integers(0, 350), size=st.integers(1, 200))
def test_a_batch_is_full_or_all_that_waits(waiting: int, size: int) -> None:
    queue = Queue(waiting)
    batch = gathering(queue.receive)("url", size)
    assert [message["id"] for message in batch] == list(range(min(waiting, size)))
    assert len(queue.messages) == waiting - len(batch)


def test_a_batch_fits_into_one_call() -> None:
    queue = Queue(100, body="x" * 256 * 1024)
    batch = gathering(queue.receive)("url", 100)
    assert 10 < len(batch) < 100
    assert sum(len(message["body"]) for message in batch) <= 6 * 1024 * 1024
    assert len(batch) + len(queue.messages) == 100
