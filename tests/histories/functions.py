"""The functions of a project as Lambda runs them: woken by their queues or called, with what may go wrong."""

import importlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from tests.histories.aws.account import Account, Process
from tests.histories.aws.points import Crash
from tests.histories.aws.sqs import Message
from tests.histories.seams import forget
from tests.histories.wiring import WiredFunction, Wiring

# What no fault of AWS excuses.
MISTAKES = (
    AssertionError,
    ArithmeticError,
    AttributeError,
    LookupError,
    NameError,
    RecursionError,
    TypeError,
    ValueError,
)


class Mistake(AssertionError):
    """A function failed by itself, and not because AWS did."""


class Functions:
    """Runs the handlers; `failures` are the exceptions by which invocations ended."""

    def __init__(self, account: Account, wiring: Wiring) -> None:
        self._account, self._wiring = account, wiring
        self.failures: list[str] = []
        self.crashes = 0
        self.skew = 0
        self._last: dict[str, Mapping[str, Any]] = {}

    def wake(self, name: str, most: int = 100) -> bool:
        """One invocation with what its queue holds; False if that is nothing.

        Messages of an invocation that failed, or died, stay in the queue, out of sight for a while.
        https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
        """
        function = self._wiring.function(name)
        taken = self._account.sqs.take(function.queue, min(most, function.batch))
        if not taken:
            return False
        event = {"Records": [_record(message, function.queue) for message in taken]}
        self._last[name] = event
        done, answer = self._run(function, event)
        if done:
            failed = {found["itemIdentifier"] for found in (answer or {}).get("batchItemFailures", ())}
            self._account.sqs.remove(
                function.queue, [message for message in taken if message.id not in failed]
            )
        return True

    def again(self, name: str) -> None:
        """The last messages of a function come a second time, to another invocation, as SQS may do it."""
        if event := self._last.get(name):
            self._run(self._wiring.function(name), event)

    def call(self, name: str, event: Mapping[str, Any]) -> Any:
        """One invocation by a caller that waits for the answer; None if it failed."""
        return self._run(self._wiring.function(name), event)[1]

    def start_cold(self) -> None:
        """What the functions keep between invocations is gone, as it is after a crash."""
        forget({function.module for function in self._wiring.functions.values()})

    def waiting(self) -> list[str]:
        """The functions for which a message is there now, all of them if there is none."""
        names = self.woken()
        queues = {name: self._account.sqs.queues[self._wiring.function(name).queue] for name in names}
        now = self._account.now
        found = [name for name in names if any(one.visible_at <= now for one in queues[name].messages)]
        return found or names

    def woken(self) -> list[str]:
        """The functions that queues wake, by the ends of their names."""
        prefix = f"{self._wiring.project}-"
        return [name.removeprefix(prefix) for name, found in self._wiring.functions.items() if found.queue]

    def _run(self, function: WiredFunction, event: Mapping[str, Any]) -> tuple[bool, Any]:
        handle = getattr(importlib.import_module(function.module), function.handler)
        with self._process(function) as process:
            try:
                answer = handle(event, _context(function))
                if self._account.mistakes:
                    raise Mistake("; ".join(self._account.mistakes))
                return True, answer
            except Crash:
                process.dead = True
                self.crashes += 1
                self.start_cold()
            except Mistake:
                raise
            except MISTAKES as mistake:
                raise Mistake(f"{function.name}: {type(mistake).__name__}: {mistake}") from mistake
            except Exception as error:  # noqa: BLE001 (Lambda takes them all)
                self.failures.append(f"{function.name}: {type(error).__name__}: {error}")
        return False, None

    @contextmanager
    def _process(self, function: WiredFunction) -> Iterator[Process]:
        name = function.name.removeprefix(f"{self._wiring.project}-")
        process = Process(name, skew=self.skew)
        outer = {name: os.environ.get(name) for name in function.environment}
        os.environ.update(function.environment)
        self._account.processes.append(process)
        try:
            yield process
        finally:
            self._account.processes.pop()
            for name, value in outer.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value


def _record(message: Message, queue: str) -> dict[str, Any]:
    """https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html."""
    return {
        "messageId": message.id,
        "receiptHandle": f"{message.id}-{message.receives}",
        "body": message.body,
        "attributes": {"ApproximateReceiveCount": f"{message.receives}"},
        "messageAttributes": {
            name: {"stringValue": value.get("StringValue"), "dataType": value["DataType"]}
            for name, value in message.attributes.items()
        },
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:us-east-1:000000000000:{queue}",
        "awsRegion": "us-east-1",
    }


def _context(function: WiredFunction) -> Any:
    return SimpleNamespace(
        function_name=function.name,
        memory_limit_in_mb=256,
        invoked_function_arn=f"arn:aws:lambda:us-east-1:000000000000:function:{function.name}",
        aws_request_id="1",
        get_remaining_time_in_millis=lambda: 30_000,
    )
