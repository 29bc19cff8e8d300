"""CloudFormation's events on EventBridge: stack and resource status changes."""

import sys
from collections.abc import Callable
from typing import Any

from local.adapter import seams
from local.adapter.host import MinistackHost

STACK = "AWS::CloudFormation::Stack"


def install(host: MinistackHost, changed: Callable[[], None]) -> None:
    """Send an event for every stack event that CloudFormation records; `changed` hears of each too.

    Shapes: docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/event-detail-stack-status-change.html
    """
    before = seams.stacks._add_event

    def add_event(
        stack_id: str,
        stack_name: str,
        logical_id: str,
        resource_type: str,
        status: str,
        reason: str = "",
        physical_id: str = "",
        detailed_status: str = "",
    ) -> None:
        before(stack_id, stack_name, logical_id, resource_type, status, reason, physical_id, detailed_status)
        detail: dict[str, Any] = {
            "stack-id": stack_id,
            "status-details": {"status": status, "status-reason": reason},
            "client-request-token": seams.stacks.CLIENT_REQUEST_TOKEN.get(),
        }
        if resource_type == STACK and logical_id == stack_name:
            detail_type = "CloudFormation Stack Status Change"
        else:
            detail_type = "CloudFormation Resource Status Change"
            detail |= {
                "logical-resource-id": logical_id,
                "physical-resource-id": physical_id,
                "resource-type": resource_type,
            }
        changed()
        host.emit("aws.cloudformation", detail_type, detail, [stack_id])

    for name, module in list(sys.modules.items()):
        if name.startswith("ministack.services.cloudformation") and vars(module).get("_add_event") is before:
            vars(module)["_add_event"] = add_event
