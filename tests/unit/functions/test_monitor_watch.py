"""Looks from the first call to the news of them, and what a crash may not change."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from monitor.decision import SETTLED
from monitor.messages import Asked, Labelled, Look, Message
from tests.unit.functions.monitor_world import DAY, RULES, START, Crash, World


def looked_at(world: World, verdict: str = "clear", *, below: bool | None = None) -> str:
    """Wake it a period later, and let the look that it starts end; the window."""
    world.now += DAY + SETTLED
    world.wake([Look()])
    (window,) = world.executing
    world.finish(verdict, below=below)
    world.wake([Look()])
    assert world.saved.running is None
    return window


def told(world: World) -> list[str]:
    return [kind for kind, _ in world.told]


def test_the_calls_of_a_period_are_looked_at_once() -> None:
    world = World(captured={"primary/h/a.jsonl": START + 5, "primary/h/b.jsonl": START + DAY}, calls=12)
    window = looked_at(world)
    assert world.reads[window]["traffic"] == ["primary/h/a.jsonl", "primary/h/b.jsonl"]
    assert world.looks[window]["invocations"] == 12
    assert world.saved.covered_until == START + DAY
    world.captured["primary/h/late.jsonl"] = START + DAY + 1
    assert world.reads[looked_at(world)]["traffic"] == ["primary/h/late.jsonl"]


def test_drift_is_told_with_where_to_read_of_it_and_asks_for_a_training() -> None:
    world = World(captured={"a": START + 5})
    window = looked_at(world, "drifted")
    report = f"s3://artifacts/monitoring/{window}/report"
    assert world.told == [
        (
            "Drift Found",
            {
                "window": window,
                "version": 1,
                "reason": "as it is",
                "report": f"{report}/report.html",
                "findings": f"{report}/findings.json",
                "asks_for_training": True,
            },
        ),
        (
            "Retrain Wanted",
            {"kind": "drift", "id": f"drift {window}", "version": 1, "reason": "temp differs"},
        ),
    ]
    assert world.figures[0]["Drifted"] == 1.0


def test_drift_that_the_project_does_not_train_on_asks_for_nothing() -> None:
    rules = replace(RULES, drift=replace(RULES.drift, retrain=False))
    world = World(captured={"a": START + 5}, rules=rules)
    looked_at(world, "drifted")
    ((kind, detail),) = world.told
    assert (kind, detail["asks_for_training"]) == ("Drift Found", False)


def test_when_it_is_over_that_is_told_once() -> None:
    world = World()
    for day, verdict in enumerate(["drifted", "drifted", "clear", "clear"]):
        world.captured[f"{day}"] = world.now + 5
        looked_at(world, verdict)
    assert told(world) == ["Drift Found", "Retrain Wanted"] * 2 + ["Monitoring Clear"]


def test_too_few_calls_are_read_again_with_those_that_follow() -> None:
    world = World(captured={"a": START + 5})
    few = looked_at(world, "too few rows")
    world.captured["b"] = world.now + 5
    both = looked_at(world)
    assert world.reads[both]["traffic"] == ["a", "b"]
    assert world.looks[both]["start"] == world.looks[few]["start"]
    world.captured["c"] = world.now + 5
    # What was predicted is known of the second look alone.
    assert world.reads[looked_at(world)]["earlier"] == [both]
    assert world.told == []


def test_silence_needs_no_job_and_is_told_when_it_begins() -> None:
    world = World(calls=0)
    for _ in range(3):
        world.now += DAY + SETTLED
        world.wake([Look()])
    assert world.executions == {}
    assert told(world) == ["Traffic Silent"]
    assert world.told[0][1]["reason"] == "nobody has called flights"
    assert [each["Silent"] for each in world.figures] == [1.0] * 3
    world.captured["a"] = world.now + 5
    looked_at(world)
    assert told(world) == ["Traffic Silent", "Monitoring Clear"]


def test_calls_without_capture_are_no_silence_of_the_callers() -> None:
    world = World(calls=7)
    world.now += DAY + SETTLED
    world.wake([Look()])
    assert "7 calls and none was captured" in world.told[0][1]["reason"]


def test_a_wish_between_two_looks_finds_no_silence() -> None:
    world = World(captured={"a": START + 5})
    looked_at(world)
    world.now += 600
    world.wake([Asked("1")])
    assert world.saved.asked == ("1",)
    world.now += SETTLED
    world.wake([Look()])
    assert world.executing == []
    assert world.told == []
    assert not world.saved.asked
    world.captured["b"] = world.now
    world.wake([Asked("2"), Asked("2")])
    world.now += SETTLED
    world.wake([Look()])
    assert len(world.executing) == 1
    assert world.reads[world.executing[0]]["traffic"] == ["b"]
    world.wake([Asked("2")])
    assert not world.saved.asked


def test_labels_are_joined_with_calls_that_were_looked_at_before() -> None:
    world = World(captured={"a": START + 5})
    first = looked_at(world)
    world.now += 1_000
    world.labels["november.csv"] = world.now
    world.wake([Labelled(world.now)])
    assert world.executing == []
    world.now += 30
    world.wake([Look()])
    (window,) = world.executing
    assert world.reads[window] == {"traffic": [], "labels": ["november.csv"], "earlier": [first]}
    world.finish(below=True)
    world.wake([Look()])
    # The same event once more is no reason to look again.
    world.now += 60
    world.wake([Labelled(world.labels["november.csv"])])
    assert world.executing == []
    assert told(world) == ["Quality Below", "Retrain Wanted"]
    assert world.told[1][1]["kind"] == "quality"


def test_a_look_that_failed_is_repeated_with_the_next_and_changes_nothing_that_is_known() -> None:
    world = World(captured={"a": START + 5})
    looked_at(world, "drifted")
    world.captured["b"] = world.now + 5
    world.now += DAY + SETTLED
    world.wake([Look()])
    world.finish(status="Failed")
    world.wake([Look()])
    last = world.saved.last
    assert last is not None
    assert last.failed.endswith("failed")
    assert last.drifted
    assert world.reads[looked_at(world)]["traffic"] == ["b"]
    assert told(world)[-1] == "Monitoring Clear"


def test_findings_that_cannot_be_read_are_a_look_that_failed() -> None:
    world = World(captured={"a": START + 5})
    world.now += DAY + SETTLED
    world.wake([Look()])
    world.finish()
    world.written[world.saved.running.window if world.saved.running else ""] = b"{}"
    world.wake([Look()])
    assert world.saved.last is not None
    assert world.saved.last.failed
    assert world.told == []
    assert world.saved.covered_until == 0


@pytest.mark.parametrize("at", range(1, 40))
def test_a_crash_anywhere_repeats_and_loses_nothing(at: int) -> None:
    world = World(captured={"a": START + 5})
    world.now += DAY + SETTLED
    crashed = False
    for step in ("begin", "end"):
        world.crash_in = at if not crashed else 0
        for _ in range(2):
            try:
                world.wake([Look()])
                break
            except Crash:
                crashed = True
        if step == "begin":
            assert len(world.executing) == 1
            world.finish("drifted")
    assert len(world.executions) == 1
    (window,) = {execution.window for execution in world.executions.values()}
    assert world.saved.last is not None
    assert world.saved.last.window == window
    assert world.saved.last.drifted
    ids = {detail["id"] for kind, detail in world.told if kind == "Retrain Wanted"}
    assert ids == {f"drift {window}"}
    assert {detail["window"] for kind, detail in world.told if kind == "Drift Found"} == {window}
    assert len(world.told) <= 4


class Looks(RuleBasedStateMachine):
    """Calls, labels, wishes and crashes in any order; messages come twice, late and shuffled."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.inbox: list[Message] = []
        self.wishes = 0

    @rule(seconds=st.sampled_from([1, 25, 600, 4_000, DAY, 3 * DAY]))
    def time_passes(self, seconds: int) -> None:
        self.world.now += seconds

    @rule()
    def calls_are_captured(self) -> None:
        self.world.captured[f"primary/h/{len(self.world.captured)}.jsonl"] = self.world.now

    @rule()
    def labels_are_uploaded(self) -> None:
        self.world.labels[f"{len(self.world.labels)}.csv"] = self.world.now
        self.inbox.append(Labelled(self.world.now))

    @rule()
    def somebody_wants_a_look(self) -> None:
        self.wishes += 1
        self.inbox.append(Asked(f"{self.wishes}"))

    @rule(data=st.data(), crash_in=st.sampled_from([0, 0, 0, *range(1, 16)]), again=st.booleans())
    def messages_arrive(self, data: st.DataObject, crash_in: int, again: bool) -> None:
        taken = data.draw(st.lists(st.sampled_from(self.inbox), unique=True)) if self.inbox else []
        taken += [look for at, look in self.world.delayed if at <= self.world.now]
        self.world.crash_in = crash_in
        try:
            self.world.wake([*taken, Look()])
        except Crash:
            return
        finally:
            self.world.crash_in = 0
        self.world.delayed = [each for each in self.world.delayed if each[1] not in taken]
        if not again:
            self.inbox = [message for message in self.inbox if message not in taken]

    @rule(verdict=st.sampled_from(["clear", "drifted", "too few rows"]), fails=st.booleans())
    def a_look_ends(self, verdict: str, fails: bool) -> None:
        self.world.finish(verdict, status="Failed" if fails else "Succeeded")

    @rule()
    def another_model_takes_over(self) -> None:
        model = self.world.model
        if model and self.world.saved.covered_until:
            self.world.model = replace(model, version=model.version + 1, deployed_at=self.world.now)

    @invariant()
    def one_look_at_a_time(self) -> None:
        assert len(self.world.executing) <= 1

    @invariant()
    def no_call_is_judged_twice(self) -> None:
        judged = [name for window in self._covered() for name in self.world.reads[window]["traffic"]]
        assert len(judged) == len(set(judged))

    def teardown(self) -> None:
        """In the end everything was looked at."""
        self.world.wake(self.inbox)
        for _ in range(8):
            self.world.now += DAY + SETTLED
            self.world.wake([*(look for _, look in self.world.delayed), Look()])
            self.world.finish()
            self.world.wake([Look()])
        state = self.world.saved
        assert state.running is None
        assert state.asked == ()
        assert state.labels_at == 0
        judged = {name for window in self._covered() for name in self.world.reads[window]["traffic"]}
        assert judged == set(self.world.captured) - {
            name for name, at in self.world.captured.items() if at <= START
        }
        joined = {name for reads in self.world.reads.values() for name in reads["labels"]}
        recent = self.world.now - 14 * DAY
        assert joined >= {name for name, at in self.world.labels.items() if at >= recent}

    def _covered(self) -> list[str]:
        """The windows of looks that are over and have judged."""
        state, unjudged = self.world.saved, set(self.world.saved.unjudged)
        running = state.running.window if state.running else None
        return [
            window
            for window in self.world.written
            if window not in unjudged and window != running and window in self.world.reads
        ]


TestLooks = Looks.TestCase
TestLooks.settings = settings(
    max_examples=150, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
