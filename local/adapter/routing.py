"""Requests for SageMaker and Application Auto Scaling: from ministack's router to our services and back."""

import asyncio
import json
import logging
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

from local.adapter import authorization, seams
from local.errors import ApiError
from local.host import AccessDenied

Response = tuple[int, dict[str, str], bytes]
TARGETS = {"sagemaker": "SageMaker.", "application-autoscaling": "AnyScaleFrontendService."}
logger = logging.getLogger(__name__)


class Service(Protocol):
    """What SageMaker and Application Auto Scaling have in common."""

    def call(self, operation: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """Answer an operation; raises ApiError."""


def register(services: Mapping[str, Service]) -> None:
    """Let ministack's router hand these services' requests to them."""
    # Their calls wait for containers, rollouts and other calls: never in ministack's own threads.
    pool = ThreadPoolExecutor(max_workers=64, thread_name_prefix="local-service")
    for name, service in services.items():
        seams.router.SERVICE_PATTERNS[name] = {"host_patterns": [], "target_prefixes": [TARGETS[name]]}
        seams.app.SERVICE_HANDLERS[name] = _handler(name, service, pool)


def _handler(name: str, service: Service, pool: ThreadPoolExecutor) -> Any:
    async def handle(
        method: str, path: str, headers: Mapping[str, str], body: bytes, _query: Mapping[str, Any]
    ) -> Response:
        target = headers.get("x-amz-target", "")
        if not target.startswith(TARGETS[name]):
            return failure(
                ApiError("UnknownOperationException", f"{method} {path} is no operation of {name}.")
            )
        operation = target.removeprefix(TARGETS[name])
        try:
            params = json.loads(body or b"{}")
        except ValueError:
            return failure(ApiError("SerializationException", "The request's body is not JSON."))
        try:
            authorization.check(name, operation, params, headers)
            answer = await asyncio.get_running_loop().run_in_executor(pool, service.call, operation, params)
        except ApiError as error:
            return failure(error)
        except AccessDenied as error:
            return failure(ApiError("AccessDeniedException", str(error)))
        except Exception:
            logger.exception("%s:%s failed", name, operation)
            return failure(ApiError("InternalFailure", f"{operation} failed; see the server's log.", 500))
        return 200, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(answer).encode()

    return handle


def failure(error: ApiError) -> Response:
    """Return the error as services of the AWS JSON 1.1 protocol do."""
    body = json.dumps({"__type": error.code, "message": error.message}).encode()
    headers = {"Content-Type": "application/x-amz-json-1.1", "x-amzn-ErrorType": error.code}
    return error.status, headers, body
