"""Who may invoke which endpoint: signature and IAM policies, decided once for all calls that are alike.

A decision holds until something changes that it may hang on: IAM, STS, an endpoint or its tags, a stack, the
credentials themselves. Only permissions are kept, for as long as their credentials are valid; every refusal
is ministack's, made anew and in AWS's words.
"""

import hashlib
import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from local.adapter import seams, signatures

ACTION = "sagemaker:InvokeEndpoint"
SERVICES = frozenset({"iam", "sts", "organizations", "tagging", "cloudformation", "sagemaker"})
"""Requests to these may change who may do what."""
_TIMES = ("aws:currenttime", "aws:epochtime")
_MOST_KEPT = 10_000


class Refused(Exception):
    """The call is not allowed: the code, message and status of AWS's answer."""

    def __init__(self, code: str, message: str, status: int) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


@dataclass(frozen=True)
class _Permission:
    """Credentials that may invoke an endpoint; `record` is ministack's own of them."""

    record: Any
    account: str
    secret: str
    token: str
    until: float

    def covers(self, token: str) -> bool:
        """Whether a request with this session token comes from these credentials, which still exist."""
        return time.time() < self.until and hmac.compare_digest(self.token.encode(), token.encode())


class Callers:
    """Decides for each call; belongs to the event loop, but for `forget`."""

    def __init__(self, account: str, action: str = ACTION) -> None:
        self._account = account
        self._action = action
        self._permissions: dict[tuple[str, str, str], _Permission] = {}
        self._changes = 0

    def forget(self) -> None:
        """Decide everything anew, because something changed; from any thread."""
        self._changes += 1
        self._permissions.clear()

    def check(self, scope: Mapping[str, Any], headers: Mapping[str, str], body: bytes, endpoint: str) -> None:
        """Raise Refused unless the request (header names in lower case) is signed by one who may do this."""
        raw_path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
        signature = None if scope.get("query_string") else signatures.read(raw_path, headers, body)
        if signature:
            permission = self._permissions.get((signature.access_key, signature.region, endpoint))
            token = headers.get("x-amz-security-token", "")
            if (
                permission
                and permission.covers(token)
                and permission.record is _record(signature.access_key, permission.account)
                and signature.made_with(permission.secret)
            ):
                return
        changes = self._changes
        self._check_in_full(scope, raw_path, headers, body, endpoint)
        if signature and changes == self._changes:
            self._keep(signature, headers.get("x-amz-security-token", ""), endpoint)

    def _check_in_full(
        self,
        scope: Mapping[str, Any],
        raw_path: str,
        headers: Mapping[str, str],
        body: bytes,
        endpoint: str,
    ) -> None:
        query = parse_qs(scope.get("query_string", b"").decode(), keep_blank_values=True)
        access_key = seams.router.extract_access_key_id(headers, query)
        seams.responses.set_request_account_id(access_key)
        region = seams.router.extract_region(headers, query)
        seams.responses.set_request_region(region)
        seams.iam_evaluator.pin_request_origin("127.0.0.1", True)
        # The evaluator believes a hash that the caller sends along.
        said = headers.get("x-amz-content-sha256")
        if said is not None and said != hashlib.sha256(body).hexdigest():
            raise _unauthenticated("SignatureDoesNotMatch", seams.sigv4.SIGNATURE_MISMATCH, headers)
        seams.iam_evaluator.pin_signed_request("POST", raw_path, query, scope["headers"])
        seams.iam_evaluator.pin_signed_body(body)
        arn = f"arn:aws:sagemaker:{region}:{self._account}:endpoint/{endpoint}"
        denied = seams.iam_evaluator.enforce(access_key, self._action, "sagemaker", region, arn, {})
        if isinstance(denied, seams.iam_evaluator.AuthError):
            raise _unauthenticated(denied.code, denied.message, headers)
        if denied is not None:
            explicit = denied.decision == "Deny"
            message = seams.iam_actions.identity_denial_message(
                self._action, denied.principal_arn, arn, explicit
            )
            raise Refused("AccessDeniedException", message, 403)

    def _keep(self, signature: signatures.Signature, token: str, endpoint: str) -> None:
        """Keep the permission that was just found, unless it hangs on the time."""
        account = seams.responses.get_account_id()
        evaluator = seams.iam_evaluator
        credential = evaluator.resolve_credential(signature.access_key, account, token)
        if not isinstance(credential, evaluator.ResolvedCredential):
            return
        principal = evaluator.resolve_principal(signature.access_key, account, credential)
        layers = [principal.policies or [], *principal.limits]
        if any(evaluator._names_condition_key(layer, key) for layer in layers for key in _TIMES):
            return
        if len(self._permissions) >= _MOST_KEPT:
            self._permissions.clear()
        self._permissions[(signature.access_key, signature.region, endpoint)] = _Permission(
            _record(signature.access_key, credential.account_id),
            credential.account_id,
            credential.secret_access_key,
            credential.session_token or "",
            float("inf") if credential.expiration is None else credential.expiration,
        )


def _record(access_key: str, account: str) -> Any:
    """The session or the access key of that id as ministack keeps it; None for root."""
    return seams.sts._sessions.get(access_key) or seams.iam._access_keys.get_scoped(account, None, access_key)


def _unauthenticated(code: str, message: str, headers: Mapping[str, str]) -> Refused:
    """The answer of a service that speaks REST JSON."""
    code, status, message = seams.iam_actions._auth_failure("sagemaker", code, message, headers)
    return Refused(code, message, status)
