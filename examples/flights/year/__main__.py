"""Play the year: `make demo-year`; `--fast` takes every fourth flight.

Ends with `RESULT {"drops", "executions", "auc_never", "auc_monthly", "auc_on_drift", "cost": {policy: usd}}`.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys

from rich.console import Console

from examples.flights.demo.platform import DemoFailed
from examples.flights.demo.timeline import Timeline
from examples.flights.year import page
from examples.flights.year.story import Story
from local import cloud

STATE = cloud.ROOT / ".sageloop" / "year"
# AWS waits minutes to watch a new model take its first traffic; here those waits pass this many times faster.
SPEED = 30.0
FAST = 4


def main() -> int:
    """January to December from an empty AWS, and the page; 0 if the year was as it must be."""
    parser = argparse.ArgumentParser(prog="python -m examples.flights.year", description=__doc__)
    parser.add_argument("--fast", action="store_true", help=f"every {FAST}th flight only")
    options = parser.parse_args()
    console, keep = Console(highlight=False), bool(os.environ.get("KEEP"))
    # A polite stop takes the platform with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    cloud.stop(STATE)
    shutil.rmtree(STATE, ignore_errors=True)
    timeline = Timeline(console)
    try:
        story = Story(timeline, state=STATE, speed=SPEED, every=FAST if options.fast else 1)
        year = story.play()
    except DemoFailed as failure:
        console.print(f"[red]The year stopped:[/] {failure}")
        return 1
    finally:
        if not keep:
            cloud.stop(STATE)
    year.seconds = timeline.elapsed()
    written = page.write(cloud.ROOT / ".sageloop" / "demo-year.html", year)
    console.print(f"A page to look at: {written.relative_to(cloud.ROOT)}")
    problems = year.problems()
    for problem in problems:
        console.print(f"[red]Missed:[/] {problem}")
    print("RESULT " + json.dumps(year.figures()))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
