"""What happens to data and requests when things go wrong, one story each."""

import pytest

from retrain import reconcile
from retrain.measured import Least
from retrain.messages import Request
from retrain.pace import Pace
from retrain.state import REMEMBERED_REQUESTS
from retrain.surroundings import Surroundings
from tests.unit.functions.retrain_world import COOLDOWN, QUIET, SWEEP_SECONDS, TROUBLE, Message, World


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconcile, "pause", lambda _seconds: None)


@pytest.mark.parametrize("trouble", TROUBLE)
@pytest.mark.parametrize("at", range(30))
def test_each_single_call_may_be_the_last(trouble: str, at: int) -> None:
    world = World(at_call={at: trouble})
    world.upload()
    world.upload("bad")
    world.deliver()
    world.now += QUIET
    for _ in range(4):
        world.deliver()
    world.finish()
    world.deliver()
    world.settle()
    assert len(world.ours) == 1
    assert not world.state.pending
    assert list(world.apart) == ["data/bad.csv"]
    assert set(world.kinds_told) == {"started", "quarantined", "ended"}


def test_a_storm_of_ten_thousand_objects_is_one_execution() -> None:
    world = World()
    for number in range(10_000):
        world.upload()
        if number % 200 == 0:
            world.now += 1
    world.settle()
    assert len(world.ours) == 1
    assert world.start_calls == 1
    assert world.state.requested == 10_000
    assert len(world.ours[0].inputs) == 10_000


def test_an_object_that_lands_during_a_run_makes_exactly_one_more() -> None:
    world = World()
    world.upload()
    world.pass_time(QUIET)
    for _ in range(5):
        world.upload()
        world.deliver()
    assert len(world.ours) == 1
    world.settle()
    assert [len(e.inputs) for e in world.ours] == [1, 6]


@pytest.mark.parametrize("refused", ["start", "take", "champion", "in_flight"])
def test_what_is_refused_a_hundred_times_is_done_soon_after_it_may(refused: str) -> None:
    world = World(busy=frozenset({refused}))
    world.upload()
    world.pass_time(QUIET + 100 * reconcile.BUSY_SECONDS)
    assert not world.ours
    assert refused in world.state.waits
    world.busy, freed = frozenset(), world.now
    while not world.ours:
        world.pass_time(1)
    assert world.now - freed <= 2 * reconcile.BUSY_SECONDS
    world.settle()
    assert len(world.ours) == 1
    assert world.state.waits == ""


@pytest.mark.parametrize("refused", ["load", "save"])
def test_a_table_that_refuses_a_hundred_times_costs_no_event(refused: str) -> None:
    """Each delivery tries more than once, so that ten of them are not used up."""
    world = World(busy=frozenset({refused}))
    world.upload()
    (message,) = world.queue
    while world.calls < 100:
        world.deliver()
    assert message.receives <= 5
    world.settle()
    assert len(world.ours) == 1


def test_a_look_that_got_lost_is_made_by_the_sweep() -> None:
    world = World()
    world.upload()
    world.deliver()
    world.queue.clear()
    world.pass_time(QUIET + SWEEP_SECONDS)
    assert len(world.ours) == 1


def test_an_event_that_got_lost_is_found_within_the_hour() -> None:
    world = World()
    world.upload()
    world.settle()
    world.upload(lost=True)
    world.pass_time(reconcile.LIST_SECONDS + SWEEP_SECONDS + QUIET)
    assert [len(e.inputs) for e in world.ours] == [1, 2]


def test_a_project_without_new_data_as_a_trigger_does_not_look_for_them() -> None:
    world = World()
    world.pace = Pace()
    world.upload(lost=True)
    world.settle()
    assert not world.ours


def test_a_lost_event_of_the_end_delays_but_loses_nothing() -> None:
    world = World()
    world.upload()
    world.pass_time(QUIET)
    world.upload()
    world.deliver()
    world.ours[0].status = "Failed"  # and nobody tells us
    world.pass_time(COOLDOWN + 2 * SWEEP_SECONDS)
    assert len(world.ours) == 2


def test_a_duplicate_later_than_all_that_is_remembered_starts_nothing() -> None:
    world = World()
    for _ in range(REMEMBERED_REQUESTS + 50):
        world.upload()
    world.settle()
    first, *_ = world.events
    world.queue.append(Message(first, world.now))
    world.settle()
    assert len(world.ours) == 1
    assert world.told[-1] == ("skipped", ("data",))
    assert not world.state.pending


def test_somebody_elses_execution_ends_first() -> None:
    world = World()
    world.run_by_hand()
    world.upload()
    world.ask()
    world.pass_time(3 * COOLDOWN)
    assert not world.ours
    assert max(world.waits) == 0, "a run is no wait"
    world.settle()
    assert len(world.ours) == 1
    assert world.kinds_told == ["started", "ended"], "of ours alone"


def test_a_quota_that_is_used_up_for_a_day_is_one_long_wait_and_starts_alone() -> None:
    world = World(busy=frozenset({"start"}))
    world.upload()
    world.pass_time(24 * 3600)
    assert world.waits == sorted(world.waits)
    assert world.waits[-1] > 23 * 3600
    world.busy = frozenset()
    world.pass_time(SWEEP_SECONDS)
    assert len(world.ours) == 1
    world.pass_time(2 * SWEEP_SECONDS)
    assert world.waits[-1] == 0


def test_many_bad_objects_leave_in_steps_and_are_told_once() -> None:
    world = World()
    for number in range(60):
        world.upload(f"bad {number}")
    world.upload("bad large")
    world.upload("good")
    world.settle()
    assert list(world.objects) == ["data/bad large.csv", "data/good.csv"]
    assert len(world.apart) == 60
    assert [what for kind, what in world.told if kind == "quarantined"] == [
        (61, {"data/bad large.csv": "it is too large"})
    ]


def test_a_newer_object_of_the_same_name_is_not_put_apart() -> None:
    world = World()
    world.upload("bad")
    world.pass_time(QUIET)
    world.upload("bad")
    newer = world.objects["data/bad.csv"]
    world.finish()
    world.take_all()
    assert world.objects["data/bad.csv"] == newer
    world.settle()
    assert len(world.ours) == 2


def test_what_takes_too_long_is_left_to_the_next_invocation() -> None:
    world = World()
    world.upload()
    ticks = iter(range(0, 10**6, 6))
    reconciler = reconcile.Reconciler(
        "p",
        world.pace,
        Surroundings(world, world, world, world, inventory=world, quarantine=world),
        clock=lambda: world.now,
        timer=lambda: float(next(ticks)),
    )
    world.queue.clear()
    reconciler.reconcile([Request("m", "manual", "now")], [])
    assert not world.ours, "it was decided on, and the time was up"
    (left,) = world.queue
    assert left.visible_at == world.now + 1
    world.settle()
    assert len(world.ours) == 1


def test_data_wait_until_they_are_enough_and_say_so() -> None:
    world = World(least=Least(files=3, rows=10))
    world.upload(size=30)
    world.upload()
    world.pass_time(24 * 3600)
    assert not world.ours
    assert world.state.waits == "New data so far: 2 of 3 files, about 16 of 10 rows"
    assert max(world.waits) == 0, "too little data is no wait for AWS"
    world.upload()
    world.pass_time(QUIET)
    assert [len(e.inputs) for e in world.ours] == [3]
    assert world.state.waits == ""


def test_too_little_data_are_enough_at_last() -> None:
    world = World(least=Least(files=3, or_after=7200))
    world.upload()
    world.pass_time(7199)
    assert not world.ours
    world.pass_time(1)
    assert len(world.ours) == 1


@pytest.mark.parametrize("enough", ["another object", "another declaration"])
def test_what_became_enough_without_an_event_is_found_within_the_hour(enough: str) -> None:
    world = World(least=Least(files=2))
    world.upload()
    world.pass_time(3600)
    if enough == "another object":
        world.upload(lost=True)
    else:
        world.least = Least(files=1)
    world.pass_time(reconcile.LIST_SECONDS + SWEEP_SECONDS)
    assert len(world.ours) == 1
