"""Calls from inside a VPC: they reach S3 through its gateway endpoint, and flow logs tell of them.

docs.aws.amazon.com/sagemaker/latest/dg/train-vpc.html
docs.aws.amazon.com/vpc/latest/privatelink/vpc-endpoints-s3.html
"""

import logging
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from local.adapter import authorization, seams
from local.host import AccessDenied

FLOW_LOGS = "vpc-flow-logs.amazonaws.com"
ROLE_MEMBER = "DeliverLogsPermissionArn"
logger = logging.getLogger(__name__)
_inside: dict[str, str] = {}
"""The VPC that a session's calls come from, by access key."""
_interfaces: dict[str, str] = {}
"""The network interface that SageMaker has in a subnet."""


def install() -> None:
    """Check the calls of S3 that come from inside a VPC."""
    seams.app.SERVICE_HANDLERS["s3"] = _through_endpoint(seams.app.SERVICE_HANDLERS["s3"])


def enter(access_key: str, subnets: Iterable[str]) -> None:
    """Let the calls of a session come from these subnets; on the event loop."""
    for subnet in subnets:
        _inside[access_key] = _vpc(subnet)


def _through_endpoint(handler: Any) -> Any:
    async def handle(
        method: str, path: str, headers: dict[str, str], body: bytes, query_params: dict[str, Any]
    ) -> Any:
        access_key = seams.router.extract_access_key_id(headers, query_params)
        if vpc := _inside.get(access_key):
            request = ("s3", method, path, headers, body, query_params)
            action = seams.iam_actions.extract_iam_action(*request)
            region, account = seams.responses.get_region(), seams.responses.get_account_id()
            resource = seams.iam_actions.extract_resource_arn(*request, region, account)
            if action and (refused := _refused(access_key, vpc, action, resource)):
                return seams.responses.error_response_xml("AccessDenied", refused, 403)
        return await handler(method, path, headers, body, query_params)

    return handle


def _refused(access_key: str, vpc: str, action: str, resource: str) -> str:
    """Why the way out of the VPC is closed to this call; empty if it is open."""
    region = seams.responses.get_region()
    endpoint = next(_endpoints(vpc, f"com.amazonaws.{region}.s3"), None)
    if endpoint is None:
        return f"There is no way from {vpc} to S3: give it a gateway endpoint for com.amazonaws.{region}.s3."
    policy = endpoint.get("PolicyDocument")
    if not policy:
        return ""  # the default policy allows everything
    principal = seams.iam_evaluator.resolve_principal(access_key, seams.responses.get_account_id())
    context = seams.iam_evaluator.EvalContext(
        principal_arn=principal.arn,
        principal_type=principal.type,
        principal_account=principal.account,
        action=action,
        resource_arn=resource,
        region=region,
    )
    if seams.iam_evaluator.evaluate_resource_policy(policy, context).decision == "Allow":
        return ""
    return (
        f"User: {principal.arn} is not authorized to perform: {action} on resource: {resource} "
        "because no VPC endpoint policy allows the action"
    )


def _endpoints(vpc: str, service: str) -> Iterator[Mapping[str, Any]]:
    return (
        found
        for found in seams.ec2._vpc_endpoints.values()
        if found["VpcId"] == vpc and found["ServiceName"] == service
    )


def _vpc(subnet: str) -> str:
    found: str = (seams.ec2._subnets.get(subnet) or {}).get("VpcId", "")
    return found


def log_flow(subnets: Iterable[str]) -> None:
    """Deliver a record of the interface in each subnet to each flow log of its VPC; on the event loop.

    No packet is counted here, and SKIPDATA says so:
    docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html
    """
    account, now = seams.responses.get_account_id(), int(time.time())
    for subnet in subnets:
        interface = _interfaces.setdefault(subnet, f"eni-{secrets.token_hex(9)[:17]}")
        line = f"2 {account} {interface} - - - - - - - {now} {now + 1} - SKIPDATA"
        for flow_log in seams.ec2._flow_logs.values():
            if flow_log["ResourceId"] == _vpc(subnet) and (role := flow_log.get(ROLE_MEMBER)):
                _deliver(flow_log, role, f"{interface}-all", [line])


def _deliver(flow_log: dict[str, Any], role: str, stream: str, lines: Sequence[str]) -> None:
    """Write to the log group as the flow log's role may.

    docs.aws.amazon.com/vpc/latest/userguide/flow-logs-iam-role.html
    """
    group = flow_log["LogDestination"]
    region, account = seams.responses.get_region(), seams.responses.get_account_id()
    arn = f"arn:aws:logs:{region}:{account}:log-group:{group}"
    try:
        authorization.require(role, FLOW_LOGS, "logs:DescribeLogStreams", f"{arn}:*")
        for action in ("logs:CreateLogStream", "logs:PutLogEvents"):
            authorization.require(role, FLOW_LOGS, action, f"{arn}:log-stream:{stream}")
    except AccessDenied as error:
        flow_log |= {"DeliverLogsStatus": "FAILED", "DeliverLogsErrorMessage": "Access error"}
        logger.warning("Flow log %s is not delivered: %s", flow_log["FlowLogId"], error)
        return
    flow_log["DeliverLogsStatus"] = "SUCCESS"
    name = {"logGroupName": group, "logStreamName": stream}
    seams.logs._create_log_stream(name)
    stamp = int(time.time() * 1000)
    seams.logs._put_log_events(name | {"logEvents": [{"timestamp": stamp, "message": m} for m in lines]})
