"""Brings a project's looks to where they should be, one step and one conditional write at a time.

Every step may be the last one before a crash. What can be repeated (files of a look, a start under a fixed
token, a figure, an event) comes before the write that says that it was done.
"""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from monitor import findings, plan
from monitor.calls import Calls
from monitor.decision import Finish, LookAgain, Nothing, Plan, Start, decide, look_again
from monitor.executions import Executions
from monitor.figures import Figures
from monitor.messages import Message
from monitor.messages import look_again as look_again_message
from monitor.model import Service
from monitor.news import FINDINGS, WANTED, News, kinds, wanted
from monitor.rules import Rules
from monitor.state import Last, Running, State
from monitor.storage import Storage
from monitor.table import Conflict, Table
from retrain.faults import passing

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

BUSY_SECONDS = 60
TURNS = 100
# Earlier looks that the report draws, and the least time that they span together.
DRAWN, DRAWN_SECONDS = 60, 86_400


class Contended(Exception):
    """Too many others write the state at the same time; the message will be delivered again."""


class Queue:
    """Our own queue, for the messages that make us look again."""

    def __init__(self, sqs: "SQSClient", url: str) -> None:
        self._sqs, self._url = sqs, url

    def send(self, at: int, delay: int) -> None:
        """Have a look for the epoch second `at` delivered in `delay` seconds (at most 900)."""
        self._sqs.send_message(
            QueueUrl=self._url, MessageBody=look_again_message(at), DelaySeconds=max(0, delay)
        )


class Watcher:
    """Has at most one look under way, and one after every wish and all labels."""

    def __init__(
        self,
        project: str,
        rules: Rules,
        *,
        table: Table,
        service: Service,
        storage: Storage,
        calls: Calls,
        executions: Executions,
        looks: Queue,
        figures: Figures,
        news: News,
        clock: Callable[[], float] = time.time,
        report: Callable[..., object] = lambda *_args, **_fields: None,
    ) -> None:
        self._project, self._rules = project, rules
        self._table, self._service, self._storage, self._calls = table, service, storage, calls
        self._executions, self._looks, self._figures, self._news = executions, looks, figures, news
        self._clock, self._report = clock, report

    def reconcile(self, messages: Sequence[Message]) -> None:
        """Count the messages, then act until nothing is left to do."""
        counted = False
        for _ in range(TURNS):
            try:
                state = self._table.load()
                if not counted:
                    received = state.received(messages, int(self._clock()))
                    state = state if received == state else self._table.save(received)
                    counted = True
                if not self._act(state, int(self._clock())):
                    return
            except Conflict:
                time.sleep(random.uniform(0, 0.05))  # noqa: S311  jitter, no secret
        raise Contended(f"the state of {self._project} changed under us {TURNS} times in a row")

    def _act(self, state: State, now: int) -> bool:
        """Take one step; True when there may be another one."""
        try:
            return self._step(state, now)
        except (ClientError, BotoCoreError) as error:
            if not passing(error):
                raise
            self._report("AWS is busy, the look waits", reason=str(error))
            return self._wait(state, now, look_again(state, now, now + BUSY_SECONDS))

    def _step(self, state: State, now: int) -> bool:
        running = state.running
        execution = self._executions.status(running.arn) if running and running.arn else None
        model = None if running else self._service.model()
        match decide(state, now, model, execution, self._rules.rhythm):
            case Plan() as planned:
                self._plan(state, planned)
            case Start(running):
                arn = self._executions.start(running)
                self._table.save(replace(state, running=replace(running, arn=arn)))
                self._report("Look started", execution=arn, window=running.window)
            case Finish(running, succeeded):
                self._finish(state, running, succeeded=succeeded)
            case (LookAgain() | Nothing()) as look:
                return self._wait(state, now, look)
        return True

    def _wait(self, state: State, now: int, look: LookAgain | Nothing) -> bool:
        if isinstance(look, LookAgain):
            self._looks.send(look.at, look.at - now)
            self._table.save(replace(state, look_at=look.at))
        return False

    def _plan(self, state: State, planned: Plan) -> None:
        """Write down what a look is to read; without anything to read there is no job, and maybe silence."""
        listing = self._storage.captured(planned.start, planned.end)
        quality = self._rules.quality
        labels = self._storage.labels(listing.until - quality.labels_within) if quality else {}
        silent = planned.regular and not listing.files
        window = plan.Window(self._project, planned.model, planned.start, listing.until, silent)
        labelled = bool(labels) and bool(state.labels_at or state.asked)
        if not (listing.files or labelled or silent):
            self._table.save(state.passed(window.end))
            self._report("Nothing came since the last look", window=window.name)
            return
        counts = self._calls.between(window.start, window.end)
        read = plan.chosen(listing.files)
        drawn = max(DRAWN_SECONDS, DRAWN * self._rules.rhythm.every)
        earlier = self._storage.earlier(
            max(0, window.start - drawn),
            max(0, window.end - quality.labels_within) if quality else window.end,
            window.start,
            state.unjudged,
        )
        self._storage.write_look(
            window.name,
            plan.document(window, self._rules, counts, found=listing.files, read=read, labels=labels),
            traffic=[file.name for file in read],
            labels=sorted(labels),
            earlier=earlier,
        )
        if listing.files or labelled:
            self._table.save(state.intended(self._running(window)))
            return
        quiet = findings.silent(self._project, window.name, window.model.version, counts.calls)
        self._storage.write_findings(window.name, quiet)
        self._tell(state.intended(self._running(window)), window.name)

    def _running(self, window: plan.Window) -> Running:
        return Running(
            # The same look is the same request to SageMaker, however often it is asked for.
            token=sha256(f"{self._project} {window.name}".encode()).hexdigest(),
            window=window.name,
            end=window.end,
            folder=self._storage.folder(window.name),
            baseline=window.model.baseline,
            quality=window.model.quality,
        )

    def _finish(self, state: State, running: Running, *, succeeded: bool) -> None:
        if succeeded and self._tell(state, running.window):
            return
        why = self._executions.failure(running.arn) if running.arn and not succeeded else "it found nothing"
        look = self._storage.look(running.window)
        last = Last(running.window, int(look["version"]), failed=why)
        if state.last:
            # What was wrong before is still so, as far as anybody knows.
            before = state.last
            last = replace(last, drifted=before.drifted, below=before.below, silent=before.silent)
        self._table.save(state.finished(last, running.end, covered=False))
        self._report("Look failed", window=running.window, reason=why)

    def _tell(self, state: State, window: str) -> bool:
        """Tell what a look has found, and write down that it is over; False if it has found nothing."""
        look = self._storage.look(window)
        content = self._storage.findings(window)
        if content is None or state.running is None:
            return False
        try:
            found = findings.read(content, look)
        except findings.NoFindings as error:
            self._report("The findings cannot be read", window=window, reason=str(error))
            return False
        version, report = int(look["version"]), f"{self._storage.folder(window)}/report"
        self._figures.put(found.figures)
        # Without a job there is no page.
        page = "" if state.running.arn is None else f"{report}/report.html"
        asked = dict(wanted(found, self._rules))
        for kind in kinds(found, state.last):
            detail = {"window": window, "version": version, "reason": found.reason}
            detail |= {"report": page, "findings": f"{report}/findings.json"}
            self._news.tell(kind, {**detail, "asks_for_training": FINDINGS.get(kind) in asked})
        for kind, reason in asked.items():
            named = {"kind": kind, "id": f"{kind} {window}", "version": version}
            self._news.tell(WANTED, {**named, "reason": reason})
        before = state.last
        last = Last(
            window,
            version,
            drifted=bool(before and before.drifted) if found.drifted is None else found.drifted,
            below=bool(before and before.below) if found.below is None else found.below,
            silent=found.silent,
            reason=found.reason,
        )
        self._table.save(state.finished(last, state.running.end, covered=found.covered))
        self._report("Looked", window=window, reason=found.reason)
        return True
