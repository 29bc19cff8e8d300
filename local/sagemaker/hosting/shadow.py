"""Shadow variants: copies of requests, whose answers are measured and captured but never returned.

docs.aws.amazon.com/sagemaker/latest/dg/model-shadow-deployment.html
"""

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from local.sagemaker.context import Context
from local.sagemaker.hosting.capture import Recorder
from local.sagemaker.hosting.fleet import Fleet
from local.sagemaker.hosting.instance import Instance
from local.sagemaker.hosting.invoke import Invoker
from local.sagemaker.hosting.live import LiveEndpoint
from local.sagemaker.hosting.metrics import Meter
from local.sagemaker.hosting.plan import VariantPlan
from local.sagemaker.hosting.routing import Routing, Slot

_MOST_UNDER_WAY = 128
"""Copies at a time; beyond, a slow shadow misses requests, and production does not notice."""
_TARGET_VARIANT = "x-amzn-sagemaker-target-variant"


@dataclass(frozen=True)
class _Side:
    """The shadow of an endpoint, as what sends requests sees an endpoint."""

    name: str
    blue: Fleet
    routing: Routing[Instance]


class ShadowTraffic:
    """Sends copies; belongs to one event loop."""

    def __init__(self, context: Context, meter: Meter, recorder: Recorder) -> None:
        self._context = context
        self._sides: dict[str, LiveEndpoint] = {}
        self._invoker = Invoker(context, self._sides, meter, recorder)
        self._under_way: set[asyncio.Task[object]] = set()

    def mirror(self, live: LiveEndpoint, headers: Mapping[str, str], body: bytes) -> None:
        """Send a copy to the shadow of the fleet in service, if this request is one of its sample.

        The share is the weight of the shadow by that of the production variant. Nothing is waited for.
        """
        fleet = live.blue
        if fleet is None:
            return
        production = fleet.plan.variants[0]
        for shadow in fleet.plan.shadows:
            share = shadow.weight / production.weight if production.weight else 0.0
            sampled = share >= 1 or random.random() < share  # noqa: S311
            if sampled and len(self._under_way) < _MOST_UNDER_WAY:
                self._send(live.name, fleet, shadow, headers, body)

    def close(self) -> None:
        """Let the threads end."""
        self._invoker.close()

    def _send(
        self, endpoint: str, fleet: Fleet, shadow: VariantPlan, headers: Mapping[str, str], body: bytes
    ) -> None:
        slot = Slot(fleet.plan.config, shadow, 1.0, fleet.instances(shadow.name), fleet.plan.capture)
        side = _Side(endpoint, fleet, Routing((slot,)))
        # All that the invoker reads of an endpoint.
        self._sides[endpoint] = cast("LiveEndpoint", side)
        passed = {name: value for name, value in headers.items() if name != _TARGET_VARIANT}
        task = asyncio.get_running_loop().create_task(self._invoker.invoke(endpoint, passed, body))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
