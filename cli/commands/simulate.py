"""sageloop simulate: what the scaling policy of the endpoint makes of a day, a crowd or an outage."""

import webbrowser
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cli import declared, output, planning
from cli.commands.plan import DeclaredProject
from cli.errors import CommandError
from cli.options import AsJson

if TYPE_CHECKING:
    from declaration import Capacity, Endpoint
    from declaration.measured import Measured
    from simulator import Fleet, Simulation
    from simulator.traces import Trace

# A zone is out from half an hour on, for half an hour, of two hours.
OUTAGE_BEGIN, OUTAGE_END, OUTAGE_SECONDS = 1_800.0, 3_600.0, 7_200.0
# Where nothing is measured: an answer of one row, on an instance with nothing else to do.
CALL_MS = 5.0
LATE_MS = 1_000.0


@dataclass(frozen=True)
class Report:
    """A simulation in sum, and minute by minute (the mean load, the fewest instances, the calls of each)."""

    project: str
    trace: str
    instance: str
    hours: float
    calls: int
    late: int
    dropped: int
    instances_min: int
    instances_max: int
    instance_hours: float
    usd: float | None
    fixed_instances: int
    fixed_usd: float | None
    calls_per_minute: list[float]
    instances: list[int]
    late_by_minute: list[float]
    dropped_by_minute: list[float]


def simulate(
    trace: Annotated[
        str, typer.Option(help="day, flash, zone, constant, or a CSV file of calls a minute.")
    ] = "day",
    calls_per_minute: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=100_000_000,
            help="The load to plan for, and the trace's peak; by default the declared one.",
            show_default=False,
        ),
    ] = None,
    times: Annotated[
        float, typer.Option(min=0.01, max=100, help="How many times more calls come than were planned for.")
    ] = 1.0,
    start_seconds: Annotated[
        float, typer.Option(min=0, max=3_600, help="How long a new instance takes until it answers.")
    ] = 240.0,
    html: Annotated[Path | None, typer.Option(help="Draw it on a page, into this file.")] = None,
    open_: Annotated[bool, typer.Option("--open", help="Open that page in the browser.")] = False,
    project: DeclaredProject = None,
    app: declared.App = None,
    as_json: AsJson = False,
) -> None:
    """Follow the declared endpoint through traffic by AWS's scaling rules: instances, late calls and cost.

    Example:  sageloop simulate --trace flash --html flash.html · sageloop simulate --trace july.csv
    """
    from declaration import Endpoint

    if open_ and html is None:
        raise typer.BadParameter("only a page can be opened: name its file with --html.", param_hint="--open")
    found = declared.project(app, project)
    if not isinstance(found.endpoint, Endpoint):
        raise CommandError(f"{found.name} declares no Endpoint, and nothing else is scaled by instances.")
    endpoint = planning.changed(found.endpoint, calls_per_minute, None)
    capacity = endpoint.capacity_by(found.measured)
    loads, step = _trace(trace, times * capacity.calls_per_minute, times)
    call_ms = _call_ms(endpoint, found.measured)
    fleet = _fleet(endpoint, capacity, call_ms, start_seconds, outage=trace == "zone")

    from simulator import simulate as run

    with output.messages.status("Simulating ..."):
        result = run(fleet, loads, step)
    report = _report(found.name, trace, capacity, result)
    if html is not None:
        from cli.pages import simulation as page

        page.write(html, report)
    output.show(asdict(report), _view(report, capacity, html), as_json=as_json)
    if html is not None and open_:
        webbrowser.open(html.resolve().as_uri())


def _trace(name: str, peak: float, times: float) -> "tuple[Trace, float]":
    """The loads of a trace and the seconds of its step; raises CommandError for a file that is none."""
    from simulator import traces

    if name == "day":
        return traces.day(peak, 5.0), 5.0
    if name == "flash":
        return traces.flash(peak, 1.0), 1.0
    if name in ("zone", "constant"):
        return traces.constant(peak, OUTAGE_SECONDS, 1.0), 1.0
    try:
        return times * traces.from_csv(Path(name), 5.0), 5.0
    except traces.TraceError as error:
        raise CommandError(f"{error} Or choose day, flash, zone or constant.") from error


def _call_ms(endpoint: "Endpoint", measured: "Measured | None") -> float:
    """How long a call takes with nothing before it: measured, or else well below what 99 of 100 may take."""
    if measured is not None:
        return measured.p50_ms
    return min(CALL_MS, endpoint.p99_ms / 2) if endpoint.p99_ms else CALL_MS


def _fleet(
    endpoint: "Endpoint", capacity: "Capacity", call_ms: float, start_seconds: float, *, outage: bool
) -> "Fleet":
    """The endpoint as it would be deployed."""
    from declaration.capacity import SCALE_IN_COOLDOWN, SCALE_OUT_COOLDOWN
    from declaration.instances import vcpus
    from simulator import Fleet, Outage, Policy, Scheduled, Server, Step, StepScaling, TargetTracking

    on_calls = endpoint.scale_on == "calls" or capacity.concurrency is None
    policies: list[Policy] = []
    if capacity.autoscaled:
        policies.append(
            TargetTracking(
                target=capacity.target if on_calls else capacity.concurrency or 1.0,
                metric="calls" if on_calls else "concurrency",
                scale_out_cooldown=SCALE_OUT_COOLDOWN,
                scale_in_cooldown=SCALE_IN_COOLDOWN,
            )
        )
    if capacity.minimum == 0:
        first = Step(endpoint.min_instances, low=0.0)
        policies.append(
            StepScaling(
                0.0,
                [first],
                metric="unserved",
                periods=1,
                cooldown=SCALE_OUT_COOLDOWN,
                aggregation="Maximum",
            )
        )
    scheduled = []
    if (hours := endpoint.busy_hours) and capacity.busy is not None:
        # The trace begins at midnight of such a day, and the floor rises 15 minutes early.
        begin = max(0.0, hours.start * 3600.0 - 900.0)
        scheduled = [Scheduled(begin, capacity.busy), Scheduled(hours.end * 3600.0, capacity.minimum)]
    server = Server(
        capacity.calls_per_instance,
        p50_ms=call_ms,
        vcpus=vcpus(capacity.instance),
        start_seconds=start_seconds,
        usd_per_hour=capacity.usd_per_hour or 0.0,
    )
    return Fleet(
        server,
        capacity.minimum,
        capacity.maximum,
        policies,
        initial=capacity.initial,
        scheduled=scheduled,
        outages=[Outage(OUTAGE_BEGIN, OUTAGE_END)] if outage else [],
        late_ms=float(endpoint.p99_ms or LATE_MS),
    )


def _report(project: str, trace: str, capacity: "Capacity", result: "Simulation") -> Report:
    import numpy as np

    steps = max(1, round(60 / result.step_seconds))
    edges = range(0, len(result.instances), steps)
    hours = len(result.instances) * result.step_seconds / 3600
    # What a fleet without scaling would need for the peak.
    fixed = max(capacity.minimum, int(np.ceil(result.calls_per_minute.max() / capacity.target)))
    price = capacity.usd_per_hour
    return Report(
        project,
        trace,
        capacity.instance,
        round(hours, 3),
        round(result.calls),
        round(result.late_calls),
        round(result.dropped_calls),
        int(result.instances.min()),
        int(result.instances.max()),
        round(result.instance_hours, 2),
        None if price is None else round(result.cost, 2),
        fixed,
        None if price is None else round(fixed * hours * price, 2),
        [round(float(result.calls_per_minute[at : at + steps].mean()), 1) for at in edges],
        [int(result.instances[at : at + steps].min()) for at in edges],
        [round(float(result.late[at : at + steps].sum()), 1) for at in edges],
        [round(float(result.dropped[at : at + steps].sum()), 1) for at in edges],
    )


def _time(hours: float) -> str:
    return f"{hours:g} h" if hours >= 1 else f"{hours * 60:.3g} min"


def _view(report: Report, capacity: "Capacity", html: Path | None) -> Group:
    def share(count: int) -> str:
        return f"{count:,} ({count / report.calls:.3%})" if report.calls else f"{count:,}"

    def money(usd: float | None) -> str:
        return "no price is known" if usd is None else f"{usd:,.2f} USD"

    rows: list[tuple[RenderableType, ...]] = [
        ("Calls", f"{report.calls:,} in {_time(report.hours)}"),
        ("Instances", f"{report.instances_min:,} to {report.instances_max:,} of {report.instance}"),
        ("Late", share(report.late)),
        ("Dropped", Text(share(report.dropped), style="red" if report.dropped else "")),
        ("Instance hours", f"{report.instance_hours:,.1f}"),
        ("Cost", f"{money(report.usd)}; {report.fixed_instances:,} always: {money(report.fixed_usd)}"),
    ]
    head = Text(f"{report.project} through {report.trace}, simulated by AWS's scaling rules", style="bold")
    known = f"One instance carries {capacity.calls_per_instance:,} calls/min ({capacity.known_from})"
    grid = Table.grid(padding=(0, 2))
    for row in rows:
        grid.add_row(*row)
    parts: list[RenderableType] = [head, Text(known), grid]
    if html is not None:
        parts.append(Text(str(html)))
    return Group(*parts)
