"""Which alarms a request for CloudWatch is about, for IAM: ministack knows only single names.

DescribeAlarms is about the alarms that it names, and about `alarm:*` where it names none.
docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatch.html
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from local.adapter import authorization, seams
from local.host import AccessDenied

ACTION = "cloudwatch:DescribeAlarms"
_FORM_MEMBER = "AlarmNames.member."


def install() -> None:
    """Let IAM see the alarms."""
    before = seams.iam_actions.extract_resource_arn

    def extract(
        service: str,
        method: str,
        path: str,
        headers: dict[str, str],
        body: bytes,
        query_params: dict[str, Any],
        region: str,
        account_id: str,
    ) -> str:
        asked = (service, method, path, headers, body, query_params)
        if service == "monitoring" and seams.iam_actions.extract_iam_action(*asked) == ACTION:
            prefix = f"arn:aws:cloudwatch:{region}:{account_id}:alarm:"
            arns = [f"{prefix}{name}" for name in named(headers, body, query_params)]
            return _least_allowed(headers, query_params, arns or [f"{prefix}*"], region)
        arn: str = before(*asked, region, account_id)
        return arn

    seams.iam_actions.extract_resource_arn = extract


def named(headers: Mapping[str, str], body: bytes, query_params: Mapping[str, Any]) -> list[str]:
    """The AlarmNames of a DescribeAlarms request, as JSON or as a form."""
    if "json" in headers.get("content-type", ""):
        try:
            given = json.loads(body)
        except ValueError:
            return []
        names = given.get("AlarmNames") if isinstance(given, dict) else None
        return [str(name) for name in names] if isinstance(names, list) else []
    return [
        value[0] if isinstance(value, list) else value
        for member, value in query_params.items()
        if member.startswith(_FORM_MEMBER)
    ]


def _least_allowed(
    headers: Mapping[str, str], query_params: Mapping[str, Any], arns: Sequence[str], region: str
) -> str:
    """The first alarm that the caller may not see, as one refusal refuses all; else the first of all."""
    access_key = seams.router.extract_access_key_id(headers, query_params)
    for arn in arns if len(arns) > 1 else ():
        try:
            authorization.enforce(access_key, ACTION, arn, region)
        except AccessDenied:
            return arn
    return arns[0]
