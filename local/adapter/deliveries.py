"""Deliveries between services, under the permissions that AWS asks for, with dead-letter queues.

EventBridge to its targets: a missing permission or target sends the event to the target's dead-letter queue
at once, or drops it (docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html).
"""

import hashlib
import json
import logging
import time
import uuid
from collections.abc import Mapping
from typing import Any

from local.adapter import authorization, seams
from local.adapter.batches import gathering
from local.host import AccessDenied

EVENTS = "events.amazonaws.com"
LAMBDA = "lambda.amazonaws.com"
Target = Mapping[str, Any]
logger = logging.getLogger(__name__)


class Undeliverable(Exception):
    """An event cannot be delivered; `code` is EventBridge's ERROR_CODE."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def install() -> None:
    """Put the checks into ministack's delivery paths."""
    _guard_event_targets()
    _guard_event_source_mappings()
    _guard_function_logs()


def _guard_event_targets() -> None:
    before = seams.eventbridge._invoke_target

    def invoke(target: Target, event: Mapping[str, Any], rule: Mapping[str, Any], view: Any = None) -> None:
        try:
            _check_target(target["Arn"], rule["Arn"])
        except Undeliverable as error:
            dead_letter(target, event, rule, error, view)
        else:
            before(target, event, rule, view)

    seams.eventbridge._invoke_target = invoke


def _check_target(arn: str, rule_arn: str) -> None:
    """Raise Undeliverable unless the target exists and lets EventBridge in."""
    service = arn.split(":")[2]
    account = seams.responses.get_account_id()
    if service == "sqs":
        queue = seams.sqs._queue_by_arn(arn)
        if queue is None:
            raise Undeliverable("RESOURCE_NOT_FOUND", f"The queue {arn} does not exist.")
        allowed = seams.sqs.queue_policy_allows(arn, EVENTS, rule_arn, account)
        if not (allowed and _may_encrypt(queue["attributes"].get("KmsMasterKeyId"), rule_arn)):
            raise Undeliverable("NO_PERMISSIONS", f"EventBridge may not send messages to {arn}.")
    elif service == "lambda":
        function, _, _ = seams.lambda_svc._get_func_record_for_ref(arn)
        if not function:
            raise Undeliverable("RESOURCE_NOT_FOUND", f"The function {arn} does not exist.")
        if not authorization.policy_allows(
            function["policy"], EVENTS, "lambda:InvokeFunction", arn, rule_arn
        ):
            raise Undeliverable("NO_PERMISSIONS", f"EventBridge may not invoke {arn}.")
    elif service == "sns":
        topic = seams.sns._topic_by_arn_any_scope(arn)
        if topic is None:
            raise Undeliverable("RESOURCE_NOT_FOUND", f"The topic {arn} does not exist.")
        allowed = seams.sns.topic_policy_allows(arn, EVENTS, rule_arn, account)
        if not (allowed and _may_encrypt(topic["attributes"].get("KmsMasterKeyId"), rule_arn)):
            raise Undeliverable("NO_PERMISSIONS", f"EventBridge may not publish to {arn}.")


def _may_encrypt(key: str | None, source_arn: str, service: str = EVENTS) -> bool:
    if not key:
        return True
    arn = authorization.key_arn(key)
    # AWS's own keys (alias/aws/sqs) cannot be opened to another service.
    return arn is not None and authorization.service_may_use_key(arn, service, source_arn)


def may_publish(topic_arn: str, service: str, source_arn: str) -> bool:
    """Tell whether a topic, and its key if it has one, let the service publish for this source."""
    if topic_arn.split(":")[2] != "sns":
        return False
    topic = seams.sns._topic_by_arn_any_scope(topic_arn)
    account = seams.responses.get_account_id()
    return (
        topic is not None
        and seams.sns.topic_policy_allows(topic_arn, service, source_arn, account)
        and _may_encrypt(topic["attributes"].get("KmsMasterKeyId"), source_arn, service)
    )


def dead_letter(
    target: Target, event: Mapping[str, Any], rule: Mapping[str, Any], error: Undeliverable, view: Any
) -> None:
    """Send an undeliverable event to the target's dead-letter queue, with EventBridge's attributes."""
    queue_arn = (target.get("DeadLetterConfig") or {}).get("Arn")
    account = seams.responses.get_account_id()
    queue = seams.sqs._queue_by_arn(queue_arn) if queue_arn else None
    if queue is None or not (
        seams.sqs.queue_policy_allows(queue_arn, EVENTS, rule["Arn"], account)
        and _may_encrypt(queue["attributes"].get("KmsMasterKeyId"), rule["Arn"])
    ):
        logger.warning("EventBridge dropped an event of rule %s: %s", rule["Arn"], error)
        return
    view = view or seams.eventbridge._pattern_event_view(event)
    attributes = {
        "RULE_ARN": rule["Arn"],
        "TARGET_ARN": target["Arn"],
        "ERROR_CODE": error.code,
        "ERROR_MESSAGE": str(error),
    }
    _enqueue(queue, json.dumps(view.event_with_detail()), attributes)


def _enqueue(queue: dict[str, Any], body: str, attributes: Mapping[str, str]) -> None:
    now = time.time()
    message = {
        "id": str(uuid.uuid4()),
        "body": body,
        "md5_body": hashlib.md5(body.encode(), usedforsecurity=False).hexdigest(),
        "receipt_handle": None,
        "sent_at": now,
        "visible_at": now + seams.sqs.queue_delay(queue),
        "receive_count": 0,
        "message_attributes": {
            name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
        },
        "sys": {"SenderId": "AROAEVENTBRIDGE", "SentTimestamp": str(int(now * 1000))},
    }
    seams.sqs._ensure_msg_fields(message)
    queue["messages"].append(message)
    seams.lambda_svc.esm_wake.set()


def _guard_event_source_mappings() -> None:
    """Lambda polls a queue with the role of the function, which gets whole batches; without rights, none."""
    seams.sqs._receive_messages_for_esm = gathering(seams.sqs._receive_messages_for_esm)
    before = seams.lambda_svc._sqs_esm_concurrency

    def concurrency(
        mapping: dict[str, Any], function: Any, config: Mapping[str, Any], queue: Any = None
    ) -> int:
        try:
            check_queue_reader(config["Role"], mapping["EventSourceArn"])
        except AccessDenied as error:
            mapping["LastProcessingResult"] = f"PROBLEM: {error}"
            return 0
        limit: int = before(mapping, function, config, queue)
        return limit

    seams.lambda_svc._sqs_esm_concurrency = concurrency


def check_queue_reader(role_arn: str, queue_arn: str) -> None:
    """Raise AccessDenied unless the role may be Lambda's and read the queue."""
    for action in ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"):
        authorization.require(role_arn, LAMBDA, action, queue_arn)
    queue = seams.sqs._queue_by_arn(queue_arn)
    key = queue["attributes"].get("KmsMasterKeyId") if queue else None
    if key and (arn := authorization.key_arn(key)):
        authorization.require(role_arn, LAMBDA, "kms:Decrypt", arn)


def _guard_function_logs() -> None:
    """A function's output reaches CloudWatch Logs only where its role may write there."""
    before = seams.lambda_svc._emit_lambda_logs

    def emit(function: dict[str, Any], *arguments: Any, **options: Any) -> None:
        config = function.get("config") or function
        group = (config.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{config['FunctionName']}"
        region, account = seams.responses.get_region(), seams.responses.get_account_id()
        stream = f"arn:aws:logs:{region}:{account}:log-group:{group}:log-stream:x"
        try:
            for action in ("logs:CreateLogStream", "logs:PutLogEvents"):
                authorization.require(config["Role"], LAMBDA, action, stream)
        except AccessDenied as error:
            logger.warning("No logs of %s: %s", config["FunctionName"], error)
            return
        before(function, *arguments, **options)

    seams.lambda_svc._emit_lambda_logs = emit
