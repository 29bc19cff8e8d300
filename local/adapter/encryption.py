"""Rights on customer-managed keys that callers need to use encrypted buckets, queues, topics and tables.

AWS calls KMS with the caller's own rights ("forward access sessions"); ministack stores which key encrypts
what, and asks nobody. The actions per operation:
docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html#require-sse-kms,
docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html,
docs.aws.amazon.com/sns/latest/dg/sns-key-management.html,
docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from local.adapter import authorization, seams
from local.errors import ApiError
from local.host import AccessDenied

Headers = Mapping[str, str]
Need = tuple[str, str]
"""A KMS action, and the key (id, ARN or alias)."""
_SSE = "x-amz-server-side-encryption"
_SSE_KEY = "x-amz-server-side-encryption-aws-kms-key-id"
_SQS_NEEDS = {
    "SendMessage": ("kms:GenerateDataKey", "kms:Decrypt"),
    "SendMessageBatch": ("kms:GenerateDataKey", "kms:Decrypt"),
    "ReceiveMessage": ("kms:Decrypt",),
}
_DYNAMODB_DATA = ("GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query", "Scan")


def install() -> None:
    """Put the checks before the services' own handling."""
    for service, needs in (("s3", _s3), ("sqs", _sqs), ("sns", _sns), ("dynamodb", _dynamodb)):
        seams.app.SERVICE_HANDLERS[service] = _checked(service, needs, seams.app.SERVICE_HANDLERS[service])


def _checked(service: str, needs: Callable[..., Iterator[Need]], handler: Any) -> Any:
    async def handle(
        method: str, path: str, headers: dict[str, str], body: bytes, query_params: dict[str, Any]
    ) -> Any:
        access_key = seams.router.extract_access_key_id(headers, query_params)
        if not seams.iam_evaluator.is_root_access_key(access_key):
            try:
                for action, key in needs(method, path, headers, body, query_params):
                    _check(access_key, service, action, key)
            except AccessDenied as error:
                return _refusal(service, str(error))
        return await handler(method, path, headers, body, query_params)

    return handle


def _check(access_key: str, service: str, action: str, key: str) -> None:
    arn = authorization.key_arn(key)
    if arn is None:
        return  # AWS's own key, which everyone may use through the service
    region = seams.responses.get_region()
    via = {"kms:ViaService": f"{service}.{region}.amazonaws.com", "kms:CallerAccount": arn.split(":")[4]}
    authorization.enforce(access_key, action, arn, region, via)


def _refusal(service: str, message: str) -> Any:
    if service == "s3":
        return seams.responses.error_response_xml("AccessDenied", message, 403)
    code = {"sqs": "KMS.AccessDeniedException", "sns": "KMSAccessDenied"}.get(
        service, "AccessDeniedException"
    )
    error = ApiError(code, message)
    body = json.dumps({"__type": error.code, "message": error.message}).encode()
    return 400, {"Content-Type": "application/x-amz-json-1.0", "x-amzn-query-error": f"{code};Sender"}, body


def _s3(method: str, path: str, headers: Headers, _body: bytes, query: Mapping[str, Any]) -> Iterator[Need]:
    bucket, _, key = unquote(path).lstrip("/").partition("/")
    if not key:
        return
    plain = not (set(query) - {"uploadId", "partNumber", "versionId", "uploads", "x-id"})
    if method == "GET" and plain and "uploadId" not in query:
        yield from _object_key(bucket, key, query)
    elif method == "PUT" and plain:
        if source := headers.get("x-amz-copy-source"):
            from_bucket, _, from_key = unquote(source).lstrip("/").partition("/")
            yield from _object_key(from_bucket, from_key.partition("?")[0], {})
        for encrypting in _write_key(bucket, headers):
            yield "kms:GenerateDataKey", encrypting
            if "uploadId" in query:
                yield "kms:Decrypt", encrypting
    elif method == "POST" and ("uploads" in query or "uploadId" in query):
        for encrypting in _write_key(bucket, headers):
            yield "kms:GenerateDataKey" if "uploads" in query else "kms:Decrypt", encrypting


def _object_key(bucket: str, key: str, query: Mapping[str, Any]) -> Iterator[Need]:
    """Decrypt with the key under which the object was written."""
    held = (seams.s3._buckets.get(bucket) or {}).get("objects", {}).get(key)
    if held and "versionId" not in query:
        sse = seams.s3._stored_sse_headers(held)
        if encrypting := sse.get(_SSE_KEY):
            yield "kms:Decrypt", encrypting
    else:
        yield from (("kms:Decrypt", encrypting) for encrypting in _write_key(bucket, {}))


def _write_key(bucket: str, headers: Headers) -> Iterator[str]:
    """The key under which a write to the bucket is encrypted."""
    asked = headers if headers.get(_SSE) else seams.s3._bucket_default_sse_headers(bucket)
    if asked.get(_SSE, "").startswith("aws:kms") and (key := asked.get(_SSE_KEY)):
        yield key


def _sqs(_method: str, _path: str, headers: Headers, body: bytes, _query: Any) -> Iterator[Need]:
    operation = headers.get("x-amz-target", "").rpartition(".")[2]
    if operation in _SQS_NEEDS:
        url = json.loads(body or b"{}").get("QueueUrl", "")
        queue = seams.sqs._queues.get(seams.sqs._queue_url(url.rstrip("/").rpartition("/")[2]))
        if queue and (key := queue["attributes"].get("KmsMasterKeyId")):
            yield from ((action, key) for action in _SQS_NEEDS[operation])


def _sns(_method: str, _path: str, _headers: Headers, body: bytes, _query: Any) -> Iterator[Need]:
    form = seams.app.parse_qs(body.decode("utf-8", "replace"))
    if form.get("Action", [""])[0] in ("Publish", "PublishBatch"):
        topic = seams.sns._topic_by_arn_any_scope(form.get("TopicArn", [""])[0])
        if topic and (key := topic["attributes"].get("KmsMasterKeyId")):
            yield from (("kms:GenerateDataKey", key), ("kms:Decrypt", key))


def _dynamodb(_method: str, _path: str, headers: Headers, body: bytes, _query: Any) -> Iterator[Need]:
    operation = headers.get("x-amz-target", "").rpartition(".")[2]
    if operation in _DYNAMODB_DATA:
        name = json.loads(body or b"{}").get("TableName", "").rpartition("/")[2]
        table = seams.dynamodb._tables.get(name)
        sse = (table or {}).get("SSEDescription") or {}
        if key := sse.get("KMSMasterKeyArn"):
            yield "kms:Decrypt", key
