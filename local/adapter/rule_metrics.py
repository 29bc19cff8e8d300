"""What EventBridge tells of its rules: how many events each one matched.

docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html
"""

import threading
from collections import Counter

from local.host import Metric


class RuleMeter:
    """Counts the events that matched each rule until they are taken; events come on any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._matches: Counter[str] = Counter()

    def record(self, rule: str) -> None:
        """Count a match."""
        with self._lock:
            self._matches[rule] += 1

    def take(self) -> list[Metric]:
        """Everything since the last time."""
        with self._lock:
            taken, self._matches = self._matches, Counter()
        return [
            Metric("TriggeredRules", 1, "Count", {"RuleName": rule}, None, float(times))
            for rule, times in taken.items()
        ]
