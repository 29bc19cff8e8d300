"""Metrics that AWS's services send of themselves, and alarms look at: queues, rules that matched, REST APIs.

docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html
"""

import threading
import time
from collections.abc import Mapping
from typing import Any

from local.adapter import api_calls, seams
from local.adapter.api_metrics import NAMESPACE, ApiMeter
from local.adapter.host import MinistackHost
from local.adapter.rule_metrics import RuleMeter
from local.host import Metric

_EVERY_SECONDS = 30.0
"""Twice in each minute of CloudWatch, so that no period of an alarm is without a datum."""

_RULES_EVERY_SECONDS = 1.0
"""Sending each match by itself would make every event wait for the event loop: a storm has thousands."""


class ServiceMetrics:
    """Sends them as long as the server runs."""

    def __init__(self, host: MinistackHost) -> None:
        self._host = host
        self._apis = ApiMeter()
        self._rules = RuleMeter()
        self._filled: set[str] = set()
        self._closing = threading.Event()

    def install(self) -> None:
        """Count the rules that match, and the calls of APIs."""
        api_calls.install(self._apis)
        before = seams.eventbridge._invoke_target

        def invoke(
            target: Mapping[str, Any], event: Mapping[str, Any], rule: Mapping[str, Any], view: Any = None
        ) -> None:
            # Once for the rule, however many targets it has.
            if any(targets and targets[0] is target for targets in seams.eventbridge._targets.values()):
                self._rules.record(rule["Name"])
            before(target, event, rule, view)

        seams.eventbridge._invoke_target = invoke

    def start(self) -> None:
        """Begin to look at the queues, and to send what was counted."""
        threading.Thread(target=self._run, name="service-metrics", daemon=True).start()

    def close(self) -> None:
        """Stop."""
        self._closing.set()

    def _run(self) -> None:
        every = _EVERY_SECONDS / self._host.speed
        due = time.monotonic() + every
        while not self._closing.wait(min(every, _RULES_EVERY_SECONDS)):
            if matches := self._rules.take():
                self._host.put_metrics("AWS/Events", matches)
            if time.monotonic() >= due:
                due = time.monotonic() + every
                self._host.on_loop(self._look_at_queues)
                self._host.on_loop(self._send_calls)

    def _send_calls(self) -> None:
        # In one turn: an alarm that compares two of them sees both or none.
        self._host.put_metrics(NAMESPACE, self._apis.take())

    def _look_at_queues(self) -> None:
        now = time.time()
        for queue in list(seams.sqs._queues.values()):
            waiting = sum(message.get("visible_at", 0) <= now for message in queue["messages"])
            name = queue["name"]
            # Zero is told once: an empty queue has nothing new to say.
            if waiting or name in self._filled:
                self._put("AWS/SQS", "ApproximateNumberOfMessagesVisible", waiting, {"QueueName": name})
            (self._filled.add if waiting else self._filled.discard)(name)

    def _put(self, namespace: str, name: str, value: float, dimensions: Mapping[str, str]) -> None:
        self._host.put_metrics(namespace, [Metric(name, value, "Count", dimensions)])
