"""InvokeEndpoint on an endpoint that hosts inference components."""

from collections.abc import Mapping

from local.sagemaker.hosting.component_metrics import ComponentMeter
from local.sagemaker.hosting.invoke import InvocationFailed, Invoker, InvokeResult
from local.sagemaker.hosting.live import LiveEndpoint

HEADER = "x-amzn-sagemaker-inference-component"
_NO_CAPACITY = (
    "Inference Component has no capacity to process this request. ApplicationAutoScaling may be in-progress "
    "(if configured) or try to increase the capacity by invoking UpdateInferenceComponentRuntimeConfig API."
)
_REQUIRED = (
    "Inference Component Name header is required for endpoints to which you plan to deploy inference "
    "components. Please include Inference Component Name header or consider using SageMaker models."
)
_NOT_ALLOWED = (
    "Inference Component Name header is not allowed for endpoints to which you dont plan to deploy inference "
    "components. Please remove the Inference Component Name header and try again."
)


def not_allowed() -> InvokeResult:
    """The answer to a request for a component of an endpoint that hosts models."""
    return InvocationFailed("ValidationError", _NOT_ALLOWED, 400).result()


class ComponentInvoker:
    """Sends requests to the copies of the component that they name; belongs to one event loop."""

    def __init__(
        self,
        live: Mapping[str, LiveEndpoint],
        components: Mapping[str, str],
        invoker: Invoker,
        meter: ComponentMeter,
    ) -> None:
        self._live = live
        self._endpoints = components
        self._invoker = invoker
        self._meter = meter

    async def invoke(self, endpoint: str, headers: Mapping[str, str], body: bytes) -> InvokeResult:
        """Answer a request; header names are in lower case. Never raises."""
        name = headers.get(HEADER)
        if not name:
            return InvocationFailed("ValidationError", _REQUIRED, 400).result()
        live = self._live.get(name)
        if live is None or self._endpoints.get(name) != endpoint:
            message = f"Inference Component {name} not found on endpoint {endpoint}."
            return InvocationFailed("ValidationError", message, 400).result()
        if not any(one.usable for slot in live.routing.slots for one in slot.instances):
            self._meter.without_capacity(name)
            return InvocationFailed("ValidationError", _NO_CAPACITY, 400).result()
        return await self._invoker.invoke(name, headers, body)

    def close(self) -> None:
        """Let the threads end."""
        self._invoker.close()
