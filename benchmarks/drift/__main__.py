"""`make drift-study`: false alarms where nothing changed, ten planted changes, the real year; beside a peer.

Rows are flights of 2013. Where nothing may change they are drawn from the whole year in no order, so nothing
is known of what is usual in time and the rule has to do without. Each look compares 2,000 rows with 20,000 as
a daily one with one false alarm a year does, and windows of 500 rows come one by one until a change is told.
The peer, Evidently, has its defaults and gets the same rows, its reading of any column beside its verdict on
the data set. Where labels are known, quality is watched as well.

Ends with `RESULT {"false_alarm_rate", "power": {change: share}, "peer_power": {change: share}, …}`, where the
peer's power is that of any column. Exits 1 where 5 % of looks or more are false alarms, or where a change
that a column shows is found in less than nine of ten runs.
"""

import argparse
import json
import shutil
import signal
import sys
import time
from collections.abc import Mapping
from statistics import mean

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks.drift import page, peer_environment, study
from benchmarks.drift.peers import Peer
from benchmarks.drift.pool import pool
from benchmarks.drift.shifts import SHIFTS
from benchmarks.drift.study import Detector, Study
from benchmarks.tuning.data_sets import ROOT

STATE = ROOT / ".sageloop" / "bench" / "drift"
MOST_FALSE_ALARMS, LEAST_POWER = 0.05, 0.9
console = Console(highlight=False, width=120)


def main() -> int:
    """Measure everything; 0 if no floor is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.drift", description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--looks", type=int, default=200, help="at what never changed")
    parser.add_argument("--runs", type=int, default=20, help="of each change")
    parser.add_argument("--no-peer", action="store_true", help="leave Evidently out")
    options = parser.parse_args()
    if min(options.looks, options.runs) < 1:
        parser.error("--looks and --runs are 1 at least")
    # A polite stop takes the peer with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    shutil.rmtree(STATE, ignore_errors=True)
    there = not options.no_peer and _installed()
    began = time.monotonic()
    drawn = pool(STATE / "pool", options.seed)
    peer = Peer(STATE / "peer", processes=2) if there else None
    try:
        with Progress(console=console, transient=True) as progress:
            bar = progress.add_task("looks", total=len(study.trials(options.looks, options.runs)))
            found = study.play(
                drawn, peer, options.seed, options.looks, options.runs, STATE / "year",
                lambda: progress.advance(bar),
            )  # fmt: skip
    finally:
        if peer is not None:
            peer.stop()
    # Some hundred megabytes of rows that nobody reads any more.
    shutil.rmtree(STATE / "peer", ignore_errors=True)
    page.write(STATE / "drift.html", found)
    _show(found)
    missed = floors_missed(found)
    for floor in missed:
        console.print(f"[bold red]missed:[/] {floor}")
    console.print(f"seed {options.seed}, {time.monotonic() - began:.0f} s; drawn in {STATE / 'drift.html'}")
    print("RESULT " + json.dumps(figures(found)))
    return 1 if missed else 0


def _installed() -> bool:
    with console.status("installing the peer, if it is not there"):
        why = peer_environment.missing()
    if why:
        console.print(f"[bold yellow]Evidently is left out[/], as it cannot be installed: {why}")
    return not why


def floors_missed(found: Study) -> list[str]:
    """A sentence for each promise that is not kept."""
    alarms, missed = found.ours.alarms, []
    if alarms.share >= MOST_FALSE_ALARMS:
        missed.append(f"{alarms.count} of {alarms.of} looks at what never changed are alarms")
    missed += [
        f"{shift.name} is found in {found.ours.full[shift.name]:.0%} of runs"
        for shift in SHIFTS
        if shift.shown and found.ours.full[shift.name] < LEAST_POWER
    ]
    return missed


def figures(found: Study) -> dict[str, object]:
    """What the last line of the output says."""
    ours, labels, column, data_set = found.ours, found.with_labels, found.any_column, found.data_set
    return {
        "false_alarm_rate": ours.alarms.share,
        "false_alarm_interval": [round(end, 4) for end in ours.alarms.interval],
        "power": _rounded(ours.full),
        "peer_power": _rounded(column.full) if column else {},
        "peer_power_data_set": _rounded(data_set.full) if data_set else {},
        "power_half": _rounded(ours.half),
        "peer_power_half": _rounded(column.half) if column else {},
        "power_with_labels": _rounded(labels.full),
        "delay": _rounded(ours.delay),
        "delay_with_labels": _rounded(labels.delay),
        "peer_delay": _rounded(column.delay) if column else {},
        "false_alarm_rates": {
            each.name: {"rows_2000": each.alarms.share, "rows_500": each.alarms_of_windows.share}
            for each in _detectors(found)
        },
        "reported": {each.month: list(each.drifted) for each in found.year if each.drifted},
        "retrained": [each.month for each in found.year if each.retrained],
        "peer_reported": {each.month: each.peer for each in found.year if each.peer},
        "auc_never": round(mean(each.never for each in found.year), 4),
        "auc_on_drift": round(mean(each.kept for each in found.year), 4),
        "counts": {"looks": ours.alarms.of, "runs_of_a_change": found.runs, "of_the_peer": bool(column)},
    }


def _detectors(found: Study) -> list[Detector]:
    every = (found.ours, found.with_labels, found.any_column, found.data_set)
    return [each for each in every if each is not None]


def _rounded(shares: Mapping[str, float | None]) -> dict[str, float | None]:
    return {name: None if share is None else round(float(share), 3) for name, share in shares.items()}


def _show(found: Study) -> None:
    table = Table("change")
    every = _detectors(found)
    for each in every:
        table.add_column(f"{each.name}: full, half, delay", justify="right")
    for shift in SHIFTS:
        cells = [
            f"{each.full[shift.name]:.0%}  {each.half[shift.name]:.0%}  {_delay(each, shift.name)}"
            for each in every
        ]
        table.add_row(shift.name, *cells)
    console.print(table)
    console.print(f"{found.runs} runs of each change; delays in windows of 500 rows")
    for each in every:
        for rows, alarms in ((2000, each.alarms), (500, each.alarms_of_windows)):
            low, high = alarms.interval
            console.print(
                f"{each.name}: {alarms.count} false alarms in {alarms.of} looks at {rows:,} rows, "
                f"{alarms.share:.1%} ({low:.1%} to {high:.1%} with 95 % confidence)"
            )
    for month in found.year:
        then = "; learns again" if month.retrained else ""
        theirs = "" if month.peer is None else f"; Evidently: {month.peer} of {month.watched} columns"
        console.print(
            f"2013-{month.month:02}  AUC {month.never:.4f} never, {month.kept:.4f} in service  "
            f"{month.reason}{then}{theirs}"
        )


def _delay(detector: Detector, name: str) -> str:
    after = detector.delay.get(name)
    return "  -" if after is None else f"{after:.1f}"


if __name__ == "__main__":
    sys.exit(main())
