"""Run the demo: `make demo`; `KEEP=1 make demo` leaves the platform up."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

from rich.console import Console

from examples.flights.demo import loop, page
from examples.flights.demo.platform import DemoFailed
from examples.flights.demo.timeline import Timeline
from local import cloud

CHECKOUT = Path(__file__).resolve().parents[3]
STATE = CHECKOUT / ".sageloop" / "demo"
# AWS waits minutes to watch a new model take its first traffic; here those waits pass this many times faster.
SPEED = 30.0


def main() -> int:
    """Run the loop from an empty AWS to the second model, and write the page."""
    console = Console(highlight=False)
    keep = bool(os.environ.get("KEEP"))
    if cloud.running(STATE):
        console.print(
            f"An earlier demo is still up: SAGELOOP_STATE={STATE.relative_to(CHECKOUT)} sageloop down"
        )
        return 1
    shutil.rmtree(STATE, ignore_errors=True)
    timeline = Timeline(console)
    try:
        result = loop.run(timeline, state=STATE, speed=SPEED)
    except DemoFailed as failure:
        console.print(f"[red]The loop stopped:[/] {failure}")
        return 1
    finally:
        if not keep:
            cloud.stop(STATE)
    left = [] if keep else loop.processes_of(STATE)
    if not keep:
        timeline.record("down", f"{len(left)} processes left", since=timeline.elapsed())
    result.total_s = round(timeline.elapsed(), 1)
    written = page.write(CHECKOUT / ".sageloop" / "demo.html", timeline, result)
    console.print(timeline.table())
    console.print(f"A page to look at: {written.relative_to(CHECKOUT)}")
    if keep:
        console.print(f"Go on with: export SAGELOOP_STATE={STATE.relative_to(CHECKOUT)}; sageloop status")
    print("RESULT " + json.dumps(result.figures()))
    problems = result.problems() + ([f"{len(left)} processes are left: {left}"] if left else [])
    for problem in problems:
        console.print(f"[red]Missed:[/] {problem}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
