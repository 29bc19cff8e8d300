"""Everything that looks need of AWS, in memory, with a clock of its own and a crash wherever it is wanted."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, cast

from monitor.calls import Counts
from monitor.decision import ExecutionStatus, Rhythm
from monitor.messages import Look, Message
from monitor.model import Model
from monitor.plan import File, name_of
from monitor.rules import Drift, Quality, Rules
from monitor.state import Running, State
from monitor.storage import Listing
from monitor.table import Conflict
from monitor.watch import Watcher

DAY = 86_400
START = 1_790_000_000
RULES = Rules(
    Rhythm(DAY, 30),
    Drift(declared=True, psi=0.1, alpha=1 / 365, rows=500, features=(), retrain=True),
    Quality("auc", 0.7, higher=True, rows=100, confidence=0.95, labels_within=14 * DAY, retrain=True),
)

MODEL = Model("arn:model-package/flights/1", 1, START, "s3://b/1/", "s3://q/1/")


class Crash(Exception):
    """The function died."""


@dataclass
class Execution:
    """A look under way, or one that is over."""

    window: str
    status: ExecutionStatus = "Executing"


@dataclass
class World:
    """All services; every call is a point at which the function may die, before or after it took effect."""

    rules: Rules = RULES
    now: int = START
    model: Model | None = MODEL
    calls: int = 0
    saved: State = field(default_factory=State)
    captured: dict[str, int] = field(default_factory=dict)
    labels: dict[str, int] = field(default_factory=dict)
    written: dict[str, bytes] = field(default_factory=dict)
    looks: dict[str, dict[str, Any]] = field(default_factory=dict)
    reads: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    executions: dict[str, Execution] = field(default_factory=dict)
    delayed: list[tuple[int, Look]] = field(default_factory=list)
    told: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    figures: list[Mapping[str, float]] = field(default_factory=list)
    crash_in: int = 0

    def point(self, work: Callable[[], Any]) -> Any:
        """Call a service; where it is time, die before it (odd) or after it (even)."""
        self._step()
        result = work()
        self._step()
        return result

    def _step(self) -> None:
        if self.crash_in:
            self.crash_in -= 1
            if not self.crash_in:
                raise Crash

    def wake(self, messages: Sequence[Message]) -> None:
        """Run the function with these messages; raises Crash."""
        services = cast(Any, Services(self))
        Watcher(
            "flights",
            self.rules,
            table=services,
            service=services,
            storage=cast(Any, Bucket(self)),
            calls=services,
            executions=services,
            looks=services,
            figures=services,
            news=services,
            clock=lambda: float(self.now),
        ).reconcile(messages)

    def finish(self, verdict: str = "clear", *, below: bool | None = None, status: str = "Succeeded") -> None:
        """Let the execution that runs end."""
        for arn, execution in self.executions.items():
            if execution.status == "Executing":
                self.executions[arn] = replace(execution, status=cast(Any, status))
                if status == "Succeeded":
                    self.written[execution.window] = findings_of(verdict, below=below)

    @property
    def executing(self) -> list[str]:
        """The windows of the executions under way."""
        return [each.window for each in self.executions.values() if each.status == "Executing"]


class Services:
    """The state item, the pipeline, the queue, CloudWatch and EventBridge."""

    def __init__(self, world: World) -> None:
        self._world = world

    def load(self) -> State:
        saved: State = self._world.point(lambda: self._world.saved)
        return saved

    def save(self, state: State) -> State:
        def write() -> State:
            if state.version != self._world.saved.version:
                raise Conflict
            self._world.saved = replace(state, version=state.version + 1)
            return self._world.saved

        saved: State = self._world.point(write)
        return saved

    def model(self) -> Model | None:
        return self._world.model

    def between(self, start: int, end: int) -> Counts:
        assert start < end
        return Counts(self._world.calls)

    def start(self, running: Running) -> str:
        def start() -> str:
            arn = f"execution/{running.token}"
            assert running.folder == f"s3://artifacts/monitoring/{running.window}"
            self._world.executions.setdefault(arn, Execution(running.window))
            return arn

        arn: str = self._world.point(start)
        return arn

    def status(self, arn: str) -> ExecutionStatus:
        return self._world.executions[arn].status

    def failure(self, arn: str) -> str:
        return f"{arn} failed"

    def send(self, at: int, delay: int) -> None:
        assert 0 <= delay <= 900
        self._world.point(lambda: self._world.delayed.append((self._world.now + delay, Look(at))))

    def put(self, figures: Mapping[str, float]) -> None:
        self._world.point(lambda: self._world.figures.append(figures))

    def tell(self, kind: str, detail: dict[str, Any]) -> None:
        self._world.point(lambda: self._world.told.append((kind, detail)))


class Bucket:
    """What lies in S3: files of captured calls and labels with the seconds at which they were written."""

    def __init__(self, world: World) -> None:
        self._world = world

    def folder(self, window: str) -> str:
        return f"s3://artifacts/monitoring/{window}"

    def captured(self, start: int, end: int) -> Listing:
        found = [File(name, 1) for name, at in self._world.captured.items() if start < at <= end]
        return Listing(tuple(found), end)

    def labels(self, since: int) -> dict[str, datetime]:
        return {
            name: datetime.fromtimestamp(at, UTC) for name, at in self._world.labels.items() if at >= since
        }

    def earlier(self, since: int, predicted_since: int, until: int, unjudged: Collection[str]) -> list[str]:
        newest, oldest = name_of(until), name_of(predicted_since)
        return [w for w in self._world.written if oldest < w <= newest and w not in unjudged]

    def write_look(self, window: str, document: dict[str, Any], **reads: list[str]) -> None:
        def write() -> None:
            self._world.looks[window] = json.loads(json.dumps(document))
            self._world.reads[window] = reads

        self._world.point(write)

    def write_findings(self, window: str, found: dict[str, Any]) -> None:
        def write() -> None:
            self._world.written[window] = json.dumps(found).encode()

        self._world.point(write)

    def look(self, window: str) -> dict[str, Any]:
        return self._world.looks[window]

    def findings(self, window: str) -> bytes | None:
        return self._world.written.get(window)


def findings_of(verdict: str, *, below: bool | None = None) -> bytes:
    """The findings of a job."""
    quality = None
    if below is not None:
        quality = {"value": 0.6, "below": below, "labelled": 100, "coverage": 1.0}
    wants = {"kind": "drift", "reason": "temp differs"} if verdict == "drifted" else None
    return json.dumps(
        {
            "format": 1,
            "rows": 10,
            "silent": False,
            "drift": {"verdict": verdict, "features": [], "prediction": None},
            "quality": quality,
            "reason": "as it is",
            "retrain": wants,
        }
    ).encode()
