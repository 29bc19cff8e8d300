"""The hosting part of the embedded SageMaker: every operation of it, and the threads that report."""

import threading
import time
from collections.abc import Mapping

from local.sagemaker.context import Context
from local.sagemaker.hosting import component_invoke
from local.sagemaker.hosting.asynchronous import AsyncInvocations
from local.sagemaker.hosting.capture import Captured, Recorder
from local.sagemaker.hosting.component_invoke import ComponentInvoker
from local.sagemaker.hosting.component_metrics import ComponentMeter
from local.sagemaker.hosting.components import InferenceComponents
from local.sagemaker.hosting.concurrency import PERIOD_SECONDS, Concurrency
from local.sagemaker.hosting.endpoint_configs import EndpointConfigs
from local.sagemaker.hosting.endpoints import Endpoints
from local.sagemaker.hosting.invoke import Invoker, InvokeResult
from local.sagemaker.hosting.metrics import NAMESPACE, Meter, idle
from local.sagemaker.hosting.models import Models
from local.sagemaker.hosting.placement import HostPools
from local.sagemaker.hosting.shadow import ShadowTraffic
from local.sagemaker.operations import Answer, Params, operation

_METRIC_SECONDS, _SHORTEST_SECONDS = 1.0, 0.05
"""Between metrics: the first in AWS's time, which has sixty a minute, the second in this machine's."""
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
        pools = HostPools(context.speed)
        self._components = InferenceComponents(context, self._models, pools)
        self._endpoints = Endpoints(context, self._configs, pools, self._components.of, self._forget)
        self._pools = pools
        self._async = AsyncInvocations(context, self._endpoints.live)
        self._invoker = Invoker(context, self._endpoints.live, self._meter, self._recorder)
        self._shadows = ShadowTraffic(context, self._meter, self._recorder)
        self._component_meter = ComponentMeter()
        self._component_invoker = ComponentInvoker(
            self._components.live,
            self._components.endpoints,
            Invoker(context, self._components.live, self._component_meter, self._recorder),
            self._component_meter,
        )
        self._concurrency = (
            Concurrency(
                "ConcurrentRequestsPerModel",
                self._endpoints.live,
                lambda endpoint, variant: {"EndpointName": endpoint, "VariantName": variant},
            ),
            Concurrency(
                "ConcurrentRequestsPerCopy",
                self._components.live,
                lambda component, _variant: {"InferenceComponentName": component},
            ),
        )
        self._ended = threading.Event()
        self._reporter: threading.Thread | None = None

    async def invoke(self, endpoint: str, headers: Mapping[str, str], body: bytes) -> InvokeResult:
        """Answer the runtime's InvokeEndpoint; from one event loop only."""
        live = self._endpoints.live.get(endpoint)
        if live and live.blue:
            plan = live.blue.plan
            if plan.asynchronous:
                return self._async.synchronous(endpoint)
            if plan.variants[0].hosts:
                return await self._component_invoker.invoke(endpoint, headers, body)
            if component_invoke.HEADER in headers:
                return component_invoke.not_allowed()
            if plan.shadows:
                self._shadows.mirror(live, headers, body)
        return await self._invoker.invoke(endpoint, headers, body)

    def invoke_async(self, endpoint: str, headers: Mapping[str, str], body: bytes) -> InvokeResult:
        """Answer the runtime's InvokeEndpointAsync; blocks until the request is on disk."""
        return self._async.accept(endpoint, headers, body)

    def resume(self) -> None:
        """Start the instances of every endpoint, and begin interrupted deployments anew."""
        self._reporter = self._context.spawn(self._report, name="endpoint-reports")
        self._endpoints.resume()
        self._components.resume()
        self._async.resume()

    def close(self) -> None:
        """Stop all instances; the next `resume` starts them again."""
        self._components.close()
        self._endpoints.close()
        self._async.close()
        self._ended.set()
        if self._reporter:
            self._reporter.join(timeout=10)
        self._invoker.close()
        self._component_invoker.close()
        self._shadows.close()

    def _report(self) -> None:
        """Put metrics and capture files at their times, and once more at the end."""
        speed = self._context.speed
        tick = max(_SHORTEST_SECONDS, _METRIC_SECONDS / max(speed, 1.0))
        next_idle = next_capture = next_latencies = next_concurrency = time.monotonic()
        ended = False
        while not ended:
            ended = self._ended.wait(tick)
            moment = time.monotonic()
            latencies = ended or moment >= next_latencies
            next_latencies = moment + _METRIC_SECONDS if latencies else next_latencies
            metrics = self._meter.take(latencies=latencies) + self._component_meter.take(latencies=latencies)
            metrics += self._async.metrics()
            if moment >= next_idle:
                next_idle = moment + _IDLE_SECONDS / speed
                for endpoint, variant in self._endpoints.running():
                    metrics += idle(endpoint, variant)
                metrics += self._components.idle()
                metrics += self._async.gauges() if not ended else []
            for concurrency in self._concurrency:
                concurrency.look()
                if moment >= next_concurrency:
                    metrics += concurrency.take()
            if moment >= next_concurrency:
                next_concurrency = moment + PERIOD_SECONDS / speed
            if metrics:
                self._context.host.put_metrics(NAMESPACE, metrics)
            if ended or moment >= next_capture:
                next_capture = moment + max(_CAPTURE_SECONDS / speed, _METRIC_SECONDS)
                self._recorder.flush()

    def _forget(self, endpoint: str) -> None:
        """An endpoint is deleted: so are its queue and its empty instances."""
        self._async.forget(endpoint)
        self._pools.forget(endpoint)

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

    @operation("CreateInferenceComponent")
    def create_inference_component(self, params: Params) -> Answer:
        """Make an inference component."""
        return self._components.create(params)

    @operation("UpdateInferenceComponent")
    def update_inference_component(self, params: Params) -> Answer:
        """Deploy another specification of an inference component."""
        return self._components.update(params)

    @operation("UpdateInferenceComponentRuntimeConfig")
    def update_inference_component_runtime_config(self, params: Params) -> Answer:
        """Change the number of copies."""
        return self._components.update_runtime_config(params)

    @operation("DescribeInferenceComponent")
    def describe_inference_component(self, params: Params) -> Answer:
        """Show an inference component."""
        return self._components.describe(params)

    @operation("ListInferenceComponents")
    def list_inference_components(self, params: Params) -> Answer:
        """Page through the inference components."""
        return self._components.page(params)

    @operation("DeleteInferenceComponent")
    def delete_inference_component(self, params: Params) -> Answer:
        """Stop and forget an inference component."""
        return self._components.delete(params)
