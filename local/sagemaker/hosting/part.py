"""The hosting part of the embedded SageMaker: every operation of it, and the threads that report."""

import threading
import time
from collections.abc import Mapping

from local.sagemaker.context import Context
from local.sagemaker.hosting.capture import Captured, Recorder
from local.sagemaker.hosting.endpoint_configs import EndpointConfigs
from local.sagemaker.hosting.endpoints import Endpoints
from local.sagemaker.hosting.invoke import Invoker, InvokeResult
from local.sagemaker.hosting.metrics import NAMESPACE, Meter, idle
from local.sagemaker.hosting.models import Models
from local.sagemaker.operations import Answer, Params, operation

_METRIC_SECONDS = 1.0
_CAPTURE_SECONDS = 10.0
_IDLE_SECONDS = 30.0
"""Twice in each minute of CloudWatch, so that no period of an alarm is without a datum."""


class Hosting:
    """Models, endpoint configurations and endpoints, and the requests to them."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._meter = Meter()
        self._recorder = Recorder(lambda role: context.host.client("s3", role), self._complain)
        self._models = Models(context)
        self._configs = EndpointConfigs(context, self._models)
        self._endpoints = Endpoints(context, self._configs)
        self._invoker = Invoker(context, self._endpoints.live, self._meter, self._recorder)
        self._ended = threading.Event()
        self._reporter: threading.Thread | None = None

    async def invoke(self, endpoint: str, headers: Mapping[str, str], body: bytes) -> InvokeResult:
        """Answer the runtime's InvokeEndpoint; from one event loop only."""
        return await self._invoker.invoke(endpoint, headers, body)

    def resume(self) -> None:
        """Start the instances of every endpoint, and begin interrupted deployments anew."""
        self._reporter = self._context.spawn(self._report, name="endpoint-reports")
        self._endpoints.resume()

    def close(self) -> None:
        """Stop all instances; the next `resume` starts them again."""
        self._endpoints.close()
        self._ended.set()
        if self._reporter:
            self._reporter.join(timeout=10)
        self._invoker.close()

    def _report(self) -> None:
        """Put metrics and capture files at their times, and once more at the end."""
        speed = self._context.speed
        tick = min(_METRIC_SECONDS, _IDLE_SECONDS / speed)
        next_idle = next_capture = time.monotonic()
        ended = False
        while not ended:
            ended = self._ended.wait(tick)
            moment = time.monotonic()
            metrics = self._meter.take()
            if moment >= next_idle:
                next_idle = moment + _IDLE_SECONDS / speed
                for endpoint, variant in self._endpoints.running():
                    metrics += idle(endpoint, variant)
            if metrics:
                self._context.host.put_metrics(NAMESPACE, metrics)
            if ended or moment >= next_capture:
                next_capture = moment + max(_CAPTURE_SECONDS / speed, _METRIC_SECONDS)
                self._recorder.flush()

    def _complain(self, captured: Captured, message: str) -> None:
        group = f"/aws/sagemaker/Endpoints/{captured.endpoint}"
        self._context.host.write_log(group, f"{captured.variant}/data-capture", [message])

    @operation("CreateModel")
    def create_model(self, params: Params) -> Answer:
        """Keep a model."""
        return self._models.create_model(params)

    @operation("DescribeModel")
    def describe_model(self, params: Params) -> Answer:
        """Show a model."""
        return self._models.describe_model(params)

    @operation("ListModels")
    def list_models(self, params: Params) -> Answer:
        """Page through the models."""
        return self._models.list_models(params)

    @operation("DeleteModel")
    def delete_model(self, params: Params) -> Answer:
        """Forget a model."""
        return self._models.delete_model(params)

    @operation("CreateEndpointConfig")
    def create_endpoint_config(self, params: Params) -> Answer:
        """Keep an endpoint configuration."""
        return self._configs.create_config(params)

    @operation("DescribeEndpointConfig")
    def describe_endpoint_config(self, params: Params) -> Answer:
        """Show an endpoint configuration."""
        return self._configs.describe_config(params)

    @operation("ListEndpointConfigs")
    def list_endpoint_configs(self, params: Params) -> Answer:
        """Page through the endpoint configurations."""
        return self._configs.list_configs(params)

    @operation("DeleteEndpointConfig")
    def delete_endpoint_config(self, params: Params) -> Answer:
        """Forget an endpoint configuration."""
        return self._configs.delete_config(params)

    @operation("CreateEndpoint")
    def create_endpoint(self, params: Params) -> Answer:
        """Make an endpoint."""
        return self._endpoints.create_endpoint(params)

    @operation("UpdateEndpoint")
    def update_endpoint(self, params: Params) -> Answer:
        """Deploy another configuration."""
        return self._endpoints.update_endpoint(params)

    @operation("UpdateEndpointWeightsAndCapacities")
    def update_endpoint_weights_and_capacities(self, params: Params) -> Answer:
        """Change weights and instance counts."""
        return self._endpoints.update_weights_and_capacities(params)

    @operation("DescribeEndpoint")
    def describe_endpoint(self, params: Params) -> Answer:
        """Show an endpoint."""
        return self._endpoints.describe_endpoint(params)

    @operation("ListEndpoints")
    def list_endpoints(self, params: Params) -> Answer:
        """Page through the endpoints."""
        return self._endpoints.list_endpoints(params)

    @operation("DeleteEndpoint")
    def delete_endpoint(self, params: Params) -> Answer:
        """Stop and forget an endpoint."""
        return self._endpoints.delete_endpoint(params)
