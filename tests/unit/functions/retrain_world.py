"""DynamoDB, SageMaker, S3, SQS and the time, as retraining sees them.

Each call is a point where the process may die, AWS may refuse or not answer, or another one may run.
"""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice

from retrain.decision import IN_FLIGHT, ExecutionStatus
from retrain.faults import Busy
from retrain.measured import Least, Measured, Object, digest
from retrain.messages import Look, Request, Sweep, look_again, parse
from retrain.pace import Pace
from retrain.quarantine import Rejected
from retrain.reconcile import Contended, Reconciler
from retrain.state import Running, State
from retrain.surroundings import Surroundings
from retrain.table import Conflict

BEGIN, QUIET, COOLDOWN = 1_000_000, 300, 1000
SWEEP_SECONDS = 300
EVERYTHING = "s3://incoming/data/"
TROUBLE = ("crash before", "crash after", "refused", "no answer", "another")
Content = tuple[str, str, int]


class Crash(Exception):
    """The function's process died."""


@dataclass
class Execution:
    arn: str
    started_at: int
    asked: int
    inputs: frozenset[Content] = frozenset()
    cause: str = ""
    ours: bool = True
    status: ExecutionStatus = "Executing"


@dataclass
class Message:
    body: str
    visible_at: int
    receives: int = 0


@dataclass
class World:
    now: int = BEGIN
    pace: Pace = field(default_factory=lambda: Pace(QUIET, {"data": COOLDOWN}, on_new_data=True))
    least: Least = field(default_factory=Least)
    state: State = field(default_factory=State)
    queue: list[Message] = field(default_factory=list)
    executions: dict[str, Execution] = field(default_factory=dict)
    objects: dict[str, Object] = field(default_factory=dict)
    manifests: dict[str, frozenset[Content]] = field(default_factory=dict)
    version_of_pipeline: str = "1"
    uploaded: int = 0
    asked: int = 0
    scheduled: int = 0
    busy: frozenset[str] = frozenset()
    start_calls: int = 0
    events: list[str] = field(default_factory=list)
    told: list[tuple[str, object]] = field(default_factory=list)
    apart: dict[str, str] = field(default_factory=dict)
    waits: list[int] = field(default_factory=list)
    at_call: dict[int, str] = field(default_factory=dict)
    calls: int = 0
    skew: int = 0

    @contextmanager
    def call(self, name: str) -> Iterator[None]:
        event = self.at_call.pop(self.calls, None)
        self.calls += 1
        if event == "another":
            self.deliver(duplicate=True)
        if event == "crash before":
            raise Crash
        if event == "refused" or name in self.busy:
            raise Busy(f"ThrottlingException: {name}")
        yield
        if event == "crash after":
            raise Crash
        if event == "no answer":
            raise Busy(f"Read timeout: {name}")

    def load(self) -> State:
        with self.call("load"):
            return self.state

    def save(self, state: State) -> State:
        with self.call("save"):
            if state.version != self.state.version:
                raise Conflict
            self.state = State(**{**vars(state), "version": state.version + 1})
            return self.state

    def champion(self) -> str | None:
        with self.call("champion"):
            return ["s3://champion", None][self.calls % 2]

    def bytes_per_row(self) -> float | None:
        with self.call("champion"):
            return 2.0

    def in_flight(self) -> str | None:
        with self.call("in_flight"):
            running = (e.arn for e in self.executions.values() if e.status in IN_FLIGHT)
            return next(running, None)

    def definition(self) -> str:
        with self.call("definition"):
            return self.version_of_pipeline

    def start(self, running: Running) -> str:
        with self.call("start"):
            self.start_calls += 1
            inputs = frozenset() if running.inputs == EVERYTHING else self.manifests[running.inputs]
            new = Execution(f"arn/{running.token}", self.now, self.asked, inputs, running.cause)
            return self.executions.setdefault(running.token, new).arn

    def status(self, arn: str) -> ExecutionStatus:
        with self.call("status"):
            return self.execution(arn).status

    def take(self, previous: str) -> Measured:
        with self.call("take"):
            objects = tuple(self.objects[key] for key in sorted(self.objects))
            if not objects:
                return Measured(EVERYTHING)
            given = self.manifests.get(previous, frozenset())
            new = [each for each in objects if each.content not in given]
            return Measured(
                f"s3://artifacts/inputs/{digest(objects, ())}/data.manifest",
                objects,
                new_files=len(new),
                new_bytes=sum(each.size for each in new),
                oldest_new=min((int(each.modified.timestamp()) for each in new), default=0),
            )

    def known(self, manifest: str, refused: Collection[str]) -> str:
        with self.call("known"):
            return manifest

    def keep(self, found: Measured) -> None:
        with self.call("keep"):
            self.manifests[found.uri] = frozenset(each.content for each in found.objects)

    def rejected(self, execution: str) -> Sequence[Rejected]:
        with self.call("rejected"):
            inputs = self.execution(f"arn/{execution}").inputs
            return [Rejected(key, etag, "bad") for key, etag, _ in sorted(inputs) if "bad" in key]

    def move(self, rejected: Rejected, execution: str) -> str:
        with self.call("move"):
            if "large" in rejected.key:
                return "it is too large"
            found = self.objects.get(rejected.key)
            if found and found.etag == rejected.etag:
                self.apart[rejected.key] = rejected.reason
                del self.objects[rejected.key]
            return ""

    def send(self, at: int, delay: int) -> None:
        assert 0 <= delay <= 900
        with self.call("send"):
            self.queue.append(Message(look_again(at), self.now + delay))

    def skipped(self, state: State, why: str) -> None:
        self.tell("skipped", state.kinds)

    def started(self, running: Running, arn: str) -> None:
        self.tell("started", arn)

    def ended(self, running: Running, arn: str, status: str) -> None:
        self.tell("ended", arn)

    def quarantined(self, arn: str, rejected: Sequence[Rejected], kept: Mapping[str, str]) -> None:
        self.tell("quarantined", (len(rejected), dict(kept)))

    def waiting(self, seconds: int) -> None:
        with self.call("waiting"):
            self.waits.append(seconds)

    def tell(self, kind: str, what: object) -> None:
        with self.call("tell"):
            self.told.append((kind, what))

    def execution(self, arn: str) -> Execution:
        return next(e for e in self.executions.values() if e.arn == arn)

    @property
    def ours(self) -> list[Execution]:
        """What retraining has started, in that order."""
        return [e for e in self.executions.values() if e.ours]

    @property
    def kinds_told(self) -> list[str]:
        return [kind for kind, _ in self.told]

    def deliver(self, *, duplicate: bool = False, batch: int = 10) -> None:
        """One invocation of the function; messages of an invocation that failed stay in the queue."""
        visible = list(islice((m for m in self.queue if m.visible_at <= self.now), batch))
        if not visible:
            return
        for message in visible:
            message.receives += 1
        messages = [parse(m.body) for m in visible]
        reconciler = Reconciler(
            "flights-training",
            self.pace,
            Surroundings(self, self, self, self, inventory=self, quarantine=self),
            least=self.least,
            clock=lambda: self.now - self.skew,
            # A machine under load must not make another history of the same one.
            timer=lambda: self.now,
        )
        try:
            reconciler.reconcile(
                [m for m in messages if isinstance(m, Request)],
                [m.at for m in messages if isinstance(m, Look) and m.at is not None],
                sweep=any(isinstance(m, Sweep) for m in messages),
            )
        except (Crash, Busy, Contended):
            return
        if not duplicate:
            handled = {id(m) for m in visible}
            self.queue = [m for m in self.queue if id(m) not in handled]

    def upload(self, key: str = "", *, size: int = 1, lost: bool = False) -> None:
        """An object lands, and its event, unless it gets lost."""
        self.uploaded += 1
        key = f"data/{key or self.uploaded}.csv"
        self.objects[key] = Object(key, str(self.uploaded), size, datetime.fromtimestamp(self.now, UTC))
        detail = {"bucket": {"name": "incoming"}, "object": {"key": key, "sequencer": str(self.uploaded)}}
        body = json.dumps({"source": "aws.s3", "detail-type": "Object Created", "detail": detail})
        if not lost:
            self.events.append(body)
            self.queue.append(Message(body, self.now))

    def ask(self) -> None:
        """A person asks for a training."""
        self.asked += 1
        self.event({"source": "sageloop", "detail-type": "Retrain Requested", "id": f"ask {self.asked}"})

    def schedule(self) -> None:
        self.scheduled += 1
        self.event({"source": "aws.events", "detail-type": "Scheduled Event", "id": f"{self.scheduled}"})

    def want(self, kind: str) -> None:
        detail = {"project": "flights", "kind": kind, "id": f"{kind} {self.now}", "reason": "it drifts"}
        self.event({"source": "sageloop", "detail-type": "Retrain Wanted", "detail": detail})

    def sweep(self) -> None:
        self.event({"source": "sageloop", "detail-type": "Sweep"})

    def event(self, event: object) -> None:
        self.queue.append(Message(json.dumps(event), self.now))

    def run_by_hand(self) -> None:
        """Somebody starts an execution of the pipeline beside us."""
        arn = f"arn/by-hand-{len(self.executions)}"
        self.executions[arn] = Execution(arn, self.now, self.asked, ours=False)

    def finish(self) -> None:
        kind = "SageMaker Model Building Pipeline Execution Status Change"
        for execution in self.executions.values():
            if execution.status == "Executing":
                execution.status = "Succeeded"
                self.event({"source": "aws.sagemaker", "detail-type": kind})

    def pass_time(self, seconds: int) -> None:
        """Time goes by with all its sweeps, and whatever comes is delivered when it is due."""
        end = self.now + seconds
        self.take_all()
        while self.now < end:
            due = [m.visible_at for m in self.queue if m.visible_at > self.now]
            next_sweep = self.now - self.now % SWEEP_SECONDS + SWEEP_SECONDS
            self.now = min(end, next_sweep, *due)
            if self.now == next_sweep:
                self.sweep()
            self.take_all()

    def take_all(self) -> None:
        """Deliver what is visible until nothing is."""
        for _ in range(2000):
            if not any(m.visible_at <= self.now for m in self.queue):
                return
            self.deliver()
        raise AssertionError("messages stay in the queue")

    def settle(self) -> None:
        """No more trouble: executions end, and more time passes than anything may wait for."""
        self.at_call, self.busy, self.skew = {}, frozenset(), 0
        self.take_all()
        for _ in range(8):
            self.finish()
            self.pass_time(1800)
        assert not any(e.status == "Executing" for e in self.executions.values())
