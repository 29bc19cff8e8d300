"""CloudWatch alarms evaluated as AWS does: per metric with its dimensions, over periods, all the time.

Missing data: see local.adapter.verdict.
"""

import json
import logging
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from local.adapter import seams
from local.adapter.deliveries import may_publish
from local.adapter.host import MinistackHost, statistic_of
from local.adapter.metric_math import Value, evaluate
from local.adapter.verdict import verdict
from local.host import AlarmAction

EVERY_SECONDS, SHORTEST_SECONDS = 1.0, 0.1
"""Between evaluations: the first in AWS's time, the second in this machine's."""
CLOUDWATCH = "cloudwatch.amazonaws.com"
# AWS looks further back than the evaluation periods when data is missing.
EXTRA_PERIODS = 2
_ACTIONS = {
    "ALARM": "AlarmActions",
    "OK": "OKActions",
    "INSUFFICIENT_DATA": "InsufficientDataActions",
}
Alarm = dict[str, Any]
logger = logging.getLogger(__name__)


class Alarms:
    """Evaluates every metric alarm again and again, and tells of each change of state."""

    def __init__(self, host: MinistackHost) -> None:
        self._host = host
        self._closing = threading.Event()
        self._dispatch = seams.cloudwatch._dispatch_alarm_actions
        self._put_metric_alarm = seams.cloudwatch._put_metric_alarm
        seams.cloudwatch._evaluate_alarm = self._evaluate
        # The ticker evaluates; a write of metrics needs not.
        seams.cloudwatch._evaluate_all_alarms = lambda: None
        seams.cloudwatch._dispatch_alarm_actions = self._changed
        seams.cloudwatch._put_metric_alarm = self._put

    def start(self) -> None:
        """Begin to evaluate."""
        threading.Thread(target=self._run, name="alarms", daemon=True).start()

    def close(self) -> None:
        """Stop evaluating."""
        self._closing.set()

    def _run(self) -> None:
        every = max(SHORTEST_SECONDS, EVERY_SECONDS / max(1.0, self._host.speed))
        while not self._closing.wait(every):
            self._host.on_loop(self._evaluate_all)

    def _evaluate_all(self) -> None:
        for alarm in list(seams.cloudwatch._alarms.values()):
            try:
                self._evaluate(alarm)
            except Exception:
                logger.exception("Alarm %s could not be evaluated", alarm["AlarmName"])

    def _put(self, params: Any, data: Mapping[str, Any], *encoding: bool) -> Any:
        """PutMetricAlarm, with the metric math that ministack leaves out."""
        answer = self._put_metric_alarm(params, data, *encoding)
        alarm = seams.cloudwatch._alarms.get(data.get("AlarmName"))
        if alarm and data.get("Metrics"):
            alarm["Metrics"] = data["Metrics"]
        return answer

    def _evaluate(self, alarm: Alarm) -> None:
        count = int(alarm.get("EvaluationPeriods", 1))
        values = [
            datapoint(alarm, index, self._host.speed, time.time()) for index in range(count + EXTRA_PERIODS)
        ]
        state = verdict(alarm, values)
        before = alarm["StateValue"]
        if state is None or state == before:
            return
        recent = [value for value in values if value is not None][:count]
        reason = _reason(alarm, state, recent)
        alarm["StateValue"] = state
        alarm["StateReason"] = reason
        alarm["StateUpdatedTimestamp"] = int(time.time())
        alarm["_newest"] = recent[0] if recent else None
        seams.cloudwatch._record_history(alarm["AlarmName"], before, state, reason)
        seams.cloudwatch._dispatch_alarm_actions(alarm, before, state, reason)
        seams.cloudwatch._evaluate_parent_alarms(alarm)

    def _changed(self, alarm: Alarm, before: str, state: str, reason: str) -> None:
        """Carry out the actions for the new state, and send the event; composite alarms come here too."""
        if alarm.get("ActionsEnabled", True):
            for arn in alarm.get(_ACTIONS[state]) or []:
                self._act(AlarmAction(arn, alarm["AlarmName"], state, alarm.get("_newest")))
        permitted = [
            arn for arn in alarm.get(_ACTIONS[state]) or [] if may_publish(arn, CLOUDWATCH, alarm["AlarmArn"])
        ]
        self._dispatch(alarm | {_ACTIONS[state]: permitted}, before, state, reason)
        self._host.emit(
            "aws.cloudwatch",
            "CloudWatch Alarm State Change",
            event_detail(alarm, before, state, reason),
            [alarm["AlarmArn"]],
        )

    def _act(self, action: AlarmAction) -> None:
        for prefix, listener in self._host.alarm_listeners:
            if action.action.startswith(prefix):
                threading.Thread(target=listener, args=(action,), name="alarm-action").start()


def datapoint(alarm: Mapping[str, Any], index: int, speed: float, now: float) -> float | None:
    """The alarm's value over the period that ended `index` periods ago; None without data."""
    if metrics := alarm.get("Metrics"):
        return _expression(metrics, index, speed, now)
    statistic = alarm.get("ExtendedStatistic") or alarm.get("Statistic") or "Average"
    dimensions = {d["Name"]: d["Value"] for d in alarm.get("Dimensions") or []}
    return _over(
        alarm["Namespace"],
        alarm["MetricName"],
        dimensions,
        statistic,
        alarm.get("Period", 60),
        index,
        speed,
        now,
    )


def _over(
    namespace: str,
    name: str,
    dimensions: Mapping[str, str],
    statistic: str,
    period: float,
    index: int,
    speed: float,
    now: float,
) -> float | None:
    length = float(period) / speed
    end = now - index * length
    return statistic_of(namespace, name, dimensions, statistic, end - length, end)


def _expression(queries: Sequence[Mapping[str, Any]], index: int, speed: float, now: float) -> float | None:
    """The value of the query that returns data, over the metrics and expressions that it is made of."""
    values: dict[str, Value] = {}
    for query in queries:
        if stat := query.get("MetricStat"):
            metric = stat["Metric"]
            dimensions = {d["Name"]: d["Value"] for d in metric.get("Dimensions") or []}
            values[query["Id"]] = _over(
                metric["Namespace"],
                metric["MetricName"],
                dimensions,
                stat["Stat"],
                float(stat["Period"]),
                index,
                speed,
                now,
            )
    expressions = {query["Id"]: query["Expression"] for query in queries if query.get("Expression")}
    [returned] = [query["Id"] for query in queries if str(query.get("ReturnData", True)).lower() == "true"]
    return evaluate(returned, expressions, values)


def _reason(alarm: Mapping[str, Any], state: str, recent: Sequence[float]) -> str:
    if state == "INSUFFICIENT_DATA":
        return "Insufficient Data: the alarm's metric has no datapoints."
    if not recent:
        return f"Threshold Crossed: no datapoints, and missing data is {alarm.get('TreatMissingData')}."
    words = "".join(f" {c.lower()}" if c.isupper() else c for c in alarm["ComparisonOperator"]).strip()
    crossed = "was" if state == "ALARM" else "was not"
    return (
        f"Threshold Crossed: {len(recent)} datapoint(s) {list(recent)} {crossed} "
        f"{words.removesuffix(' to threshold').removesuffix(' threshold')} the threshold "
        f"({alarm['Threshold']})."
    )


def event_detail(alarm: Mapping[str, Any], before: str, state: str, reason: str) -> dict[str, Any]:
    """The detail of "CloudWatch Alarm State Change", as the CloudWatch user guide shows it."""
    stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000"
    configuration: dict[str, Any] = {"description": alarm.get("AlarmDescription") or ""}
    if "AlarmRule" in alarm:
        configuration["alarmRule"] = alarm["AlarmRule"]
    elif metrics := alarm.get("Metrics"):
        configuration["metrics"] = json.loads(json.dumps(metrics))
    else:
        metric = {
            "namespace": alarm["Namespace"],
            "name": alarm["MetricName"],
            "dimensions": {d["Name"]: d["Value"] for d in alarm.get("Dimensions") or []},
        }
        statistic = alarm.get("ExtendedStatistic") or alarm.get("Statistic")
        configuration["metrics"] = [
            {
                "id": "m1",
                "metricStat": {"metric": metric, "period": alarm.get("Period", 60), "stat": statistic},
                "returnData": True,
            }
        ]
    return {
        "alarmName": alarm["AlarmName"],
        "state": {"value": state, "reason": reason, "timestamp": stamp},
        "previousState": {"value": before, "timestamp": stamp},
        "configuration": configuration,
    }
