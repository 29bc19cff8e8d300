"""sageloop status: everything about a project on one screen."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from cli import output, overview, projects, session
from cli.alarms import Alarm
from cli.endpoint import Endpoint, Rollout, Shadow
from cli.executions import Execution
from cli.options import AsJson, ProjectName
from cli.overview import Batch, Data, Status
from cli.registry import Package
from cli.waiting import Waiting

CAUSES = 3


def status(project: ProjectName = None, as_json: AsJson = False) -> None:
    """Show a project: its data, its last run, its models and its endpoint.

    Example:  sageloop status · sageloop status --json | jq .endpoint.version
    """
    aws = session.connect()
    with output.messages.status("Looking ..."):
        everything = projects.find_all(aws)
        one = projects.chosen(everything, project)
        found = overview.look(aws, one, [each.name for each in everything])
    output.show(found, _view(found), as_json=as_json)


def _view(found: Status) -> Group:
    rows = Table.grid(padding=(0, 2))
    rows.add_column(style="bold")
    rows.add_column(overflow="fold")
    rows.add_row("Stacks", _stacks(found.stacks))
    rows.add_row("Data", _data_line(found.data))
    if found.data and found.data.quarantined:
        rows.add_row("Quarantine", _quarantine_line(found.data))
    rows.add_row("Training", _run_line(found.run, found.waiting))
    if found.batch:
        rows.add_row("Batch", _batch_line(found.batch))
    else:
        rows.add_row("Endpoint", _endpoint_line(found.endpoint))
    if found.endpoint and found.endpoint.rollout:
        rows.add_row("Rollout", _rollout_line(found.endpoint.rollout, found.alarms))
    if found.endpoint and found.endpoint.shadow:
        rows.add_row("Shadow", _shadow_line(found.endpoint.shadow))
    for title, rejection in (("Rolled back", found.rollback), ("Not deployed", found.not_deployed)):
        if rejection:
            rows.add_row(title, Text(f"version {rejection.version}: {rejection.reason}", "red"))
    if found.alarms:
        rows.add_row("Alarms", _alarm_lines(found.alarms))
    if found.api:
        rows.add_row("API", f"POST {found.api}predict")
    parts: list[RenderableType] = [Text(f"{found.project} ({found.region})", style="bold"), rows]
    if found.packages:
        parts.append(Padding(_models(found.packages, found.batch or found.endpoint), (1, 0, 0, 0)))
    return Group(*parts)


def _stacks(stacks: dict[str, str]) -> Text:
    troubled = {role: word for role, word in stacks.items() if word not in output.GOOD}
    if not troubled:
        return Text(f"{len(stacks)} deployed")
    return Text(", ").join(Text.assemble(f"{role} ", output.status(word)) for role, word in troubled.items())


def _data_line(data: Data | None) -> str:
    if data is None:
        return "no storage yet"
    if not data.objects:
        return f"none yet in s3://{data.bucket}/data/"
    several = "objects" if data.objects > 1 else "object"
    more = " at least" if data.more else ""
    size, newest = output.size(data.bytes), output.time(data.newest)
    return f"{data.objects} {several}{more}, {size}, newest {newest}, in s3://{data.bucket}/data/"


def _quarantine_line(data: Data) -> Text:
    several = "objects were" if data.quarantined > 1 else "object was"
    return Text(f"{data.quarantined} {several} refused: see `sageloop quarantine`", style="red")


def _run_line(run: Execution | None, waiting: Waiting | None) -> Text:
    line = Text("no run yet")
    if run:
        took = output.seconds(run.started, run.ended)
        line = Text.assemble(
            output.status(run.status),
            f" since {output.time(run.started)}" + (f", took {took}" if took else ""),
        )
    if run and run.failure:
        line.append(f"\n{run.failure}", style="red")
    if waiting and waiting.requests:
        line.append_text(_waiting_lines(waiting))
    return line


def _waiting_lines(waiting: Waiting) -> Text:
    """What waits for a run, and why it does not start."""
    several = "requests wait for their" if waiting.requests > 1 else "request waits for its"
    lines = Text(f"\n{waiting.requests} new {several} run", style="yellow")
    for cause in waiting.causes[:CAUSES]:
        by = f" ({cause.who})" if cause.who else ""
        lines.append(f"\n  {cause.kind}: {cause.reason}{by}", style="dim")
    if waiting.why:
        lines.append(f"\n{waiting.why}", style="yellow")
    return lines


def _batch_line(batch: Batch) -> str:
    if batch.version is None:
        return "none: approve a model with `sageloop approve`"
    return f"version {batch.version} predicts the files below rows/ ({batch.pipeline})"


def _endpoint_line(served: Endpoint | None) -> Text:
    if served is None:
        return Text("none: approve a model with `sageloop approve`")
    line = Text.assemble(
        output.status(served.status),
        f" version {served.version}" if served.version else "",
        f", {_size(served)}",
    )
    if served.differs:
        asked = f"version {served.asked}" if served.asked else "no model"
        line.append(f"\nits stack asks for {asked}: deploy it again, or see who changed it", style="red")
    if "ROLLBACK" in served.change:
        line.append("\nthe last change was rolled back", style="red")
    if served.failure:
        line.append(f"\n{served.failure}", style="red")
    return line


def _size(served: Endpoint) -> str:
    if served.at_once is None:
        return f"{served.instances} of {served.wanted_instances} instances"
    return f"up to {served.at_once} calls at once" + (f", {served.warm} of them warm" if served.warm else "")


def _rollout_line(rollout: Rollout, firing: Sequence[Alarm]) -> Text:
    """Who takes over, how far that is, and what would take it back."""
    traffic = "" if rollout.traffic is None else f"{rollout.traffic:.0%} of the calls, "
    line = Text.assemble(
        (f"version {rollout.version}" if rollout.version else "another model", "yellow"),
        f" {rollout.stage}: {traffic}{rollout.instances} of {rollout.wanted_instances} new instances",
        f", since {output.time(rollout.since)}" if rollout.since else "",
    )
    if rollout.message:
        line.append(f"\n{rollout.message}", style="dim")
    if rollout.guards:
        fired = {alarm.name for alarm in firing}
        line.append("\nguarded by ")
        line.append_text(
            Text(", ").join(Text(name, style="red" if name in fired else "green") for name in rollout.guards)
        )
    return line


def _shadow_line(shadow: Shadow) -> Text:
    """Who is compared with what serves, and with how many calls."""
    return Text.assemble(
        (f"version {shadow.version}" if shadow.version else "another model", "yellow"),
        f" is compared: it gets copies of {shadow.share:.0%} of the calls, on {shadow.instances} of "
        f"{shadow.wanted_instances} instances",
    )


def _alarm_lines(firing: Sequence[Alarm]) -> Text:
    return Text("\n").join(
        Text.assemble((alarm.name, "red"), f" since {output.time(alarm.since)}: {alarm.description}")
        for alarm in firing
    )


def _models(packages: Sequence[Package], served: Endpoint | Batch | None) -> Table:
    rows = [
        (
            f"v{one.version}",
            output.status(one.approval),
            f"{one.metric} {one.value:.4f}" if one.value is not None else "",
            output.time(one.created),
            "in service" if served and served.version == one.version else one.note,
        )
        for one in packages
    ]
    return output.table(["Model", "Approval", "Score", "Registered", ""], rows)
