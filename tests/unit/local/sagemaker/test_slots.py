"""Places for containers: given out in order, held by threads."""

import threading
from collections.abc import Callable
from functools import partial

import pytest

from local.sagemaker.jobs.slots import Slots
from tests.unit.local.sagemaker.quick_training import wait_until


def nothing() -> None:
    """Goes on waiting."""


def one_place() -> Slots:
    slots = Slots()
    slots.free = 1
    return slots


def in_thread(work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def test_places_are_given_out_in_the_order_of_asking() -> None:
    slots, order = one_place(), list[int]()
    slots.enter(nothing)
    asked = list[int]()

    def wait(number: int) -> None:
        slots.enter(lambda: asked.append(number))
        order.append(number)
        slots.leave()

    threads = []
    for number in range(5):
        threads.append(in_thread(partial(wait, number)))
        wait_until(partial(asked.__contains__, number))
    slots.leave()
    for thread in threads:
        thread.join(5)
    assert order == [0, 1, 2, 3, 4]
    assert slots.free == 1


def test_who_gives_up_waiting_keeps_nobody_waiting() -> None:
    slots = one_place()
    slots.enter(nothing)
    asked = threading.Event()

    def give_up() -> None:
        asked.set()
        raise InterruptedError

    def wait() -> None:
        with pytest.raises(InterruptedError):
            slots.enter(give_up)

    thread = in_thread(wait)
    assert asked.wait(5)
    thread.join(5)
    slots.leave()
    slots.enter(nothing)
    assert slots.free == 0


def test_a_thread_holds_one_place_and_gives_it_back_once() -> None:
    slots = one_place()
    slots.enter(nothing)
    slots.enter(nothing)
    assert slots.free == 0
    slots.leave()
    slots.leave()
    assert slots.free == 1
