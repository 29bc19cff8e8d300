"""sageloop approve: a model into service, by nothing but its approval."""

import time
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from cli import endpoint, output, projects, registry, session
from cli.errors import CommandError
from cli.options import AsJson, ProjectName
from cli.registry import Package, version_of

if TYPE_CHECKING:
    import boto3

POLL_SECONDS = 1.0
BROKEN = ("CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "UPDATE_FAILED", "UPDATE_ROLLBACK_FAILED")


def approve(
    version: Annotated[
        int | None,
        typer.Argument(help="Which version; by default the newest that waits.", show_default=False),
    ] = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until it serves.")] = True,
    timeout: Annotated[float, typer.Option(help="Minutes to wait at most.", min=0)] = 60,
    project: ProjectName = None,
    as_json: AsJson = False,
) -> None:
    """Approve a model; the endpoint then changes to it by itself, and goes back if an alarm fires.

    Example:  sageloop approve · sageloop approve 3 --no-wait
    """
    aws = session.connect()
    found = projects.find(aws, project)
    package = registry.find(aws, found.output("training", "ModelPackageGroup"), version)
    aws.client("sagemaker").update_model_package(
        ModelPackageArn=package.arn,
        ModelApprovalStatus="Approved",
        ApprovalDescription="Approved on the command line",
    )
    begin = time.monotonic()
    serves = wait and "serving" in found.stacks
    if serves:
        _wait_until_it_serves(aws, found.name, package, begin + timeout * 60)
    took = f"after {time.monotonic() - begin:.0f} s"
    view = f"Version {package.version} of {found.name} {f'serves {took}' if serves else 'is approved'}."
    output.show({"version": package.version, "arn": package.arn, "serves": serves}, view, as_json=as_json)


def _wait_until_it_serves(aws: "boto3.Session", project: str, package: Package, deadline: float) -> None:
    with output.messages.status("Approved, waiting for the update of the endpoint ...") as line:
        while time.monotonic() < deadline:
            said = _look(aws, project, package)
            if said is None:
                return
            line.update(Text(said))
            time.sleep(POLL_SECONDS)
    raise CommandError(f"Version {package.version} does not serve yet; go on looking with `sageloop status`.")


def _look(aws: "boto3.Session", project: str, package: Package) -> str | None:
    """What is going on, None when the package serves; raises CommandError when it never will."""
    now = registry.package(aws, package.arn)
    if now.approval == "Rejected":
        raise CommandError(f"Version {package.version} does not serve: {now.note or 'it was rejected'}")
    found = projects.find(aws, project)
    stack = found.stacks["serving"]
    if stack.status in BROKEN:
        raise CommandError(f"Stack {stack.name} is {stack.status}: {stack.reason or 'see its events'}")
    deployed = stack.parameters.get("ModelPackageArn", "")
    if (version_of(deployed) or 0) > package.version:
        raise CommandError(
            f"Version {package.version} is approved, but the newer version {version_of(deployed)} serves."
        )
    if stack.status.endswith("_IN_PROGRESS"):
        served = endpoint.describe(aws, found)
        return f"Stack {stack.name}: {stack.status}" + (f", endpoint {served.status}" if served else "")
    if deployed != package.arn:
        return "Approved, waiting for the update of the endpoint ..."
    if found.find("serving", "BatchPipeline"):
        return None
    served = endpoint.describe(aws, found)
    if served and served.status == "InService" and served.version == package.version:
        return None
    return f"Endpoint {served.status}" if served else "Waiting for the endpoint ..."
