"""The wait for a model to serve, once it is the newest approved one."""

import time
from typing import TYPE_CHECKING

from rich.text import Text

from cli import endpoint, output, projects, registry
from cli.errors import CommandError
from cli.projects import Project
from cli.registry import Summary, version_of

if TYPE_CHECKING:
    import boto3

POLL_SECONDS = 1.0
BROKEN = ("CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "UPDATE_FAILED", "UPDATE_ROLLBACK_FAILED")
WAITING = "Approved, waiting for the update of the endpoint ..."


def wait(aws: "boto3.Session", project: str, package: Summary, minutes: float) -> str:
    """Wait until the package serves, and tell how long that took; raises CommandError when it does not."""
    begin = time.monotonic()
    with output.messages.status(WAITING) as line:
        while time.monotonic() < begin + minutes * 60:
            said = _look(aws, project, package)
            if said is None:
                return f"{time.monotonic() - begin:.0f} s"
            line.update(Text(said))
            time.sleep(POLL_SECONDS)
    raise CommandError(f"Version {package.version} does not serve yet; go on looking with `sageloop status`.")


def _look(aws: "boto3.Session", project: str, package: Summary) -> str | None:
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
        _newer_is_rejected(aws, found, package)
    if stack.status.endswith("_IN_PROGRESS"):
        served = endpoint.describe(aws, found)
        return f"Stack {stack.name}: {stack.status}" + (f", endpoint {served.status}" if served else "")
    if deployed != package.arn:
        return WAITING
    return None if _serves(aws, found, package) else "Waiting for the endpoint ..."


def _newer_is_rejected(aws: "boto3.Session", found: Project, package: Summary) -> None:
    """Only an older model than the one in service takes over when no newer one is approved."""
    for each in registry.summaries(aws, found.output("training", "ModelPackageGroup")):
        if each.version > package.version and each.approval == "Approved":
            raise CommandError(
                f"Version {package.version} is approved, but so is the newer version {each.version}, which "
                "serves in its place; `sageloop rollback` goes back."
            )


def _serves(aws: "boto3.Session", found: Project, package: Summary) -> bool:
    if found.find("serving", "BatchPipeline"):
        return True
    served = endpoint.describe(aws, found)
    return bool(served and served.status == "InService" and served.version == package.version)
