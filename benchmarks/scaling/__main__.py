"""100,000 calls in a minute on an endpoint that begins with one instance; its scaling beside the simulator's.

The embedded AWS runs `SPEED` times as fast as AWS: a period of 60 s of its alarms, its cooldowns and its
metrics of a minute pass in 60 / SPEED seconds. Calls come in this machine's time, so a minute of that AWS
sees 1 / SPEED of those of a real minute, and the targets of the policies, which are calls a minute, are given
in its minutes. Nothing else is changed: calls are signed, checked, counted and answered by the platform's
image as always, and the instances are added by the endpoint's own target tracking policy.

`make bench-scale` ends with `RESULT {"calls", "errors", "instances_max", "simulator_max_error_instances"}`.
"""

import argparse
import json
import shutil
import signal
import sys
import time
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

import simulator
from benchmarks.scaling import chart
from benchmarks.scaling.comparison import Comparison, compare
from benchmarks.scaling.platform import Platform, running
from benchmarks.scaling.traffic import Sent, Traffic, send
from benchmarks.serving.model import benchmark_model
from cli.loadtest.load import Load
from local import cloud

SPEED = 12.0
STATE = cloud.ROOT / ".sageloop" / "scaling"
CALLS = 100_000
# It begins slowly, and opens connections for all calls of a second before the machine is at its limits.
MINUTE = Load(((0, 200), (5, 200), (25, 2_160), (60, 2_160)), ready_seconds=1.0)
# Calls a second that one instance is to have, in each of the two parts.
MINUTE_TARGET, TRACE_TARGET = 440.0, 40.0
MOST_INSTANCES = 8
# Out and in, in seconds of that AWS. While an alarm lasts its policy is invoked once a minute: with whole
# minutes it would be chance whether the cooldown ends just before or just after.
COOLDOWNS = (75, 270)
# Loads are near the middle of what a whole number of instances carries: at its edge chance would decide.
TRACES = (
    Traffic("ramp", Load(((0, 20), (10, 20), (50, 180), (75, 180)))),
    Traffic("flash crowd", Load(((0, 30), (15, 30), (16, 180), (45, 180), (46, 30), (60, 30)))),
    Traffic("up and down again", Load(((0, 30), (5, 30), (15, 140), (40, 140), (50, 30), (160, 30)))),
)
console = Console(highlight=False)


def main() -> int:
    """Run the minute, then the traces; 0 if every aim was met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--traces", type=int, default=len(TRACES), help="how many of the traces to follow")
    options = parser.parse_args()
    # A polite stop of the benchmark takes its platform with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    model, asked = benchmark_model()
    bodies = [(",".join(row) + "\n").encode() for row in asked.texts]
    shutil.rmtree(STATE, ignore_errors=True)
    with running(STATE, model.ml / "model", SPEED) as platform:
        sent, counted = _minute(platform, bodies)
        comparisons = [_trace(platform, traffic, bodies) for traffic in TRACES[: options.traces]]
    page = STATE.with_suffix(".html")
    chart.write(page, MINUTE, sent, comparisons)
    console.print(f"chart: {page}")
    worst = max((each.worst for each in comparisons), default=0)
    outcome = sent.outcome
    if counted != outcome.calls:
        console.print(f"CloudWatch counted {counted:,} calls, and {outcome.calls:,} were made.")
    figures = {
        "calls": outcome.calls,
        "errors": outcome.errors,
        "instances_max": sent.most,
        "simulator_max_error_instances": worst,
    }
    print("RESULT " + json.dumps(figures))
    sound = outcome.calls >= CALLS and not outcome.errors and counted == outcome.calls
    return 0 if sound and sent.most > 1 and worst <= 1 else 1


def _minute(platform: Platform, bodies: Sequence[bytes]) -> tuple[Sent, int]:
    """The load of 100,000 calls: what became of it, and the calls that CloudWatch counted."""
    endpoint = "minute"
    platform.serve(endpoint, MINUTE_TARGET * 60 / SPEED, MOST_INSTANCES, COOLDOWNS)
    begun = platform.cpu_seconds()
    sent = send(platform.caller, platform.root, endpoint, bodies, MINUTE)
    used = platform.cpu_seconds() - begun
    # The metrics of the last calls are put within a second.
    time.sleep(2)
    counted = platform.counted(endpoint)
    platform.remove(endpoint)
    console.print(_table(sent, counted, used))
    return sent, counted


def _table(sent: Sent, counted: int, cpu_seconds: float) -> Table:
    outcome = sent.outcome
    table = Table(title="100,000 calls in one minute, from one instance")
    table.add_column("figure")
    table.add_column("value", justify="right")
    table.add_row("calls planned", f"{MINUTE.calls:,.0f}")
    table.add_row("calls sent", f"{outcome.calls:,}")
    table.add_row("calls that found no connection", f"{outcome.unsent:,}")
    table.add_row("calls that CloudWatch counted", f"{counted:,}")
    table.add_row("answers by status", ", ".join(f"{k}: {v:,}" for k, v in outcome.statuses.items()))
    for name, latency in (("due", outcome.due), ("sent", outcome.sent)):
        if latency:
            shown = f"{latency.p50:.1f} / {latency.p99:.1f} / {latency.longest:.0f} ms"
            table.add_row(f"p50 / p99 / longest, from when {name}", shown)
    table.add_row(
        "CPU of the embedded AWS's front", f"{cpu_seconds / max(1, outcome.calls) * 1e6:.0f} µs a call"
    )
    table.add_row("instances, from … to", f"{sent.seen[0].instances} … {sent.most}")
    if outcome.generator_bound:
        table.add_row("this machine", "was short of CPU")
    return table


def _trace(platform: Platform, traffic: Traffic, bodies: Sequence[bytes]) -> Comparison:
    endpoint = traffic.name.replace(" ", "-")
    target = TRACE_TARGET * 60 / SPEED
    took = platform.serve(endpoint, target, MOST_INSTANCES, COOLDOWNS)
    sent = send(platform.caller, platform.root, endpoint, bodies, traffic.load)
    platform.remove(endpoint)
    fleet = simulator.Fleet(
        # How long an instance takes to start here is measured; the rest is far from its limits.
        simulator.Server(calls_per_minute=1e9, start_seconds=took * SPEED, stop_seconds=0.5 * SPEED),
        minimum=1,
        maximum=MOST_INSTANCES,
        initial=1,
        policies=[
            simulator.TargetTracking(
                target, scale_out_cooldown=float(COOLDOWNS[0]), scale_in_cooldown=float(COOLDOWNS[1])
            )
        ],
        monitoring=simulator.EMBEDDED,
    )
    compared = compare(traffic, SPEED, sent.counts, fleet)
    console.print(_counts(compared))
    console.print(
        f"{traffic.name}: {sent.outcome.calls:,} calls, {sent.outcome.errors} errors, "
        f"up to {sent.most} instances, simulated up to {compared.simulated.max()}; "
        f"at most {compared.worst} apart (an instance starts in {took * SPEED:.0f} s of that AWS's time)"
    )
    return compared


def _counts(compared: Comparison) -> Table:
    table = Table(title=f"{compared.traffic.name}: instances over time")
    for column in ("seconds of AWS's time", "calls/s", "seen", "simulated"):
        table.add_column(column, justify="right")
    for row in compared.rows():
        table.add_row(*(f"{value:.0f}" for value in row))
    return table


if __name__ == "__main__":
    sys.exit(main())
