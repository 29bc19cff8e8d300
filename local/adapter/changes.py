"""Which services a request or a delivery may have changed: what durability has to write.

And when who may invoke an endpoint is to be decided anew.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from local.adapter import callers, seams
from local.adapter.durability import Durability

_READS = (
    "Describe",
    "Get",
    "List",
    "Head",
    "Lookup",
    "Search",
    "Filter",
    "BatchGet",
    "Simulate",
    "Query",
    "Scan",
)
# Requests to these may send messages, by threads of their own that no request ends with.
_SENDERS = frozenset({"s3", "sns", "events", "lambda", "apigateway"})


def watch(durability: Durability, forget: Callable[[], None]) -> None:
    """Mark the services that requests and deliveries change; `forget` where they are about permissions."""
    files = {module: file for file, module in seams.app._state_map.items()}
    for name, entry in seams.app.SERVICE_REGISTRY.items():
        changed = {files[module] for module in (entry["module"], *entry.get("sub_modules", ()))}
        if name in _SENDERS:
            changed.add("sqs")
        mark = partial(durability.mark, changed)
        seams.app.SERVICE_HANDLERS[name] = _watched(seams.app.SERVICE_HANDLERS[name], mark)
    for name in callers.SERVICES & seams.app.SERVICE_HANDLERS.keys():
        seams.app.SERVICE_HANDLERS[name] = _watched(seams.app.SERVICE_HANDLERS[name], forget)
    for module, function, services in (
        (seams.eventbridge, "_invoke_target", ("sqs", "sns")),
        (seams.sqs, "_receive_messages_for_esm", ("sqs",)),
        (seams.sqs, "_delete_messages_for_esm", ("sqs",)),
        (seams.sns, "_fanout", ("sqs", "sns")),
        (seams.lambda_svc, "_emit_lambda_logs", ("cloudwatch_logs",)),
        (seams.sts, "register_session", ("sts",)),
        (seams.cloudwatch, "_record_history", ("cloudwatch",)),
    ):
        setattr(module, function, _marking(getattr(module, function), durability, services))


def _watched(handler: Any, mark: Callable[[], None]) -> Any:
    async def handle(
        method: str, path: str, headers: dict[str, str], body: bytes, query_params: dict[str, Any]
    ) -> Any:
        try:
            return await handler(method, path, headers, body, query_params)
        finally:
            if not _only_reads(method, headers, body):
                mark()

    return handle


def _only_reads(method: str, headers: dict[str, str], body: bytes) -> bool:
    if method in ("GET", "HEAD", "OPTIONS"):
        return True
    operation = headers.get("x-amz-target", "").rpartition(".")[2]
    if not operation and body.startswith(b"Action="):
        operation = body[7:].partition(b"&")[0].decode("ascii", "replace")
    return operation.startswith(_READS)


def _marking(function: Any, durability: Durability, services: tuple[str, ...]) -> Any:
    def marked(*arguments: Any, **options: Any) -> Any:
        try:
            return function(*arguments, **options)
        finally:
            durability.mark(services)

    return marked
