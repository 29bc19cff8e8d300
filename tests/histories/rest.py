"""A history's end: no more trouble, until nothing is under way; and what must then be true."""

from collections.abc import Iterator
from itertools import pairwise

from tests.histories.projects import COOLDOWN, OR_AFTER, QUIET
from tests.histories.training import DATA, POISON, QUARANTINE
from tests.histories.world import OBJECT_CREATED, RUN_SECONDS, World, period

# A sweep looks for what got lost, each twelfth of them at the list of objects as well.
SWEEPS_PER_LIST = 12
MOST_TURNS = 2_000


def end_trouble(world: World) -> None:
    """From now on all goes well."""
    world.account.points.at.clear()
    world.account.points.down = frozenset()
    world.account.pipelines.full = False
    world.functions.skew = 0


def settle(world: World) -> None:
    """Play on until nothing waits, runs or is delivered; AssertionError if that never comes."""
    account = world.account
    # Some files may be too few only for so long.
    account.now += OR_AFTER if world.has_least else 0
    # What comes late is no fault of the functions.
    latest = max((message.visible_at for message in world.messages()), default=account.now)
    began, quiet_sweeps, starts = max(account.now, latest), 0, len(world.training.starts)
    wanted = SWEEPS_PER_LIST + 1 if world.lost else 2
    for _ in range(MOST_TURNS):
        deliver_all(world)
        world.end_what_is_due(RUN_SECONDS)
        deliver_all(world)
        if len(world.training.starts) > starts:
            starts, quiet_sweeps, world.last_start_after = len(world.training.starts), 0, account.now - began
        if (
            account.pipelines.executing()
            or account.cloudformation.in_progress
            or account.cloudformation.shadow
        ):
            # Of its end an event tells, and if that could not be dealt with, the sweep after it.
            quiet_sweeps = 0
        elif quiet_sweeps >= wanted and at_rest(world):
            return
        if step_to_next(world):
            quiet_sweeps += 1
    raise AssertionError("it never comes to rest")


def deliver_all(world: World) -> None:
    """Hand out every message that is visible."""
    for _ in range(MOST_TURNS):
        if sum(world.functions.wake(name) for name in world.functions.woken()) == 0:
            return
    raise AssertionError("functions wake each other for ever")


def at_rest(world: World) -> bool:
    """Whether no message waits and nothing runs."""
    account = world.account
    return (
        not world.messages()
        and not account.pipelines.executing()
        and not account.cloudformation.in_progress
        and not account.cloudformation.shadow
    )


def step_to_next(world: World) -> bool:
    """Let time pass until the next message, the end of an execution or the next sweep; True for a sweep."""
    account, sweep = world.account, world.wiring.rule("sweep")
    next_sweep = world.ticked + (period(sweep) if sweep else 900)
    moments = [message.visible_at for message in world.messages()]
    moments += [execution.started + RUN_SECONDS for execution in account.pipelines.executing()]
    at = min([next_sweep, *(moment for moment in moments if moment > account.now)])
    account.now = max(account.now, at)
    if account.now < next_sweep:
        return False
    world.sweep()
    return True


def problems(world: World) -> Iterator[str]:
    """What is wrong at rest, a sentence each."""
    yield from world.wrong
    yield from world.account.pipelines.strange
    yield from _uncovered(world)
    yield from _forgotten(world)
    yield from _late(world)
    yield from _lost_data(world)
    yield from _dead(world)
    yield from _not_in_service(world)
    yield from _served_unseen(world)
    yield from _served_unlike(world)
    yield from _unheard(world)
    yield from _untold(world)
    yield from _unposted(world)


def _uncovered(world: World) -> Iterator[str]:
    """Every object was read by an execution that started after it landed."""
    uncovered = [
        key for key in world.account.s3.keys(world.incoming, DATA) if not world.training.was_read(key)
    ]
    if uncovered:
        yield f"no execution has read {', '.join(uncovered)}"


def _forgotten(world: World) -> Iterator[str]:
    """Whoever asked for a training got one that started afterwards."""
    for asked in world.asked:
        if all(start.order < asked for start in world.training.ours):
            yield "a person asked for a training and got none"


def _late(world: World) -> Iterator[str]:
    """What is due starts soon, and what was lost is found within the hour."""
    sweep = 300
    bound = 2 * (QUIET + COOLDOWN + RUN_SECONDS + sweep) + 900
    if world.lost:
        bound += (SWEEPS_PER_LIST + 1) * sweep
    if world.last_start_after > bound:
        yield f"an execution started {world.last_start_after:.0f} s after the last trouble"


def _lost_data(world: World) -> Iterator[str]:
    """What was uploaded last under a name lies there, or in quarantine if it is bad."""
    s3 = world.account.s3
    for name, body in world.uploaded.items():
        there = s3.newest(world.incoming, f"{DATA}{name}")
        if there and there.body == body:
            continue
        put_aside = s3.newest(world.incoming, f"{QUARANTINE}{name}")
        if put_aside is None or put_aside.body != body or not body.startswith(POISON):
            yield f"the content of {name} is gone"


def _dead(world: World) -> Iterator[str]:
    """Only what cannot be read is a dead letter, and it is one after a single delivery."""
    dead = world.dead_letters()
    bodies = [message.body for message in dead]
    for body in world.malformed:
        if body not in bodies:
            yield f"the malformed message {body[:40]!r} is nowhere to be found"
    for message in dead:
        if message.body not in world.malformed and OBJECT_CREATED in message.body:
            yield f"a good event is a dead letter: {message.body[:80]}"


def _not_in_service(world: World) -> Iterator[str]:
    """The newest package that enough people approved serves."""
    approved = world.approved()
    serves = world.account.cloudformation.package
    if approved and serves != world.account.registry.arn(max(approved)):
        yield f"approved are {approved}, and in service is {serves or 'none'}"


def _served_unseen(world: World) -> Iterator[str]:
    """Nothing was in service that not as many different people have ever tried to approve as it takes."""
    needed = world.people.needed
    for arn in world.account.cloudformation.served:
        version = int(arn.rpartition("/")[2])
        if needed > 1 and len(world.people.tried.get(version, ())) < needed:
            yield f"version {version} went into service without {needed} people"


def _served_unlike(world: World) -> Iterator[str]:
    """No newer model took over whose answers were seen to be unlike those in service."""
    served = world.account.cloudformation.served
    for number, (before, arn) in enumerate(pairwise(served), start=1):
        newer = int(arn.rpartition("/")[2]) > int(before.rpartition("/")[2])
        if newer and world.comparing.seen.get(arn, len(served)) <= number:
            yield f"{arn} went into service, and answers otherwise than {before}"


def _unheard(world: World) -> Iterator[str]:
    """Each look that found a reason to train has said so."""
    said = {
        event["detail"]["id"]
        for event in world.account.bus.events
        if event["detail-type"] == "Retrain Wanted"
    }
    for wanted in world.watching.wanted:
        if wanted not in said:
            yield f"a look found a reason to train, and nobody heard: {wanted}"


def _untold(world: World) -> Iterator[str]:
    """People were told of each model that waits for them, and of nothing much more often than once."""
    registry = world.account.registry
    subjects = [message["Subject"] for message in world.account.sns.published]
    for version in registry.packages:
        told = subjects.count(f"{world.wiring.project}: version {version} waits for your decision")
        if not told and registry.status(version) == "PendingManualApproval":
            yield f"nobody was told that version {version} waits"
        if told > 1 + world.account.points.happened:
            yield f"people were told {told} times that version {version} waits"


def _unposted(world: World) -> Iterator[str]:
    """Each chat has got all that was published, and nothing much more often than once."""
    sns, posted = world.account.sns, world.account.chats.posted
    tell = world.wiring.function("tell").environment
    for chat in tell["WEBHOOKS"].split():
        texts = [text for name, text in posted if name == chat]
        published = [f"{message['Subject']}\n\n{message['Message']}" for message in sns.published]
        for text in published:
            if text not in texts:
                yield f"{chat} was not told: {text.splitlines()[0]}"
        if len(texts) > len(published) + world.account.points.happened:
            yield f"{chat} got {len(texts)} messages for {len(published)}"
