import threading
from pathlib import Path

import pytest

from local.sagemaker.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "state.sqlite")


def test_a_transaction_that_fails_leaves_nothing(store: Store) -> None:
    with pytest.raises(RuntimeError), store.transaction():
        store.put("job", "a", {"n": 1})
        with store.transaction():
            store.enqueue({"event": 1})
        raise RuntimeError
    assert store.get("job", "a") is None
    assert not store.outbox()


def test_records_are_there_after_opening_the_file_again(store: Store, tmp_path: Path) -> None:
    store.put("job", "a", {"n": 1})
    assert Store(tmp_path / "state.sqlite").get("job", "a") == {"n": 1}


def test_prefixes_are_literal(store: Store) -> None:
    for name in ("a_1", "ab1", "a%1"):
        store.put("job", name, {"name": name})
    assert [record["name"] for record in store.list("job", "a_")] == ["a_1"]


def test_updating_none_removes_a_member(store: Store) -> None:
    store.put("job", "a", {"n": 1, "m": 2})
    assert store.update("job", "a", n=None) == {"m": 2}
    with pytest.raises(KeyError):
        store.update("job", "b", n=1)


def test_a_waiter_wakes_when_its_condition_holds(store: Store) -> None:
    seen = threading.Event()

    def wait() -> None:
        store.wait(lambda: store.get("job", "a") is not None)
        seen.set()

    threading.Thread(target=wait, daemon=True).start()
    store.put("job", "b", {})
    assert not seen.is_set()
    store.put("job", "a", {})
    assert seen.wait(5)


def test_counting_from_many_threads_loses_nothing(store: Store) -> None:
    store.put("count", "n", {"n": 0})

    def count() -> None:
        for _ in range(50):
            with store.transaction():
                record = store.get("count", "n")
                assert record is not None
                store.put("count", "n", {"n": record["n"] + 1})

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.get("count", "n") == {"n": 200}
