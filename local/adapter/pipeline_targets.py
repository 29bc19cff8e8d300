"""SageMaker pipelines as targets of EventBridge's rules, started with the role that the target names.

A value of a parameter that is a path into the event is replaced by what is there:
docs.aws.amazon.com/eventbridge/latest/userguide/eb-targets.html (dynamic path parameters)
"""

import hashlib
import threading
from collections.abc import Mapping
from typing import Any

from local.adapter import authorization, deliveries, seams
from local.adapter.deliveries import EVENTS, Undeliverable
from local.adapter.host import MinistackHost
from local.adapter.routing import Service
from local.errors import ApiError
from local.host import AccessDenied

_START = "sagemaker:StartPipelineExecution"


def install(host: MinistackHost, sagemaker: Service) -> None:
    """Let rules start pipelines; every other target goes the way that it went before."""
    before = seams.eventbridge._invoke_target

    def invoke(
        target: Mapping[str, Any], event: Mapping[str, Any], rule: Mapping[str, Any], view: Any = None
    ) -> None:
        service, _, name = str(target["Arn"]).partition(":sagemaker:")[2].rpartition(":pipeline/")
        if not service or not name:
            before(target, event, rule, view)
            return
        view = view or seams.eventbridge._pattern_event_view(event)
        given = (target.get("SageMakerPipelineParameters") or {}).get("PipelineParameterList", [])
        parameters = [
            {"Name": each["Name"], "Value": resolved(each["Value"], view.event_with_detail())}
            for each in given
        ]

        # An event that comes twice starts one execution.
        token = hashlib.sha256(f"{rule['Arn']} {target['Id']} {event.get('EventId')}".encode()).hexdigest()
        asked = {"PipelineName": name, "PipelineParameters": parameters, "ClientRequestToken": token}

        def start() -> None:
            try:
                _start(host, sagemaker, target, asked)
            except Undeliverable as error:
                failed = error
                host.on_loop(lambda: deliveries.dead_letter(target, event, rule, failed, view))

        # The start calls back over HTTP: never on the loop.
        threading.Thread(target=start, name=f"start-{name}", daemon=True).start()

    seams.eventbridge._invoke_target = invoke


def resolved(value: str, event: Mapping[str, Any]) -> str:
    """A text as it is, or what is at the place in the event that `$.detail.object.key` names."""
    if not value.startswith("$."):
        return value
    found: Any = event
    for part in value.removeprefix("$.").split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return "" if found is None else str(found)


def _start(
    host: MinistackHost,
    sagemaker: Service,
    target: Mapping[str, Any],
    asked: Mapping[str, Any],
) -> None:
    """Start an execution; raises Undeliverable where EventBridge would give up."""
    role = target.get("RoleArn", "")
    try:
        host.on_loop(lambda: authorization.require(role, EVENTS, _START, target["Arn"]))
        sagemaker.call("StartPipelineExecution", asked)
    except AccessDenied as error:
        raise Undeliverable("NO_PERMISSIONS", str(error)) from error
    except ApiError as error:
        code = "RESOURCE_NOT_FOUND" if error.code == "ResourceNotFound" else "SDK_CLIENT_ERROR"
        raise Undeliverable(code, str(error)) from error
