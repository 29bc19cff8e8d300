"""sageloop approve: a model into service, by nothing but its approval."""

from dataclasses import dataclass
from typing import Annotated

import typer

from cli import approvals, output, projects, registry, session, taking_over
from cli.options import AsJson, Minutes, ProjectName, Wait


@dataclass(frozen=True)
class Approved:
    """A version that was approved; `needed` more people have to, beside `approvers`, before it serves."""

    version: int
    arn: str
    serves: bool
    approvers: tuple[str, ...] = ()
    needed: int = 0


def approve(
    version: Annotated[
        int | None,
        typer.Argument(help="Which version; by default the newest that waits.", show_default=False),
    ] = None,
    wait: Wait = True,
    timeout: Minutes = 60,
    project: ProjectName = None,
    as_json: AsJson = False,
) -> None:
    """Approve a model; the endpoint then changes to it by itself, and goes back if an alarm fires.

    Where two people have to approve, the second one does so with the same command.

    Example:  sageloop approve · sageloop approve 3 --no-wait
    """
    aws = session.connect()
    found = projects.find(aws, project)
    package = registry.find(aws, found.output("training", "ModelPackageGroup"), version)
    recorded = approvals.find(found)
    outcome = recorded.approve(aws, package.version) if recorded else None
    if outcome is None:
        registry.decide(aws, package.arn, "Approved", "Approved on the command line")
    needed = outcome.needed if outcome else 0
    serves = wait and not needed and "serving" in found.stacks
    took = taking_over.wait(aws, found.name, package, timeout) if serves else ""
    if needed:
        said = f"needs the approval of {needed} more person, by `sageloop approve {package.version}`"
    else:
        said = f"serves after {took}" if serves else "is approved"
    approvers = outcome.approvers if outcome else ()
    result = Approved(package.version, package.arn, serves, approvers, needed)
    output.show(result, f"Version {package.version} of {found.name} {said}.", as_json=as_json)
