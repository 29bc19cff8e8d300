"""The API calls of a step, over HTTP and with the credentials of the pipeline's role."""

import json
import secrets
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError, ParamValidationError

from local.host import AccessDenied
from local.sagemaker.context import Context
from local.sagemaker.jobs.failure import JobFailed
from local.sagemaker.jobs.permissions import Permissions
from local.sagemaker.s3 import location
from local.sagemaker.store import Record

_LONGEST_NAME = 63
_LONGEST_TUNING_NAME = 32
_LONGEST_SESSION_NAME = 64
_CLIENT_SECONDS = 1800.0
_THROTTLED = ("ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded")


class StepFailed(Exception):
    """A step fails with this FailureReason; retry policies know it by `kind`, the API by `code`."""

    def __init__(self, reason: str, kind: str = "", code: str = "") -> None:
        super().__init__(reason)
        self.kind = kind
        self.code = code


def made_name(execution: str, step: str, kind: str) -> str:
    """A name for what a step makes, as SageMaker builds them: pipelines-EXECUTION-STEP-RANDOM.

    Tuning jobs, which give their names on to their training jobs, have shorter ones: EXECUTION-STEP-RANDOM.
    """
    ending = "-" + secrets.token_hex(5)
    if kind == "Tuning":
        return f"{execution}-{step}"[: _LONGEST_TUNING_NAME - len(ending)] + ending
    return f"pipelines-{execution}-{step}"[: _LONGEST_NAME - len(ending)] + ending


class Caller:
    """Calls AWS as the pipeline's role, for one step of one execution.

    Botocore's HTTPClientError comes through: the cloud is not there, and what became of the call is unknown.
    """

    def __init__(self, context: Context, role: str, execution: str, step: str) -> None:
        self._context = context
        self._role = role
        # As AWS names the session: sagemaker-pipeline-EXECUTION-STEP.
        self._session = f"sagemaker-pipeline-{execution}-{step}"[:_LONGEST_SESSION_NAME]
        self._clients: dict[str, tuple[float, Any]] = {}

    def sagemaker(self, operation: str, **request: Any) -> Record:
        """Call an operation of SageMaker; StepFailed says why it did not work."""
        return _plain(self._call("sagemaker", operation, request))

    def text(self, uri: str) -> str:
        """The text of an object."""
        place = location(uri)
        try:
            answer = self._call("s3", "GetObject", {"Bucket": place.bucket, "Key": place.key})
            self._decrypt(answer)
            return str(answer["Body"].read().decode())
        except UnicodeDecodeError:
            raise StepFailed(f"ClientError: {uri} is not text.") from None

    def check_readable(self, uri: str) -> None:
        """What SageMaker does with the model of a package: look whether the caller may read it."""
        place = location(uri)
        try:
            answer = self._call("s3", "GetObject", {"Bucket": place.bucket, "Key": place.key})
            answer["Body"].close()
            self._decrypt(answer)
        except StepFailed as failure:
            if failure.kind:
                raise
            raise StepFailed(
                "ClientError: Failed to invoke sagemaker:CreateModelPackage. Error Details: Access denied "
                f"for bucket: {place.bucket}, object key: {place.key}. {failure}"
            ) from None

    def invoke(self, function: str, payload: Any) -> Any:
        """What a Lambda function answers."""
        request = {"FunctionName": function, "Payload": json.dumps(payload)}
        answer = self._call("lambda", "Invoke", request)
        text = answer["Payload"].read().decode()
        if answer.get("FunctionError"):
            raise StepFailed(f"ClientError: Lambda function {function} failed: {text[:1024]}")
        return json.loads(text or "null")

    def _call(self, service: str, operation: str, request: Mapping[str, Any]) -> Any:
        def failed(why: object, kind: str = "", code: str = "") -> StepFailed:
            details = f"Failed to invoke {service}:{operation}. Error Details: {why}"
            return StepFailed(f"ClientError: {details}", kind, code)

        try:
            client = self._client(service)
            return getattr(client, _method(client, operation))(**request)
        except ClientError as error:
            code = error.response["Error"].get("Code", "")
            status = error.response["ResponseMetadata"].get("HTTPStatusCode", 400)
            raise failed(error.response["Error"].get("Message", code), _kind(code, status), code) from None
        except (ParamValidationError, AccessDenied) as error:
            raise failed(error) from None

    def _client(self, service: str) -> Any:
        """A client is costly to make; its credentials are good for an hour."""
        made, client = self._clients.get(service, (0.0, None))
        if client is None or time.monotonic() - made > _CLIENT_SECONDS:
            client = self._context.host.client(service, self._role, self._session)
            self._clients[service] = (time.monotonic(), client)
        return client

    def _decrypt(self, answer: Mapping[str, Any]) -> None:
        if answer.get("ServerSideEncryption") == "aws:kms" and (key := answer.get("SSEKMSKeyId")):
            try:
                Permissions(self._context.host, self._role).decrypt(key)
            except JobFailed as denied:
                raise StepFailed(str(denied)) from None


def _kind(code: str, status: int) -> str:
    if code in _THROTTLED:
        return "Step.THROTTLING"
    if code == "ResourceLimitExceeded":
        return "SageMaker.RESOURCE_LIMIT"
    return "Step.SERVICE_FAULT" if status >= 500 else ""


def _method(client: Any, operation: str) -> str:
    names: Mapping[str, str] = client.meta.method_to_api_mapping
    return next(method for method, api in names.items() if api == operation)


def _plain(answer: Mapping[str, Any]) -> Record:
    """The answer as JSON has it, for the journal."""

    def moment(value: Any) -> Any:
        return value.timestamp() if isinstance(value, datetime) else str(value)

    content = {key: value for key, value in answer.items() if key != "ResponseMetadata"}
    plain: Record = json.loads(json.dumps(content, default=moment))
    return plain
