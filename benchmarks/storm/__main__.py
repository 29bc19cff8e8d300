"""A storm of object events, twice, shuffled and late, and the one training that covers it: `make storm`.

10,000 objects land within a minute in the embedded AWS's S3, whose events go the way that they go on AWS:
EventBridge, the queue, the function, StartPipelineExecution. 2,000 of the events come twice and out of
order, 100 once more after the execution has ended. Then one event comes 1,000 times from 50 threads.

Ends with one line, `RESULT {"events", "executions", "max_in_flight", "start_calls", "uncovered_objects",
"events_per_s"}`.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from rich.console import Console

from benchmarks.storm.deployed import Platform
from benchmarks.storm.events import Repeater, Tap, send, send_by_many
from benchmarks.storm.outcome import A_STORM, SAME, Outcome, table
from benchmarks.storm.uploads import ROWS, names, put_all, rows
from examples.flights.demo.platform import DemoFailed, sageloop
from local import cloud

HERE = Path(__file__).resolve().parent
STATE = cloud.ROOT / ".sageloop" / "storm"
SPEED = 60.0
TWICE, LATE = 0.2, 100
THREADS = 50
PATIENCE = 600.0
Found = TypeVar("Found")
console = Console(highlight=False)


class Watch(threading.Thread):
    """Looks several times a second how many executions are in flight."""

    def __init__(self, platform: Platform) -> None:
        super().__init__(name="watch", daemon=True)
        self._platform, self._over = platform, threading.Event()
        self._most, self._looks = 0, 0

    def run(self) -> None:
        """Until it is stopped."""
        while not self._over.wait(0.5):
            self._most = max(self._most, self._platform.in_flight())
            self._looks += 1

    def stop(self) -> int:
        """The most that it saw; raises DemoFailed if it could not look any more."""
        if not self.is_alive():
            raise DemoFailed(f"the executions could not be listed after {self._looks} looks")
        self._over.set()
        self.join()
        return self._most


def main() -> int:
    """Deploy, let the storm come, and count; 0 if every promise was kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--objects", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=55.0, help="over how long they are put")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    options = parser.parse_args()
    console.print(f"seed {options.seed}")
    # A polite stop of the benchmark takes its platform with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    cloud.stop(STATE)
    shutil.rmtree(STATE, ignore_errors=True)
    try:
        os.environ.update(cloud.start(STATE, speed=SPEED).environment())
        sageloop("deploy", str(HERE / "app.py"))
        outcome = _play(options.objects, options.seconds, random.Random(options.seed))  # noqa: S311
    except DemoFailed as failure:
        console.print(f"[red]The storm could not be played:[/] {failure}")
        return 1
    finally:
        cloud.stop(STATE)
    console.print(table(outcome))
    problems = outcome.problems()
    for problem in problems:
        console.print(f"[red]Missed:[/] {problem}")
    print("RESULT " + json.dumps(outcome.figures()))
    return 1 if problems else 0


def _play(objects: int, seconds: float, dice: random.Random) -> Outcome:
    platform, outcome = Platform(), Outcome(objects=objects, repeated=round(objects * TWICE))
    tap = Tap(platform, "data/twice/")
    repeater = Repeater(platform, tap, count=outcome.repeated, late=LATE, dice=dice)
    watch = Watch(platform)
    watch.start()
    repeater.start()
    keys = names(objects, outcome.repeated, dice)
    uploaded = put_all(platform, keys, seconds)
    repeater.join()
    outcome.uploads = uploaded.seconds
    outcome.sent, outcome.strange = repeater.sent, len(repeater.strange)
    _until("every event to be handled", lambda: not platform.waiting(), steps=0.1)
    outcome.handled = time.monotonic() - uploaded.began
    console.print(
        f"{objects:,} objects in {outcome.uploads:.1f} s, {outcome.sent:,} of their events a second time; "
        f"all handled after {outcome.handled:.1f} s"
    )
    if outcome.uploads > A_STORM:
        console.print("[yellow]This machine is too slow for a storm within a minute.[/]")
    _rest(platform, "the storm's training")
    _count(platform, outcome, set(keys))
    outcome.after_late = _late(platform, repeater.late[:LATE])
    outcome.after_same = _same(platform, outcome)
    outcome.max_in_flight = max(watch.stop(), platform.together())
    return outcome


def _count(platform: Platform, outcome: Outcome, put: set[str]) -> None:
    """What the storm has caused, once all is at rest."""
    outcome.matched, outcome.start_calls = platform.matched(), platform.start_calls()
    arns = [one["PipelineExecutionArn"] for one in platform.executions()]
    outcome.executions = len(arns)
    outcome.failures = [why for arn in arns if (why := platform.failure(arn))]
    outcome.uncovered = len(put)
    if arns and not outcome.failures:
        outcome.uncovered = len((put | platform.keys()) - platform.covered(arns[-1]))
        outcome.unread = len(put) * ROWS - platform.rows(arns[-1])


def _late(platform: Platform, bodies: list[str]) -> int:
    """Events of which the execution is long over come once more; the executions that this starts."""
    before = len(platform.executions())
    send(platform, bodies)
    _rest(platform, "late events")
    console.print(f"{len(bodies)} events came once more, late")
    return len(platform.executions()) - before


def _same(platform: Platform, outcome: Outcome) -> int:
    """One event of one new object comes very often, from many threads; the executions that this starts."""
    before = len(platform.executions())
    tap = Tap(platform, "data/same/")
    platform.s3.put_object(Bucket=platform.incoming, Key="data/same/one.csv", Body=rows(10**6))
    body = _until("the event", tap.take)[0]
    began = time.monotonic()
    send_by_many(platform, body, times=SAME, threads=THREADS)
    sent = time.monotonic() - began
    _until("the same event to be handled", lambda: not platform.waiting(), steps=0.1)
    outcome.same_handled = time.monotonic() - began
    console.print(
        f"one event {SAME:,} times from {THREADS} threads in {sent:.1f} s, "
        f"handled after {outcome.same_handled:.1f} s"
    )
    _rest(platform, "the same event")
    return len(platform.executions()) - before


def _rest(platform: Platform, what: str) -> None:
    """Until nothing waits, nothing is pending and nothing runs, for several looks in a row."""
    quiet = 0

    def still() -> bool:
        nonlocal quiet
        busy = platform.waiting() or platform.pending() or platform.in_flight()
        quiet = 0 if busy else quiet + 1
        return quiet >= 5

    _until(f"rest after {what}", still, steps=0.5)


def _until(what: str, look: Callable[[], Found | None], *, steps: float = 0.2) -> Found:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(steps)
    raise DemoFailed(f"waited {PATIENCE:.0f} s for {what}")


if __name__ == "__main__":
    sys.exit(main())
