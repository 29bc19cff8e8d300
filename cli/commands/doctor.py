"""sageloop doctor: what may keep a job from starting."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from cli import definition, endpoint, output, projects, session
from cli.checks import quotas, surroundings
from cli.checks.check import Check, refused
from cli.checks.demand import Demand, demands
from cli.options import AsJson, ProjectName
from cli.projects import Project

if TYPE_CHECKING:
    import boto3

MARKS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "problem": ("✗", "red"), "unknown": ("?", "dim")}


def doctor(project: ProjectName = None, as_json: AsJson = False) -> None:
    """Look for what would keep jobs waiting or fail them: credentials, quotas, roles, images and keys.

    Looks at all deployed projects unless one is named; the exit code is 1 when there is a problem.

    Example:  sageloop doctor · sageloop doctor --json | jq '.[] | select(.state == "problem")'
    """
    aws = session.connect()
    found: list[Check] = []
    with output.messages.status("Looking ...") as line:
        for check in _checks(aws, project):
            found.append(check)
            line.update(Text(f"Looked at {check.subject} ..."))
    output.show(found, _view(found), as_json=as_json)
    if any(check.state == "problem" for check in found):
        raise typer.Exit(1)


def _checks(aws: "boto3.Session", name: str | None) -> Iterator[Check]:
    identity = aws.client("sts").get_caller_identity()
    region = session.region_name(aws)
    yield Check("Credentials", "ok", f"{identity['Arn']} in account {identity['Account']}, {region}")
    yield _bootstrap(aws)
    deployed = [projects.find(aws, name)] if name else projects.find_all(aws)
    if not deployed:
        advice = "`sageloop deploy`, then look again: quotas depend on the instances that it uses."
        yield Check("Projects", "warning", "none is deployed", advice)
    needs: list[Demand] = []
    for project in deployed:
        yield _stacks(project)
        if pipeline := project.find("training", "PipelineName"):
            known = definition.deployed(aws, pipeline)
            yield from surroundings.check(aws, identity["Account"], known)
            served = endpoint.describe(aws, project)
            needs += demands(project.name, known, served.wanted_instances if served else 1)
    if needs:
        yield from quotas.check(aws, needs)


def _bootstrap(aws: "boto3.Session") -> Check:
    """https://docs.aws.amazon.com/cdk/v2/guide/bootstrapping.html"""
    cloudformation = aws.client("cloudformation")
    subject = "CDK bootstrap"
    try:
        stack = cloudformation.describe_stacks(StackName="CDKToolkit")["Stacks"][0]
    except cloudformation.exceptions.ClientError as error:
        if "does not exist" not in error.response["Error"]["Message"]:
            return refused(subject, error)
        return Check(subject, "warning", "is missing", "`sageloop deploy` makes it.")
    outputs = {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", [])}
    if stack["StackStatus"] not in output.GOOD:
        return Check(subject, "problem", f"is {stack['StackStatus']}", "Run `cdk bootstrap`.")
    return Check(subject, "ok", f"is there, version {outputs.get('BootstrapVersion', 'unknown')}")


def _stacks(project: Project) -> Check:
    subject = f"Stacks of {project.name}"
    broken = [stack for stack in project.stacks.values() if stack.status.endswith("FAILED")]
    if broken:
        said = ", ".join(f"{stack.name} is {stack.status}" for stack in broken)
        return Check(subject, "problem", said, "See why with `sageloop status`, then deploy again.")
    settling = [stack.name for stack in project.stacks.values() if stack.status.endswith("PROGRESS")]
    if settling:
        return Check(subject, "warning", f"{', '.join(settling)} changes now", "Look again afterwards.")
    return Check(subject, "ok", f"{len(project.stacks)} deployed")


def _view(found: Sequence[Check]) -> Group:
    rows: list[tuple[RenderableType, ...]] = []
    for check in found:
        mark, colour = MARKS[check.state]
        said = Text(check.seen)
        if check.advice:
            said.append(f"\n{check.advice}", style=colour)
        rows.append((Text(mark, style=colour), check.subject, said))
    counts: Counter[str] = Counter(check.state for check in found)
    counted = [
        f"{counts[state]} {word}{'s' * (counts[state] != 1)}"
        for state, word in (("problem", "problem"), ("warning", "warning"), ("unknown", "open question"))
        if counts[state]
    ]
    end = Text(", ".join(counted) if counted else "Nothing stands in the way.")
    return Group(output.table(["", "What", "Found"], rows), end)
