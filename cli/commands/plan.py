"""sageloop plan: instances, scaling and cost for a load, before anything is deployed."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from cli import declared, output, planning
from cli.errors import CommandError
from cli.options import AsJson
from cli.planning import Candidate, Plan

if TYPE_CHECKING:
    from declaration import Endpoint
    from declaration.measured import Measured

DeclaredProject = Annotated[
    str | None,
    typer.Option("--project", "-p", help="Which project, when app.py declares several.", show_default=False),
]


def plan(
    calls_per_minute: Annotated[
        int | None,
        typer.Option(
            min=1, max=100_000_000, help="The load; by default the declared one.", show_default=False
        ),
    ] = None,
    p99_ms: Annotated[
        int | None,
        typer.Option(min=1, max=60_000, help="What 99 of 100 calls may take.", show_default=False),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=100, help="How many instance types.")] = 6,
    project: DeclaredProject = None,
    app: declared.App = None,
    as_json: AsJson = False,
) -> None:
    """Say which instances carry the load, how they scale and what they cost, with the arithmetic.

    It takes what `sageloop loadtest --save` measured, and computes as `cdk deploy` does. No AWS is needed.

    Example:  sageloop plan · sageloop plan --calls-per-minute 100000 --p99-ms 50
    """
    endpoint, measured, name, is_declared, other = _endpoint(app, project, calls_per_minute)
    changed = planning.changed(endpoint, calls_per_minute, p99_ms)
    made = planning.plan(changed, measured, name, declared=is_declared)
    output.show(asdict(made), _view(made, limit, other), as_json=as_json)


def _endpoint(
    app: Path | None, project: str | None, calls_per_minute: int | None
) -> tuple["Endpoint", "Measured | None", str | None, bool, str]:
    """The declared endpoint, its measurement and project, whether it is one, and the arithmetic if not."""
    from declaration import Async, Endpoint, Serverless

    try:
        found = declared.project(app, project)
    except CommandError:
        # A load alone can be planned where nothing is declared yet.
        if calls_per_minute is None or app or project or _has_app():
            raise
        return Endpoint(calls_per_minute=calls_per_minute), None, None, False, ""
    if isinstance(found.endpoint, Endpoint):
        return found.endpoint, found.measured, found.name, True, ""
    load = calls_per_minute or getattr(found.endpoint, "calls_per_minute", None)
    if load is None:
        raise CommandError(f"{found.name} declares no load: name one with --calls-per-minute.")
    other = ""
    if isinstance(found.endpoint, Async | Serverless):
        other = f"Declared: {type(found.endpoint).__name__}\n{found.endpoint.explain()}"
    return Endpoint(calls_per_minute=load), found.measured, found.name, False, other


def _has_app() -> bool:
    try:
        declared.program(None)
    except CommandError:
        return False
    return True


def _view(made: Plan, limit: int, other: str) -> Group:
    of = f" for {made.project}" if made.project else ""
    within = f", 99 % of them within {made.p99_ms} ms" if made.p99_ms else ""
    parts: list[RenderableType] = [Padding(Text(other), (0, 0, 1, 0))] if other else []
    alike = "As a real-time endpoint: " if other else ""
    parts += [
        Text(f"{alike}{made.calls_per_minute:,} calls a minute{of}{within}", style="bold"),
        Text(_source(made), style="" if made.measured else "yellow"),
    ]
    shown = made.candidates[:limit]
    mine = next((each for each in made.candidates if each.declared), None)
    if mine and mine not in shown:
        shown = [*shown, mine]
    refusals = {each.refusal for each in shown}
    # What is wrong with all of them is said once.
    common = next(iter(refusals)) if len(refusals) == 1 else ""
    if common:
        parts.append(Text(f"Refused: {common}", style="red"))
    columns = ["Instance", "vCPU", "Count", "Floor to ceiling", "Target", "Headroom", "USD/month", ""]
    parts.append(Padding(output.table(columns, [_row(each, common) for each in shown]), (1, 0, 0, 0)))
    explained = list(dict.fromkeys([made.candidates[0], mine or made.candidates[0]]))
    for each in explained:
        title = "Cheapest" if each is made.candidates[0] else "Declared"
        parts.append(Padding(Text(f"{title}: {each.instance}\n{each.arithmetic}"), (1, 0, 0, 0)))
    kept = "calls a minute" if made.scale_on == "calls" else "calls at once"
    parts.append(
        Padding(
            Text(
                f"Scaling     keeps the {kept} of each instance at the target; after scaling out it waits "
                f"{made.scale_out_cooldown} s, after scaling in {made.scale_in_cooldown} s\n"
                f"Zones       {_zones(made.candidates[0].floor)}\nServerless  {made.serverless.why}"
            ),
            (1, 0, 0, 0),
        )
    )
    parts.append(Text("Prices are of us-east-1, to choose by and not to bill: check them.", style="dim"))
    return Group(*parts)


def _zones(floor: int) -> str:
    if floor == 0:
        return "no instance while nobody calls: the first calls after that are refused until one has started"
    if floor == 1:
        return "one instance, in one zone: while that is out, nobody answers"
    return f"{floor:,} instances at least, in two zones"


def _source(made: Plan) -> str:
    if made.measured:
        return f"Measured: {made.measured.described()}"
    return (
        "Not measured: 30,000 calls a minute are trusted to a vCPU, or what app.py says. "
        "Measure with `sageloop loadtest --find --save`."
    )


def _row(each: Candidate, common: str) -> tuple[RenderableType, ...]:
    remark = Text("declared", style="green") if each.declared else Text("")
    if each.refusal != common:
        remark = Text(f"refused: {each.refusal}", style="red")
    return (
        each.instance,
        str(each.vcpus),
        f"{each.count:,}",
        f"{each.floor:,} to {each.ceiling:,}",
        f"{each.target:,.0f}",
        planning.headroom(each.headroom),
        "?" if each.usd_per_month is None else f"{each.usd_per_month:,.0f}",
        remark,
    )
