"""sageloop deploy: the real `cdk deploy`, with a view that one can follow."""

import fcntl
import shlex
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
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


App = Annotated[
    Path | None,
    typer.Argument(help="Another app.py, or its directory.", show_default="the app of cdk.json"),
]


def deploy(app: App = None, as_json: AsJson = False) -> None:
    """Deploy what app.py declares, to the embedded AWS or to yours.

    Example:  sageloop up && sageloop deploy · sageloop deploy examples/penguins
    """
    root = checkout.root()
    if not (root / "cdk.json").exists():
        raise CommandError(
            f"There is no cdk.json in {root} or above it: go to the directory of your project."
        )
    program = _program(app)
    aws = session.connect()
    begin = time.monotonic()
    _bootstrap(aws)
    deployment = _deploy(root, program)
    stacks = [
        {"stack": one.name, "outcome": one.outcome, "seconds": round(one.took or 0, 1)}
        for one in deployment.stacks.values()
    ]
    view = f"{len(stacks)} stacks in {time.monotonic() - begin:.0f} s. [dim]Next: sageloop upload FILES[/dim]"
    output.show(stacks, view, as_json=as_json)


def _bootstrap(aws: "boto3.Session") -> None:
    """Give the account and region what the CDK deploys with, once; another deployment waits meanwhile."""
    state = checkout.state()
    state.mkdir(parents=True, exist_ok=True)
    with (state / "cdk-bootstrap.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _is_bootstrapped(aws):
            account = aws.client("sts").get_caller_identity()["Account"]
            target = f"aws://{account}/{session.region_name(aws)}"
            with output.messages.status(f"Bootstrapping {target} for the CDK ..."):
                # Away from the app, which the CDK would synthesise first for nothing.
                _consume(["bootstrap", target], state, Deployment(), state / "cdk-bootstrap.log", quiet=True)


def _is_bootstrapped(aws: "boto3.Session") -> bool:
    cloudformation = aws.client("cloudformation")
    try:
        cloudformation.describe_stacks(StackName="CDKToolkit")
    except cloudformation.exceptions.ClientError as error:
        if "does not exist" not in error.response["Error"]["Message"]:
            raise
        return False
    return True


def _program(app: Path | None) -> Path | None:
    """The file that declares the project; raises CommandError when it is not there."""
    program = app / "app.py" if app and app.is_dir() else app
    if program and not program.is_file():
        raise CommandError(f"There is no {program}: name an app.py or the directory that holds one.")
    return program and program.resolve()


def _deploy(root: Path, program: Path | None) -> Deployment:
    deployment = Deployment()
    # Synthesised apart from cdk.out, which another `cdk` of the user's may be reading.
    state = checkout.state().resolve()
    assembly, log = state / "cdk.out", state / "cdk-deploy.log"
    arguments = ["deploy", "--all", "--require-approval", "never", "--progress", "events"]
    arguments += ["--concurrency", "4"]
    if program:
        # Apps that are deployed at the same time keep out of each other's way.
        name = program.parent.name
        assembly, log = state / f"cdk.out.{name}", state / f"cdk-deploy.{name}.log"
        arguments += ["--app", shlex.join([sys.executable, str(program)])]
    arguments += ["--output", str(assembly)]
    if output.messages.is_terminal:
        with Live(deployment, console=output.messages, refresh_per_second=8):
            _consume(arguments, root, deployment, log, quiet=True)
    else:
        _consume(arguments, root, deployment, log, quiet=False)
    return deployment


def _consume(
    arguments: list[str], directory: Path, deployment: Deployment, log: Path, *, quiet: bool
) -> None:
    lines: list[str] = []
    try:
        for line in cdk.run(arguments, root=checkout.root(), directory=directory, log=log):
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
