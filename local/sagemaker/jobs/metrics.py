"""The metrics of an algorithm, found in what it prints."""

import contextlib
import re
from collections.abc import Iterable, Mapping

from local.errors import ValidationException
from local.host import Metric
from local.sagemaker.context import now
from local.sagemaker.store import Record


class Metrics:
    """Reads a training log by MetricDefinitions; the first group of each Regex is the value.

    Of the metric named `objective` it keeps every value. Raises ValidationException for a Regex that is none.
    """

    def __init__(self, definitions: Iterable[Mapping[str, str]], objective: str | None = None) -> None:
        self._patterns = {}
        for definition in definitions:
            try:
                self._patterns[definition["Name"]] = re.compile(definition["Regex"])
            except re.error as error:
                raise ValidationException(
                    f"The regular expression {definition['Regex']} of metric {definition['Name']} is not "
                    f"valid: {error}."
                ) from None
        self._latest: dict[str, Record] = {}
        self._unsent: list[Metric] = []
        self._objective = objective
        self.objective: list[float] = []
        """The values of the objective, oldest first."""

    def read(self, line: str) -> None:
        """Note the values in a line of the log."""
        for name, pattern in self._patterns.items():
            for found in pattern.finditer(line):
                with contextlib.suppress(ValueError, IndexError):
                    moment, value = now(), float(found.group(1))
                    self._latest[name] = {"MetricName": name, "Value": value, "Timestamp": moment}
                    self._unsent.append(Metric(name, value, timestamp=moment))
                    if name == self._objective:
                        self.objective.append(value)

    def final(self) -> list[Record]:
        """FinalMetricDataList: the last value of each metric."""
        return list(self._latest.values())

    def take(self, dimensions: Mapping[str, str]) -> list[Metric]:
        """The values that were not taken yet."""
        taken = [Metric(m.name, m.value, dimensions=dimensions, timestamp=m.timestamp) for m in self._unsent]
        self._unsent.clear()
        return taken
