"""sageloop monitor: what was asked of the model in service, and what its answers were worth."""

import json
import uuid
from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from cli import caller, checkout, looks, output, projects, session, storage
from cli.errors import CommandError
from cli.looks import Feature, Look, Quality, Watch
from cli.options import AsJson, ProjectName

# The columns that have changed most.
SHOWN = 12

Now = Annotated[bool, typer.Option("--now", help="Have the calls looked at now.")]
Page = Annotated[bool, typer.Option("--report", help="Download the page of the last look.")]


def monitor(
    now: Now = False, report: Page = False, project: ProjectName = None, as_json: AsJson = False
) -> None:
    """Show what the last look at the calls has found, or have them looked at now.

    Example:  sageloop monitor --now · sageloop monitor --report
    """
    aws = session.connect()
    found = projects.find(aws, project)
    if now:
        asked = {
            "source": "sageloop",
            "detail-type": "Look Requested",
            "id": str(uuid.uuid4()),
            "detail": {"who": caller.arn(aws)},
        }
        aws.client("sqs").send_message(
            QueueUrl=looks.require(found, "MonitorQueueUrl"), MessageBody=json.dumps(asked)
        )
        view = f"A look at the calls of {found.name} is requested; see it with `sageloop monitor`."
        output.show({"project": found.name, "request": asked["id"]}, view, as_json=as_json)
        return
    watch = looks.read(aws, found)
    if not report:
        output.show(watch, _view(found.name, watch), as_json=as_json)
        return
    if watch.last is None or not watch.last.report:
        raise CommandError(f"There is no page of a look at {found.name} yet: see `sageloop monitor`.")
    content = storage.read(aws, watch.last.report)
    if content is None:
        raise CommandError(f"The page of this look is gone: nothing lies at {watch.last.report}.")
    file = checkout.state() / "reports" / f"{found.name}-calls-{watch.last.window}.html"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    output.show(
        {"file": file, "uri": watch.last.report, "window": watch.last.window}, str(file), as_json=as_json
    )


def _view(name: str, watch: Watch) -> RenderableType:
    parts: list[RenderableType] = []
    if watch.running:
        parts.append(f"A look is under way, at the calls until {watch.running}.")
    elif watch.asked:
        parts.append("A look is requested.")
    if watch.last is None:
        parts.append(f"No look at the calls of {name} is over yet.")
    else:
        parts += _last(watch.last)
    return Group(*parts)


def _last(look: Look) -> list[RenderableType]:
    of = f"Calls until {look.window}, version {look.version}: "
    if look.failed:
        return [Text.assemble(of, Text("the look failed", style="red"), f": {look.failed}")]
    parts: list[RenderableType] = [Text.assemble(of, _verdict(look), f", {look.rows:,} rows. {look.reason}")]
    if look.quality:
        parts.append(_quality(look.quality))
    if look.features:
        by_change = sorted(look.features, key=lambda each: (not each.drifted, -(each.psi or 0.0)))
        columns = ["Column", "PSI", "Missing before", "now", "New categories", ""]
        parts.append(output.table(columns, [_row(each) for each in by_change[:SHOWN]]))
        if len(by_change) > SHOWN:
            parts.append(Text(f"and {len(by_change) - SHOWN} columns that changed less", style="dim"))
    return parts


def _verdict(look: Look) -> Text:
    if look.silent:
        return Text("silent", style="red")
    if look.drift is None:
        return Text("drift not judged", style="dim")
    return Text(look.drift, style={"clear": "green", "drifted": "red"}.get(look.drift, "yellow"))


def _quality(found: Quality) -> Text:
    if found.value is None:
        return Text(f"{found.metric}: not known yet, {found.labelled or 0:,} calls have a label")
    verdict = ("too few labels to judge", "yellow")
    if found.below is not None:
        verdict = ("too bad", "red") if found.below else ("good enough", "green")
    low, high = output.figure(found.low), output.figure(found.high)
    interval = f" ({low} to {high})" if low and high else ""
    bound = "" if found.bound is None else f", bound {output.figure(found.bound)}"
    share = "" if found.coverage is None else f", {found.coverage:.0%} of the calls"
    return Text.assemble(
        f"{found.metric} {output.figure(found.value)}{interval}{bound}: ",
        verdict,
        f" on {found.labelled or 0:,} labelled rows{share}",
    )


def _row(each: Feature) -> list[RenderableType]:
    return [
        each.name,
        output.figure(each.psi),
        _share(each.missing_before),
        _share(each.missing_now),
        _share(each.new_share),
        Text("drifted", style="red") if each.drifted else "",
    ]


def _share(share: float | None) -> str:
    return "" if share is None else f"{share:.1%}"
