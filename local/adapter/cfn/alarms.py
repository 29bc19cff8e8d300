"""AWS::CloudWatch::CompositeAlarm, and metric math in AWS::CloudWatch::Alarm."""

from collections.abc import Iterator
from typing import Any

from local.adapter import seams
from local.adapter.cfn.types import Created, Props, ResourceType
from local.adapter.host import MinistackHost


def types(host: MinistackHost) -> Iterator[ResourceType]:
    """The composite alarm; metric alarms are ministack's, taught metric math here."""
    seams.provisioners._cw_metric_alarm_record = _with_metric_math(seams.provisioners._cw_metric_alarm_record)
    yield _composite(host)


def _composite(host: MinistackHost) -> ResourceType:
    def put(name: str, props: Props) -> Created:
        cloudwatch = host.client("cloudwatch")
        cloudwatch.put_composite_alarm(**{"AlarmName": name} | props)
        [alarm] = cloudwatch.describe_alarms(
            AlarmNames=[props.get("AlarmName", name)], AlarmTypes=["CompositeAlarm"]
        )["CompositeAlarms"]
        return alarm["AlarmName"], {"Arn": alarm["AlarmArn"]}

    def delete(physical_id: str, _props: Props) -> None:
        host.client("cloudwatch").delete_alarms(AlarmNames=[physical_id])

    return ResourceType(
        "AWS::CloudWatch::CompositeAlarm",
        put,
        delete,
        lambda physical_id, _old, new: put(physical_id, new),
        ("AlarmName",),
        tags=False,
        name_length=255,
    )


def _with_metric_math(before: Any) -> Any:
    """ministack refuses Properties.Metrics; our evaluation (local.adapter.alarms) reads it."""

    def record(name: str, props: Props) -> dict[str, Any]:
        metrics = props.get("Metrics")
        if not metrics:
            plain: dict[str, Any] = before(name, props)
            return plain
        if props.get("MetricName"):
            raise ValueError("An alarm has either MetricName or Metrics, not both.")
        [returned] = [query for query in metrics if str(query.get("ReturnData", True)).lower() == "true"]
        stand_in = {"MetricName": returned["Id"], "Namespace": "expression"}
        made: dict[str, Any] = before(
            name, {key: value for key, value in props.items() if key != "Metrics"} | stand_in
        )
        for key in ("MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Period", "Dimensions"):
            made.pop(key, None)
        return made | {"Metrics": metrics}

    return record
