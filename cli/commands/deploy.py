"""sageloop deploy: the real `cdk deploy`, with a view that one can follow."""

import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from cli import cdk, checkout, output, session
from cli.cdk import AssetBegun, ResourceEvent, StackBegun, StackDone, StackFailed
from cli.errors import CommandError
from cli.options import AsJson

if TYPE_CHECKING:
    import boto3


@dataclass
class StackProgress:
    """How far a stack is."""

    name: str
    begun: float
    done: int = 0
    total: int | None = None
    doing: str = ""
    outcome: str = ""
    took: float | None = None


@dataclass
class Deployment:
    """What the CDK has said so far, and the view of it."""

    stacks: dict[str, StackProgress] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    def take(self, line: str) -> StackProgress | None:
        """Take in a line of the CDK; returns the stack that it ended."""
        event = cdk.parse(line)
        if event is None:
            return None
        stack = self.stacks.setdefault(event.stack, StackProgress(event.stack, time.monotonic()))
        match event:
            case ResourceEvent():
                stack.done, stack.total = event.done, event.total or stack.total
                stack.doing = f"{event.status} {event.resource}"
            case StackDone():
                stack.outcome = "unchanged" if event.unchanged else "deployed"
            case StackFailed():
                stack.outcome = "failed"
                self.failed[event.stack] = event.reason
            case AssetBegun():
                stack.doing = event.doing
            case StackBegun():
                stack.begun = time.monotonic()
        if not stack.outcome or stack.took is not None:
            return None
        stack.took = time.monotonic() - stack.begun
        return stack

    def __rich__(self) -> Table:
        grid = Table.grid(padding=(0, 2))
        for stack in self.stacks.values():
            grid.add_row(stack.name, *_columns(stack))
        if not self.stacks:
            grid.add_row(Spinner("dots", "Building the stacks ..."))
        return grid


def deploy(as_json: AsJson = False) -> None:
    """Deploy what app.py declares, to the embedded AWS or to yours.

    Example:  sageloop up && sageloop deploy · AWS_PROFILE=work sageloop deploy
    """
    root = checkout.root()
    if not (root / "cdk.json").exists():
        raise CommandError(
            f"There is no cdk.json in {root} or above it: go to the directory of your project."
        )
    aws = session.connect()
    begin = time.monotonic()
    _bootstrap(aws, root)
    deployment = _deploy(root)
    stacks = [
        {"stack": one.name, "outcome": one.outcome, "seconds": round(one.took or 0, 1)}
        for one in deployment.stacks.values()
    ]
    view = f"{len(stacks)} stacks in {time.monotonic() - begin:.0f} s. [dim]Next: sageloop upload FILES[/dim]"
    output.show(stacks, view, as_json=as_json)


def _bootstrap(aws: "boto3.Session", root: Path) -> None:
    """Give the account and region what the CDK deploys with, once."""
    cloudformation = aws.client("cloudformation")
    try:
        cloudformation.describe_stacks(StackName="CDKToolkit")
        return
    except cloudformation.exceptions.ClientError as error:
        if "does not exist" not in error.response["Error"]["Message"]:
            raise
    account = aws.client("sts").get_caller_identity()["Account"]
    target = f"aws://{account}/{session.region_name(aws)}"
    with output.messages.status(f"Bootstrapping {target} for the CDK ..."):
        # Away from the app, which the CDK would synthesise first for nothing.
        _consume(["bootstrap", target], root, checkout.state(), Deployment(), quiet=True)


def _deploy(root: Path) -> Deployment:
    deployment = Deployment()
    # Synthesised apart from cdk.out, which another `cdk` of the user's may be reading.
    assembly = str(checkout.state().resolve() / "cdk.out")
    arguments = ["deploy", "--all", "--require-approval", "never", "--progress", "events"]
    arguments += ["--concurrency", "4", "--output", assembly]
    if output.messages.is_terminal:
        with Live(deployment, console=output.messages, refresh_per_second=8):
            _consume(arguments, root, root, deployment, quiet=True)
    else:
        _consume(arguments, root, root, deployment, quiet=False)
    return deployment


def _consume(
    arguments: list[str], root: Path, directory: Path, deployment: Deployment, *, quiet: bool
) -> None:
    log = checkout.state() / f"cdk-{arguments[0]}.log"
    lines: list[str] = []
    try:
        for line in cdk.run(arguments, root=root, directory=directory, log=log):
            lines.append(line)
            ended = deployment.take(line)
            if ended and not quiet:
                output.note(f"{ended.name}: {ended.outcome} after {ended.took or 0:.1f} s")
    except subprocess.CalledProcessError as error:
        reason = cdk.failure_reason(lines, deployment.failed)
        raise CommandError(f"{reason}\n(All that the CDK said is in {log}.)") from error


def _columns(stack: StackProgress) -> tuple[ProgressBar | Text, Text]:
    if stack.outcome == "failed":
        return Text("✗ failed", style="red"), Text("")
    if stack.outcome:
        return Text(f"✓ {stack.outcome}", style="green"), Text(f"{stack.took or 0:.1f} s", style="dim")
    bar = ProgressBar(total=stack.total, completed=stack.done, width=20, pulse=stack.total is None)
    return bar, Text(stack.doing, style="dim", overflow="ellipsis", no_wrap=True)
