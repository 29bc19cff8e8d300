"""sageloop rollback: an earlier model into service again."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Annotated

import typer

from cli import approvals, caller, output, projects, registry, session, taking_over
from cli.errors import CommandError
from cli.options import AsJson, Minutes, ProjectName, Wait
from cli.projects import Project
from cli.registry import Summary, version_of

Version = Annotated[
    int | None,
    typer.Argument(help="Which version; by default the approved one before.", show_default=False),
]
Reason = Annotated[
    str, typer.Option("--reason", "-r", help="Why; the registry keeps it.", show_default=False)
]


def rollback(
    version: Version = None,
    reason: Reason = "",
    wait: Wait = True,
    timeout: Minutes = 60,
    project: ProjectName = None,
    as_json: AsJson = False,
) -> None:
    """Put an earlier model into service: it is approved once more, and every newer one is rejected.

    Example:  sageloop rollback --reason "wrong for night flights" · sageloop rollback 3
    """
    aws = session.connect()
    found = projects.find(aws, project)
    group = found.output("training", "ModelPackageGroup")
    packages = list(registry.summaries(aws, group))
    recorded = approvals.find(found)
    may_serve = partial(recorded.enough, aws) if recorded else _any_may_serve
    target = _target(group, packages, _in_service(found, packages), version, may_serve)
    newer = [each for each in packages if each.version > target.version and each.approval == "Approved"]
    told = f"by {caller.arn(aws)}" + (f": {reason}" if reason.strip() else "")
    # Anew even if it is approved, because each approval is deployed once.
    registry.decide(aws, target.arn, "Approved", f"Approved for a rollback {told}")
    # The newest is the last, so that what is to serve changes once, from it to the target.
    for each in sorted(newer, key=lambda package: package.version):
        registry.decide(aws, each.arn, "Rejected", f"{registry.BY_HAND} {told}")
    serves = wait and "serving" in found.stacks
    took = taking_over.wait(aws, found.name, target, timeout) if serves else ""
    rejected = sorted(each.version for each in newer)
    said = f"serves again after {took}" if serves else "is approved again"
    gone = f"; rejected: {', '.join(f'version {number}' for number in rejected)}" if rejected else ""
    result = {"version": target.version, "arn": target.arn, "serves": serves, "rejected": rejected}
    output.show(result, f"Version {target.version} of {found.name} {said}{gone}.", as_json=as_json)


def _any_may_serve(_version: int) -> bool:
    return True


def _in_service(project: Project, packages: Sequence[Summary]) -> int:
    """The version to go back from: what is deployed or, where nothing serves, the newest approved one."""
    if "serving" in project.stacks:
        deployed = version_of(project.stacks["serving"].parameters.get("ModelPackageArn", ""))
    else:
        deployed = max((each.version for each in packages if each.approval == "Approved"), default=None)
    if deployed is None:
        raise CommandError(
            f"No model of {project.name} is in service yet: approve one with `sageloop approve`."
        )
    return deployed


def _target(
    group: str,
    packages: Sequence[Summary],
    current: int,
    version: int | None,
    may_serve: Callable[[int], bool],
) -> Summary:
    """The package to go back to; raises CommandError when there is none that may serve."""
    before = [each for each in packages if each.version < current]
    if version is None:
        newest_first = sorted(before, key=lambda package: package.version, reverse=True)
        for each in newest_first:
            if each.approval == "Approved" and may_serve(each.version):
                return each
        there = ", ".join(f"{each.version} ({each.approval})" for each in before)
        todo = f": name one of {there}" if there else ", as there is none"
        raise CommandError(f"No version of {group} before {current} is approved{todo}.")
    if version >= current:
        raise CommandError(
            f"Version {version} is not earlier than version {current}, which is in service: go forward with "
            f"`sageloop approve {version}`."
        )
    for each in before:
        if each.version != version:
            continue
        if not may_serve(version):
            raise CommandError(
                f"Version {version} of {group} was never approved by two people, so it may not serve: both "
                f"approve it with `sageloop approve {version}`, then go back to it."
            )
        return each
    raise CommandError(f"There is no version {version} of {group}: see `sageloop status`.")
