"""Histories of a project, drawn by Hypothesis: events, people, clocks and faults in any interleaving."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from tests.histories.aws.client import Turn
from tests.histories.aws.sqs import Message
from tests.histories.deciding import Deciding
from tests.histories.projects import COOLDOWN, OR_AFTER, QUIET
from tests.histories.rest import end_trouble, problems, settle
from tests.histories.training import MOST_SKEW, POISON
from tests.histories.turmoil import SECONDS, TROUBLE, Wrong
from tests.histories.wiring import Wiring
from tests.histories.world import EXECUTION_CHANGED, OBJECT_CREATED, World

NAMES = st.sampled_from(["a.csv", "b.csv", "c.csv", "folder/d.csv"])
GOOD = (b"1", b"22", b"333")
CONTENTS = st.sampled_from([*GOOD, POISON])
OVERWRITTEN = st.just({"StartPipelineExecution": "overwritten"})
MOST = st.sampled_from([1, 100])
SERVICES = ("dynamodb", "dynamodb", "s3", "sqs", "events", "sagemaker", "cloudformation", "sns", "chat")
LONG_ENOUGH = QUIET + COOLDOWN
SKEW = st.sampled_from([0, 0, 0, -MOST_SKEW, MOST_SKEW])
UNREADABLE = st.sampled_from(
    ["{}", "[]", "null", "garbage", '{"source": "aws.s3"}', '{"source": "sageloop", "detail-type": "x"}']
)
# What AWS may fail to deliver, and what a sweep then has to find.
LOSABLE = (OBJECT_CREATED, EXECUTION_CHANGED)


class Broken(AssertionError):
    """A history ended where no history may end."""


class Histories(Deciding):
    """Everything that may happen to a project; subclasses say to which."""

    @initialize()
    def begin(self) -> None:
        self.world = World(self.wiring)
        self.played["histories"] = self.played.get("histories", 0) + 1

    @rule(seconds=SECONDS, number=st.integers(0, 9), trouble=TROUBLE, skew=SKEW, most=MOST)
    def wake(self, seconds: int, number: int, trouble: Wrong, skew: int, most: int) -> None:
        """Time passes, and one function takes what waits, while something goes wrong."""
        self.world.advance(seconds)
        names = self.world.functions.waiting()
        self.world.functions.skew = skew
        with self.with_trouble(trouble):
            self.world.functions.wake(names[number % len(names)], most)
        self.world.functions.skew = 0

    @rule(seconds=SECONDS, number=st.integers(0, 9), service=st.sampled_from(SERVICES))
    def wake_without(self, seconds: int, number: int, service: str) -> None:
        """Time passes, and one function takes what waits, while a service refuses everything."""
        self.world.advance(seconds)
        names = self.world.functions.waiting()
        self.world.account.points.down = frozenset({service})
        self.world.functions.wake(names[number % len(names)])
        self.world.account.points.down = frozenset()

    @rule(seconds=SECONDS)
    def wake_all(self, seconds: int) -> None:
        """Time passes, and every function takes what waits, without trouble."""
        self.world.advance(seconds)
        for name in self.world.functions.woken():
            self.world.functions.wake(name)

    @rule(bodies=st.dictionaries(NAMES, CONTENTS, min_size=1))
    def upload(self, bodies: Mapping[str, bytes]) -> None:
        for name, body in bodies.items():
            self.world.upload(name, body)

    @rule(name=NAMES, back=st.booleans())
    def take_away(self, name: str, back: bool) -> None:
        """A person deletes an object, or takes one back out of the quarantine."""
        if back:
            self.world.release(name)
        else:
            self.world.remove(name)

    @rule(
        what=st.sampled_from(["ask", "drift", "quality", "schedule", "replay", "deploy", "run"]), name=NAMES
    )
    def want(self, what: str, name: str) -> None:
        """Something other than a new object is a reason to train, or looks like one."""
        match what:
            case "ask":
                self.world.ask("because")
            case "drift" | "quality":
                self.world.want(what, f"{what} was found")
            case "schedule":
                self.world.tick("schedule-1")
            case "replay":
                self.world.replay(name)
            case "deploy":
                self.world.deploy_anew()
            case "run":
                self.world.run_by_hand()

    @rule(
        body=st.sampled_from(GOOD),
        trouble=TROUBLE | OVERWRITTEN,
        without=st.none() | st.sampled_from(SERVICES),
    )
    def train(self, body: bytes, trouble: Wrong, without: str | None) -> None:
        """A good file lands, and a model is made of it, unless something goes wrong at the start.

        While the file's event comes, a service may refuse everything.
        """
        world = self.world
        world.upload("good.csv", body)
        world.account.points.down = frozenset({without} if without else ())
        world.functions.wake("retrain")
        world.account.points.down = frozenset()
        world.advance(OR_AFTER if world.has_least else LONG_ENOUGH)
        with self.with_trouble(trouble):
            world.functions.wake("retrain")
        for execution in world.account.pipelines.executing():
            world.finish(execution)

    @precondition(lambda self: self.losable)
    @rule(data=st.data(), all_of_them=st.booleans())
    def lose(self, data: st.DataObject, all_of_them: bool) -> None:
        """Events of S3's or SageMaker's never come."""
        lost = self.losable if all_of_them else [data.draw(st.sampled_from(self.losable))]
        self.world.account.sqs.remove(self.world.queue, lost)
        self.world.lost += len(lost)

    @rule(how=st.sampled_from(["unreadable", "order", "twice", "late"]), data=st.data())
    def deliver_badly(self, how: str, data: st.DataObject) -> None:
        """Messages come out of order, late or twice, or hold what nobody can read."""
        name = data.draw(st.sampled_from(self.world.functions.woken()))
        queue = self.world.account.sqs.queues[self.wiring.function(name).queue]
        events = self.world.account.bus.events
        match how:
            case "unreadable":
                self.world.send_unreadable(name, data.draw(UNREADABLE))
            case "order":
                data.draw(st.randoms(use_true_random=False)).shuffle(queue.messages)
            case "twice" if events:
                self.world.account.bus.deliver(data.draw(st.sampled_from(events)))
            case "late" if queue.messages:
                data.draw(st.sampled_from(queue.messages)).visible_at = self.world.account.now + 7_200

    @precondition(lambda self: self.world.account.pipelines.executing())
    @rule(
        data=st.data(), seconds=SECONDS, fails=st.sampled_from([False, False, True]), approves=st.booleans()
    )
    def finish(self, data: st.DataObject, seconds: int, fails: bool, approves: bool) -> None:
        """An execution ends, and what it has made may be approved at once."""
        world = self.world
        world.advance(seconds)
        before = len(world.account.registry.packages)
        world.finish(data.draw(st.sampled_from(world.account.pipelines.executing())), fails=fails)
        if approves and len(world.account.registry.packages) > before:
            world.approve(before + 1)

    @rule(full=st.booleans())
    def fill_quota(self, full: bool) -> None:
        """The account takes no more executions, or takes them again."""
        self.world.account.pipelines.full = full

    @invariant()
    def nothing_is_wrong(self) -> None:
        self.played["steps"] = self.played.get("steps", 0) + 1
        if hasattr(self, "world") and self.world.wrong:
            self.fail(self.world.wrong)

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        try:
            if not self.world.wrong:
                end_trouble(self.world)
                settle(self.world)
                if found := list(problems(self.world)):
                    self.fail(found)
        finally:
            Turn.account = None

    def fail(self, found: Sequence[str]) -> NoReturn:
        """End a bad history, and remember how many were played before."""
        self.played.setdefault("found", self.played["histories"])
        raise Broken("; ".join(found))

    @property
    def losable(self) -> list[Message]:
        """The messages that may get lost."""
        return [
            message
            for message in self.world.account.sqs.queues[self.world.queue].messages
            if _kind(message.body) in LOSABLE
        ]


def machine_of(wiring: Wiring) -> type[Histories]:
    """The histories of one project."""
    return type("Histories", (Histories,), {"wiring": wiring, "played": {}})


def _kind(body: str) -> Any:
    try:
        event = json.loads(body)
    except ValueError:
        return None
    return event.get("detail-type") if isinstance(event, dict) else None
