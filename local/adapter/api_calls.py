"""Counts the calls of REST APIs, where API Gateway answers them."""

import contextvars
import time
from typing import Any

from local.adapter import seams
from local.adapter.api_metrics import ApiMeter, Stage

_INTEGRATIONS = ("_invoke_lambda_custom_v1", "_invoke_lambda_proxy_v1", "_invoke_http_proxy_v1")
_integration: contextvars.ContextVar[list[float]] = contextvars.ContextVar("integration_seconds")


def install(meter: ApiMeter) -> None:
    """Count every call of a stage, whatever answers it; after all else that replaces integrations."""
    before = seams.apigateway._handle_execute_in_scope

    async def handle(api_id: str, stage_name: str, *request: Any) -> Any:
        began = time.perf_counter()
        seconds: list[float] = []
        _integration.set(seconds)
        answer = await before(api_id, stage_name, *request)
        api = seams.apigateway._rest_apis.get(api_id)
        if api and stage_name in seams.apigateway._stages_v1.get(api_id, {}):
            stage = Stage(api["name"], stage_name)
            meter.record(stage, answer[0], time.perf_counter() - began, sum(seconds) if seconds else None)
        return answer

    seams.apigateway._handle_execute_in_scope = handle
    for name in _INTEGRATIONS:
        setattr(seams.apigateway, name, _timed(getattr(seams.apigateway, name)))


def _timed(integrate: Any) -> Any:
    async def timed(*arguments: Any, **options: Any) -> Any:
        began = time.perf_counter()
        try:
            return await integrate(*arguments, **options)
        finally:
            _integration.get([]).append(time.perf_counter() - began)

    return timed
