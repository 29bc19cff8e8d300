"""What is seen of a model that runs as a shadow, once it has run long enough."""

import time
from collections.abc import Callable

from promote.captured import Captured
from promote.comparison import compare
from promote.traffic import Metrics
from promote.verdict import Rules, Seen, Undecided, Verdict, judge


class Trial:
    """Looks at the shadow of an endpoint; the variants are the one in service and its shadow."""

    def __init__(
        self,
        rules: Rules,
        captured: Captured,
        metrics: Metrics,
        *,
        service: str,
        shadow: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._rules, self._captured, self._metrics, self._clock = rules, captured, metrics, clock
        self._service, self._shadow = service, shadow

    def verdict(self, since: float) -> Verdict:
        """The verdict on what runs as a shadow since that epoch second."""
        now = self._clock()
        if now - since < self._rules.wait_seconds:
            return Undecided()
        return judge(self._rules, self._see(since, now), now - since)

    def _see(self, since: float, now: float) -> Seen:
        shadow = self._captured.answers(self._shadow, since)
        service = self._captured.answers(self._service, since, among=shadow.keys()) if shadow else {}
        return Seen(
            compare(service, shadow, self._rules.difference),
            service=self._metrics.of(self._service, since, now),
            shadow=self._metrics.of(self._shadow, since, now),
        )
