"""The state that an alarm's datapoints call for, missing ones included.

docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}


def verdict(alarm: Mapping[str, Any], values: Sequence[float | None]) -> str | None:
    """The state that the datapoints (newest first) call for; None: the one that the alarm has.

    Real datapoints count first, newest first; what is missing after them counts as TreatMissingData says.
    """
    count = int(alarm.get("EvaluationPeriods", 1))
    needed = int(alarm.get("DatapointsToAlarm") or count)
    treat = alarm.get("TreatMissingData") or "missing"
    compare = _COMPARE.get(alarm.get("ComparisonOperator", ""))
    if compare is None:
        raise ValueError(f"The embedded AWS does not compare by {alarm.get('ComparisonOperator')}.")
    threshold = float(alarm["Threshold"])
    aged = [(age, value) for age, value in enumerate(values, start=1) if value is not None][:count]
    real = [compare(value, threshold) for _, value in aged]
    missing = count - len(real)
    breaching = sum(real) + (missing if treat == "breaching" else 0)
    if breaching >= needed:
        return "ALARM"
    if not missing or treat in ("breaching", "notBreaching"):
        return "OK"
    if not real:
        return None if treat == "ignore" else "INSUFFICIENT_DATA"
    if all(real):
        # No premature alarm: "when the oldest available breaching datapoint during the Evaluation Periods
        # number of data points is at least as old as the value of Datapoints to Alarm".
        return "ALARM" if treat == "missing" and aged[-1][0] >= needed else None
    return "OK"
