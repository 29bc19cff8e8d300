"""iam:PassRole for the services that are ministack's: whoever hands a role to a service must be allowed to.

docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs

from local.adapter import authorization, seams
from local.host import AccessDenied

# Service: (the service that gets the role, the member that names it, by operation; "" for REST creates).
_FORM = {
    ("cloudformation", "CreateStack"): ("cloudformation.amazonaws.com", "RoleARN"),
    ("cloudformation", "UpdateStack"): ("cloudformation.amazonaws.com", "RoleARN"),
    ("cloudformation", "DeleteStack"): ("cloudformation.amazonaws.com", "RoleARN"),
    ("cloudformation", "CreateChangeSet"): ("cloudformation.amazonaws.com", "RoleARN"),
}
_JSON = {
    ("events", "PutRule"): ("events.amazonaws.com", "RoleArn"),
    ("events", "PutTargets"): ("events.amazonaws.com", "RoleArn"),
    ("logs", "PutSubscriptionFilter"): ("logs.amazonaws.com", "roleArn"),
}
_REST = {"lambda": ("lambda.amazonaws.com", "Role"), "scheduler": ("scheduler.amazonaws.com", "RoleArn")}


def install() -> None:
    """Put the check before the services' own handling."""
    for service in {name for name, _ in (*_FORM, *_JSON)} | set(_REST):
        seams.app.SERVICE_HANDLERS[service] = _checked(service, seams.app.SERVICE_HANDLERS[service])


def _checked(service: str, handler: Any) -> Any:
    async def handle(
        method: str, path: str, headers: dict[str, str], body: bytes, query_params: dict[str, Any]
    ) -> Any:
        access_key = seams.router.extract_access_key_id(headers, query_params)
        region = seams.responses.get_region()
        for role, receiver in _passed(service, method, headers, body):
            context = {"iam:PassedToService": receiver}
            try:
                authorization.enforce(access_key, "iam:PassRole", role, region, context)
            except AccessDenied as error:
                return _refusal(service, str(error))
        return await handler(method, path, headers, body, query_params)

    return handle


def _passed(service: str, method: str, headers: Mapping[str, str], body: bytes) -> Iterator[tuple[str, str]]:
    """The roles that a request hands over, each with the service that gets it."""
    if not body:
        return
    if service == "cloudformation":
        form = parse_qs(body.decode("utf-8", "replace"))
        receiver, member = _FORM.get((service, form.get("Action", [""])[0]), ("", ""))
        roles = form.get(member, [])
    elif service in _REST:
        receiver, member = _REST[service] if method in ("POST", "PUT") else ("", "")
        roles = list(_find(_parsed(body), member))
    else:
        operation = headers.get("x-amz-target", "").rpartition(".")[2]
        receiver, member = _JSON.get((service, operation), ("", ""))
        roles = list(_find(_parsed(body), member))
    yield from ((role, receiver) for role in roles)


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


def _find(value: Any, member: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key == member and isinstance(item, str) and item.startswith("arn:"):
                yield item
            else:
                yield from _find(item, member)
    elif isinstance(value, list):
        for item in value:
            yield from _find(item, member)


def _refusal(service: str, message: str) -> Any:
    if service == "cloudformation":
        namespace = "http://cloudformation.amazonaws.com/doc/2010-05-15/"
        text = message.replace("&", "&amp;").replace("<", "&lt;")
        body = (
            f'<ErrorResponse xmlns="{namespace}"><Error><Type>Sender</Type><Code>AccessDenied</Code>'
            f"<Message>{text}</Message></Error></ErrorResponse>"
        )
        return 403, {"Content-Type": "text/xml"}, body.encode()
    body = json.dumps({"__type": "AccessDeniedException", "message": message})
    return 400, {"Content-Type": "application/x-amz-json-1.1"}, body.encode()
