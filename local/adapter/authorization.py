"""Who may do what: the checks that AWS makes and ministack leaves out, for roles and for services."""

import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local.adapter import seams
from local.adapter.permissions import needs
from local.host import AccessDenied, Credentials

SAGEMAKER = "sagemaker.amazonaws.com"
SESSION_SECONDS = 3600.0
_REUSED_SECONDS = 600.0
# docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
_LOGS_KEY_ACTIONS = (
    "kms:Encrypt",
    "kms:Decrypt",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:DescribeKey",
)


@dataclass(frozen=True)
class _Session:
    credentials: Credentials
    until: float


_sessions: dict[tuple[str, str], _Session] = {}


def assume(role_arn: str, session_name: str, service: str) -> Credentials:
    """Make credentials of the role as `service` does; AccessDenied if the role does not trust it."""
    name = role_arn.rsplit("/", 1)[-1]
    account = role_arn.split(":")[4] if role_arn.count(":") >= 5 else ""
    role = seams.iam._roles.get(name)
    if role is None or role["Arn"] != role_arn or not _trusts(role, role_arn, service):
        raise AccessDenied(
            f"Could not assume role {role_arn}. Please ensure that the role exists and allows principal "
            f"'{service}' to assume the role."
        )
    granted = Credentials(
        "ASIA" + secrets.token_hex(8).upper(), secrets.token_urlsafe(30), secrets.token_urlsafe(64)
    )
    seams.sts.register_session(
        granted.access_key_id,
        {
            "Arn": f"arn:aws:sts::{account}:assumed-role/{name}/{session_name}",
            "UserId": f"{role['RoleId']}:{session_name}",
            "AccountId": account,
            "PrincipalType": "AssumedRole",
            "SecretAccessKey": granted.secret_access_key,
            "SessionToken": granted.session_token,
            "Expiration": time.time() + SESSION_SECONDS,
        },
    )
    return granted


def _trusts(role: Mapping[str, Any], role_arn: str, service: str) -> bool:
    document = role["AssumeRolePolicyDocument"]
    document = json.loads(document) if isinstance(document, str) else document
    statements = document.get("Statement", [])
    statements = [statements] if isinstance(statements, Mapping) else statements
    # A trust policy names no resource: it is about the role that it belongs to.
    about_itself = {**document, "Statement": [{**s, "Resource": role_arn} for s in statements]}
    return policy_allows(about_itself, service, "sts:AssumeRole", role_arn, "")


def require(
    role_arn: str, service: str, action: str, resource: str, context: Mapping[str, Any] | None = None
) -> None:
    """Raise AccessDenied unless the role, as `service` uses it, may do the action on the resource."""
    if ":alias/aws/" in resource:
        return  # AWS's own keys let everyone of the account use them through their service
    key = (role_arn, service)
    session = _sessions.get(key)
    if session is None or session.until < time.time():
        granted = assume(role_arn, "SageMaker" if service == SAGEMAKER else "session", service)
        session = _Session(granted, time.time() + _REUSED_SECONDS)
        _sessions[key] = session
    region = seams.responses.get_region()
    enforce(session.credentials.access_key_id, action, resource, region, context)


def enforce(
    access_key: str, action: str, resource: str, region: str, context: Mapping[str, Any] | None = None
) -> None:
    """Raise AccessDenied, in AWS's words, unless this caller may do the action on the resource."""
    namespace = action.partition(":")[0]
    denied = seams.iam_evaluator.enforce(
        access_key, action, namespace, region, resource_arn=resource, service_context=dict(context or {})
    )
    if denied is None:
        return
    if isinstance(denied, seams.iam_evaluator.AuthError):
        raise AccessDenied(denied.message)
    raise AccessDenied(
        seams.iam_actions.identity_denial_message(
            action, denied.principal_arn, resource, denied.decision == "Deny"
        )
    )


def check(service: str, operation: str, params: Mapping[str, Any], headers: Mapping[str, str]) -> None:
    """Raise AccessDenied unless the caller of this request has every permission that it needs."""
    access_key = seams.router.extract_access_key_id(headers)
    region, account = seams.responses.get_region(), seams.responses.get_account_id()
    for need in needs(service, operation, params, region, account):
        enforce(access_key, need.action, need.resource, region, need.context)


def service_may_use_key(key_arn: str, service: str, source_arn: str) -> bool:
    """Tell whether the key's policy lets the service encrypt (GenerateDataKey, Decrypt) for this source."""
    found = seams.kms.key_policy_for_arn(key_arn)
    if found is None:
        return False
    policy = json.loads(found[0] or "{}")
    return all(
        policy_allows(policy, service, action, key_arn, source_arn)
        for action in ("kms:GenerateDataKey", "kms:Decrypt")
    )


def logs_may_use_key(key_arn: str, group_arn: str) -> bool:
    """Tell whether the key's policy lets CloudWatch Logs encrypt this log group."""
    found = seams.kms.key_policy_for_arn(key_arn)
    service = f"logs.{seams.responses.get_region()}.amazonaws.com"
    context = {"kms:encryptioncontext:aws:logs:arn": group_arn}
    policy = json.loads((found and found[0]) or "{}")
    return all(
        policy_allows(policy, service, action, key_arn, group_arn, context) for action in _LOGS_KEY_ACTIONS
    )


def policy_allows(
    policy: Mapping[str, Any],
    service: str,
    action: str,
    resource: str,
    source: str,
    context: Mapping[str, Any] | None = None,
) -> bool:
    """Tell whether a resource's policy lets a service principal do the action, for this source."""
    account = seams.responses.get_account_id()
    asked = seams.iam_evaluator.EvalContext(
        principal_arn="*",
        principal_type="Service",
        principal_account="",
        action=action,
        resource_arn=resource,
        region=seams.responses.get_region(),
        service_context={
            "aws:sourcearn": source or None,
            "aws:sourceaccount": account,
            **(context or {}),
        },
    )
    result = seams.iam_evaluator.evaluate_resource_policy(dict(policy), asked, service=service)
    return bool(result.decision == "Allow")


def key_arn(key: str) -> str | None:
    """The ARN of a KMS key given by id, ARN or alias; None for AWS's own keys and unknown ones."""
    record = seams.kms._resolve_key(key)
    if record is None:
        return None
    arn: str = record["Arn"]
    return arn
