"""Lives of a project, step by step: everything that its functions do happens in one of them.

Played undisturbed a life says which calls there are; played again with a fault at one of them, it must end
the same.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.histories.aws.client import Turn
from tests.histories.aws.points import Trouble
from tests.histories.rest import settle
from tests.histories.training import DATA, POISON, QUARANTINE
from tests.histories.wiring import Wiring
from tests.histories.world import World

Step = Callable[[World], None]


@dataclass(frozen=True)
class End:
    """What a life comes to: what was read, made, served, put aside, told and dead; not when or how often."""

    executions: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]
    packages: tuple[tuple[int, str], ...]
    served: tuple[str, ...]
    data: tuple[str, ...]
    quarantine: tuple[str, ...]
    told: frozenset[str]
    mails: frozenset[str]
    posted: frozenset[tuple[str, str]]
    dead: frozenset[str]


def lives_of(wiring: Wiring) -> Mapping[str, Mapping[str, Step]]:
    """The lives that the project can have: who sees calls change, and who compares models."""
    lacks = set() if f"{wiring.project}-monitor" in wiring.functions else {"calls that change"}
    lacks |= set() if wiring.compares else {"a model that answers otherwise"}
    return {name: steps for name, steps in LIVES.items() if name not in lacks}


def play(wiring: Wiring, steps: Mapping[str, Step], at: Mapping[int | str, Trouble]) -> World:
    """Play the steps, each until all is at rest, with what goes wrong `at` calls by their numbers."""
    world = World(wiring)
    world.account.points.at = dict(at)
    try:
        for name, step in steps.items():
            try:
                step(world)
                settle(world)
            except AssertionError as error:
                error.add_note(f"in the life's step: {name}")
                raise
    finally:
        Turn.account = None
    return world


def end_of(world: World) -> End:
    """What the life came to."""
    account = world.account
    registry = account.registry
    return End(
        executions=tuple(
            (start.execution.status, tuple(sorted(start.contents.items()))) for start in world.training.starts
        ),
        packages=tuple((version, registry.status(version)) for version in sorted(registry.packages)),
        served=tuple(account.cloudformation.served),
        data=tuple(account.s3.keys(world.incoming, DATA)),
        quarantine=tuple(account.s3.keys(world.incoming, QUARANTINE)),
        told=frozenset(_said(event) for event in account.bus.events if _is_news(event)),
        mails=frozenset(message["Subject"] for message in account.sns.published),
        posted=frozenset((chat, text.partition("\n")[0]) for chat, text in account.chats.posted),
        dead=frozenset(message.body for message in world.dead_letters()),
    )


def _is_news(event: Mapping[str, Any]) -> bool:
    """Whether people may hear of it.

    That an event came again, when its object was read, is for the logs; and that an approval is complete
    wakes promotion, as the registry may have done already.
    """
    late = event["detail-type"] == "Retrain Skipped" and event["detail"]["kinds"] == ["data"]
    return event["source"] == "sageloop" and event["detail-type"] != "Approval Complete" and not late


def _said(event: Mapping[str, Any]) -> str:
    """What an event of ours says, without what differs from life to life."""
    kept = ("kind", "kinds", "reason", "status", "version", "objects", "execution")
    return json.dumps([event["detail-type"], {key: event["detail"].get(key) for key in kept}], sort_keys=True)


def _upload(name: str, body: bytes) -> Step:
    return lambda world: world.upload(name, body)


def _upload_bad_and_good(world: World) -> None:
    world.upload("bad.csv", POISON + b" 1")
    world.upload("good.csv", b"333")


def _send_unreadable(world: World) -> None:
    for function in world.functions.woken():
        world.send_unreadable(function, f"garbage for {function}")


def _ask_for_one_that_breaks(world: World) -> None:
    world.training.breaks = True
    world.ask("because")


def _approve(world: World, version: int) -> None:
    """As many people as it takes approve a version, each as often as it takes to be heard."""
    people = world.people
    if not people.needed:
        world.approve(version)
        return
    _heard(lambda: people.decide(version, "ann", "approve"))
    link = people.links()[-1]
    _heard(lambda: people.open(link))
    _heard(lambda: people.follow(link, "approve"))


def _heard(call: Callable[[], int]) -> None:
    """Call until the answer is one; what was decided is then written down."""
    for _ in range(3):
        if call() in (200, 202):
            return
    raise AssertionError("the API of approvals does not answer")


def _approve_newest(world: World) -> None:
    _approve(world, max(world.account.registry.packages))


def _approve_one_that_breaks(world: World) -> None:
    registry = world.account.registry
    world.account.cloudformation.broken.add(registry.arn(max(registry.packages)))
    _approve(world, max(registry.packages))


def _approve_one_that_answers_otherwise(world: World) -> None:
    registry = world.account.registry
    world.comparing.unlike.add(registry.arn(max(registry.packages)))
    _approve(world, max(registry.packages))


def _drift(world: World) -> None:
    """The calls of a day are unlike the training rows, and a look is due."""
    world.watching.drifting = True
    world.watching.call(3)
    world.advance(90_000)
    world.tick("look")


def _drift_beside_new_data(world: World) -> None:
    world.upload("c.csv", b"4444")
    _drift(world)


def _become_worse(world: World) -> None:
    """The truth arrives about calls that were answered badly."""
    world.watching.drifting, world.watching.worse = False, True
    world.watching.call(2)
    world.advance(600)
    world.watching.label()


def _be_silent(world: World) -> None:
    """Nobody calls for a day."""
    world.watching.worse = False
    world.advance(90_000)
    world.tick("look")


def _take_back(world: World) -> None:
    """As `sageloop rollback` does: what is newer than the version to go back to is rejected, oldest first."""
    if 1 not in world.approved():
        _approve(world, 1)
    for version in [version for version in world.approved() if version > 1]:
        world.reject(version)


FIRST: Mapping[str, Step] = {
    "the first data": _upload("a.csv", b"1"),
    "the first approval": _approve_newest,
}
LIVES: Mapping[str, Mapping[str, Step]] = {
    "a second model": {
        **FIRST,
        "more data": _upload("b.csv", b"22"),
        "the second approval": _approve_newest,
        "a person goes back to the first version": _take_back,
    },
    "bad files": {
        **FIRST,
        "a bad file beside a good one": _upload_bad_and_good,
        "nothing but a bad file": _upload("worse.csv", POISON + b" 2"),
        "messages that nobody can read": _send_unreadable,
        "a run that breaks": _ask_for_one_that_breaks,
    },
    "nothing new": {
        "the first data": FIRST["the first data"],
        "a person asks": lambda world: world.ask("because"),
        "the schedule": lambda world: world.tick("schedule-1"),
        "another definition of the pipeline": lambda world: world.deploy_anew(),
        "the schedule trains the new definition": lambda world: world.tick("schedule-1"),
    },
    "calls that change": {
        **FIRST,
        "drift is found, and nothing is new": _drift,
        "drift is found, and there is new data": _drift_beside_new_data,
        "the answers become worse": _become_worse,
        "nobody calls": _be_silent,
    },
    "a bad deployment": {
        **FIRST,
        "more data": _upload("b.csv", b"22"),
        "an approval that is rolled back": _approve_one_that_breaks,
    },
    "a model that answers otherwise": {
        **FIRST,
        "more data": _upload("b.csv", b"22"),
        "an approval that does not survive the comparison": _approve_one_that_answers_otherwise,
        "other data": _upload("c.csv", b"333"),
        "an approval that does": _approve_newest,
    },
}
