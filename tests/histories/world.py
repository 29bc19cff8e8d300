"""One project in its world: what people, clocks and pipelines do around the functions, in memory.

Times are epoch seconds. What happens is numbered in one order, as clocks may be off.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from tests.histories.aws.account import Account
from tests.histories.aws.client import Turn
from tests.histories.aws.pipelines import Execution
from tests.histories.aws.sqs import Message
from tests.histories.comparing import Comparing
from tests.histories.functions import Functions
from tests.histories.people import People
from tests.histories.training import DATA, QUARANTINE, Training
from tests.histories.watching import Watching
from tests.histories.wiring import WiredRule, Wiring

RUN_SECONDS = 600
# An update of the serving stack makes an endpoint anew.
UPDATE_SECONDS = 240
# A shadow is looked at after this time.
COMPARED_SECONDS = 600
OBJECT_CREATED, EXECUTION_CHANGED = (
    "Object Created",
    "SageMaker Model Building Pipeline Execution Status Change",
)


class World:
    """A project of which functions, queues and rules are those of its templates."""

    def __init__(self, wiring: Wiring) -> None:
        self.wiring = wiring
        self.training = Training(wiring, self._excused)
        self.watching = Watching(wiring, self.training.wrong)
        self.account = Account(wiring, started=self._started, written=self.training.written)
        self.training.account = self.watching.account = self.account
        self.functions = Functions(self.account, wiring)
        self.functions.start_cold()
        self.people = People(self.account, self.functions, wiring, self.training.wrong)
        self.account.points.another = self._another
        self.account.points.overwrite = self._overwrite
        self.account.points.wait = self._wait
        self.comparing = Comparing(self.account, wiring)
        Turn.account = self.account
        self.incoming = self.training.incoming
        self.queue = wiring.function("retrain").queue
        self.asked: list[int] = []
        self.definitions = 1
        self.lost = 0
        self.uploaded: dict[str, bytes] = {}
        self.malformed: list[str] = []
        self.last_start_after = 0.0
        self.ticked = self.account.now

    @property
    def wrong(self) -> list[str]:
        """What may never be, and was."""
        return self.training.wrong

    # What people and programs do
    def upload(self, name: str, body: bytes) -> None:
        """An object lands below data/, anew or over an older one."""
        self.training.next()
        self.uploaded[name] = body
        self.account.s3.put_object(Bucket=self.incoming, Key=f"{DATA}{name}", Body=body)

    def remove(self, name: str) -> None:
        """Somebody deletes an object below data/."""
        self.uploaded.pop(name, None)
        if self.account.s3.newest(self.incoming, f"{DATA}{name}"):
            self.account.s3.delete_object(Bucket=self.incoming, Key=f"{DATA}{name}")

    def release(self, name: str) -> None:
        """A person lets an object in quarantine pass as it is, as `sageloop quarantine release` does."""
        found = self.account.s3.newest(self.incoming, f"{QUARANTINE}{name}")
        if found is None:
            return
        table, id_ = f"{self.wiring.project}-retraining", f"{self.wiring.project}-admitted"
        before = self.account.dynamodb.item(table, id_)
        etags = before["etags"]["L"] if before else []
        item = {"pipeline": {"S": id_}, "etags": {"L": [*etags, {"S": found.etag.strip('"')}]}}
        self.account.dynamodb.put_item(TableName=table, Item=item)
        self.upload(name, found.body)
        self.account.s3.delete_object(Bucket=self.incoming, Key=f"{QUARANTINE}{name}")

    def ask(self, reason: str) -> None:
        """A person asks for a training, as `sageloop retrain` does."""
        order = self.training.next()
        self.asked.append(order)
        detail = {"reason": reason, "who": "arn:aws:iam::000000000000:user/ann"}
        self.send(
            {"source": "sageloop", "detail-type": "Retrain Requested", "id": f"{order}", "detail": detail}
        )

    def want(self, kind: str, reason: str) -> None:
        """Monitoring has found a reason to train."""
        id_ = f"{kind} {self.training.next()}"
        detail = {"project": self.wiring.project, "kind": kind, "id": id_, "version": 1, "reason": reason}
        self.account.bus.tell("sageloop", "Retrain Wanted", detail)

    def replay(self, name: str) -> None:
        """A person replays an object, as `sageloop replay` does."""
        key = f"{DATA}{name}"
        if found := self.account.s3.newest(self.incoming, key):
            detail = {"key": key, "etag": found.etag.strip('"'), "size": len(found.body)}
            self.send({"source": "sageloop", "detail-type": "Object Replayed", "detail": detail})

    def deploy_anew(self) -> None:
        """Somebody deploys another definition of the pipeline."""
        self.definitions += 1
        definitions = self.account.pipelines.definitions
        definitions[self.training.name] = json.dumps({"Version": f"{self.definitions}"})

    def run_by_hand(self) -> None:
        """A person starts the pipeline beside the functions."""
        if not self.account.pipelines.full:
            self.training.start_by_hand()

    def approve(self, version: int) -> None:
        """A person approves a version in the console."""
        self._review(version, "Approved")

    def serve(self) -> None:
        """The newest version is approved by as many people as it takes, and put into service."""
        if not (versions := self.account.registry.packages):
            return
        newest = max(versions)
        for who in ("ann", "bob")[: self.people.needed]:
            self.people.decide(newest, who, "approve")
        if not self.people.needed:
            self.approve(newest)
        for _ in range(2):
            self.functions.wake("promote")
            self.end_update()
        if self.account.cloudformation.shadow:
            self.advance(COMPARED_SECONDS)
            self.functions.wake("promote")
            self.end_update()

    def end_update(self) -> None:
        """The update of the serving stack ends, some minutes after it began."""
        if self.account.cloudformation.in_progress:
            self.account.now += UPDATE_SECONDS
            self.account.cloudformation.finish()
            if self.account.cloudformation.shadow:
                self.account.now += 1
                self.comparing.call()

    def reject(self, version: int) -> None:
        """A person rejects a version, or takes its approval back."""
        self._review(version, "Rejected")

    def send(self, body: Mapping[str, Any]) -> Message:
        """Put a message into the queue of `retrain`."""
        return self.account.sqs.put(self.queue, json.dumps(body))

    def send_unreadable(self, function: str, body: str) -> None:
        """A message comes that is no event of ours."""
        self.malformed.append(body)
        self.account.sqs.put(self.wiring.function(function).queue, body)

    # What clocks do
    def advance(self, seconds: float) -> None:
        """Time passes; what should be looked at every few minutes is looked at once, at its end."""
        self.account.now += seconds
        sweep = self.wiring.rule("sweep")
        if sweep and self.account.now - self.ticked >= period(sweep):
            self.sweep()

    def sweep(self) -> None:
        """The rule that looks whether anything was lost."""
        self.ticked = self.account.now
        self.tick("sweep")
        self.tick("compare")

    def tick(self, suffix: str) -> None:
        """A schedule's time has come."""
        if rule := self.wiring.rule(suffix):
            self.account.bus.tick(rule)

    # What pipelines and stacks do
    def finish(self, execution: Execution, *, fails: bool = False) -> None:
        """An execution ends."""
        pipeline = self.watching if execution.pipeline == self.watching.name else self.training
        pipeline.finish(execution, fails=fails)

    def end_what_is_due(self, seconds: float) -> None:
        """Executions that ran for so long end, and so does the update of the serving stack."""
        for execution in self.account.pipelines.executing():
            if self.account.now - execution.started >= seconds:
                self.finish(execution)
        self.end_update()

    # What is looked at
    @property
    def has_least(self) -> bool:
        """Whether some files are too few to train on."""
        return any(json.loads(self.wiring.function("retrain").environment["LEAST"]).values())

    def approved(self) -> list[int]:
        """The versions that are approved, by as many people as it takes."""
        registry = self.account.registry
        approved = [version for version in registry.packages if registry.status(version) == "Approved"]
        return [version for version in approved if self.people.enough(version)]

    def messages(self) -> list[Message]:
        """What waits for the functions."""
        queues = [self.wiring.function(name).queue for name in self.functions.woken()]
        return [message for queue in queues for message in self.account.sqs.queues[queue].messages]

    def dead_letters(self) -> list[Message]:
        """What nobody could handle."""
        queues = self.account.sqs.queues.values()
        dead = {queue.dead for queue in queues}
        return [message for queue in queues if queue.name in dead for message in queue.messages]

    def _started(self, execution: Execution) -> None:
        self.training.started(execution)
        self.watching.started(execution)

    def _review(self, version: int, status: str) -> None:
        registry = self.account.registry
        registry.update_model_package(ModelPackageArn=registry.arn(version), ModelApprovalStatus=status)

    def _excused(self) -> int:
        """A person may train on what is known, and a new definition of the pipeline may do so once."""
        return len(self.asked) + self.definitions - 1

    def _another(self) -> None:
        """Another invocation of the same function runs now, with what waits or with what came before."""
        running = self.account.processes[-1].function
        name = running if running in self.functions.woken() else "promote"
        if not self.functions.wake(name, 1):
            self.functions.again(name)

    def _wait(self, seconds: float) -> None:
        self.account.now += seconds

    def _overwrite(self) -> Callable[[], None]:
        """An object gets another content for a moment, in which a job may read it."""
        keys = self.account.s3.keys(self.incoming, DATA)
        if not keys:
            return lambda: None
        name = keys[0].removeprefix(DATA)
        found = self.account.s3.newest(self.incoming, keys[0])
        body = found.body if found else b""

        def write(content: bytes) -> None:
            self.account.now += 1
            self.upload(name, content)

        write(b"4444")
        return lambda: write(body)


def period(rule: WiredRule) -> float:
    """The seconds between two ticks of a rate expression.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html
    """
    number, unit = (rule.schedule or "").removeprefix("rate(").removesuffix(")").split()
    return int(number) * {"minute": 60, "hour": 3_600, "day": 86_400}[unit.removesuffix("s")]
