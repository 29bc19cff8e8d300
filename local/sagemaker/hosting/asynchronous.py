"""Asynchronous endpoints: requests wait in a durable queue until an instance has time for them.

docs.aws.amazon.com/sagemaker/latest/dg/async-inference.html
"""

import random
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from local.host import Metric
from local.sagemaker.context import Context
from local.sagemaker.hosting.async_metrics import AsyncMeter, backlog
from local.sagemaker.hosting.async_request import accepted, read
from local.sagemaker.hosting.backlog import Backlog, Queued
from local.sagemaker.hosting.delivery import Delivery, InstanceLost
from local.sagemaker.hosting.instance import Instance
from local.sagemaker.hosting.invoke import InvocationFailed, InvokeResult
from local.sagemaker.hosting.live import LiveEndpoint
from local.sagemaker.hosting.plan import AsyncPlan, VariantPlan

_ATTEMPTS = 3
"""How often a request is tried whose instance ends before it has answered."""
_REST_SECONDS = 30.0
"""How long an instance that broke off may take to answer a ping again."""
_LOOK_SECONDS = 0.2
"""How often to look for instances that came into service and requests that expired."""


class AsyncInvocations:
    """Answers InvokeEndpointAsync, and gives what is queued to the instances."""

    def __init__(self, context: Context, live: Mapping[str, LiveEndpoint]) -> None:
        self._context = context
        self._live = live
        self._meter = AsyncMeter()
        self._backlog = Backlog(Path(context.host.state) / "async.sqlite")
        self._changed = threading.Condition()
        self._news = False
        self._ended = False
        self._under_way: set[threading.Thread] = set()
        self._resting: set[Instance] = set()
        self._dispatcher: threading.Thread | None = None

    def accept(self, endpoint: str, headers: Mapping[str, str], body: bytes) -> InvokeResult:
        """Queue a request and answer 202; blocks until it is on disk. Header names are in any case."""
        try:
            plan = self._plan(endpoint)
            lower = {name.lower(): value for name, value in headers.items()}
            request = read(endpoint, plan, lower, body, self._context.speed)
            self._backlog.add(request, None if request.input else body)
        except InvocationFailed as failure:
            return failure.result()
        self._wake()
        return accepted(request)

    def synchronous(self, endpoint: str) -> InvokeResult:
        """The answer to InvokeEndpoint on an asynchronous endpoint.

        "the endpoint can only receive asynchronous invocations" (…/latest/dg/async-inference.html)
        """
        message = f"Endpoint {endpoint} can only receive asynchronous invocations; use InvokeEndpointAsync."
        return InvocationFailed("ValidationError", message, 400).result()

    def forget(self, endpoint: str) -> None:
        """Drop the queue of an endpoint that is deleted."""
        self._backlog.forget(endpoint)

    def metrics(self) -> list[Metric]:
        """What happened since the last call."""
        return self._meter.take()

    def gauges(self) -> list[Metric]:
        """The state of every queue."""
        found: list[Metric] = []
        for name, live in list(self._live.items()):
            if live.blue and live.blue.plan.asynchronous:
                oldest = self._backlog.oldest(name)
                age = 0.0 if oldest is None else time.time() - oldest
                instances = sum(len(slot.instances) for slot in live.routing.slots)
                found += backlog(name, self._backlog.size(name), age, instances)
        return found

    def resume(self) -> None:
        """Begin to hand out, first what was under way when the process last ended."""
        self._backlog.recover()
        self._dispatcher = self._context.spawn(self._dispatch, name="async-invocations")

    def close(self) -> None:
        """Hand out no more; the instances must have ended. What is queued stays queued."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        for thread in (self._dispatcher, *list(self._under_way)):
            if thread:
                thread.join(timeout=30)
        self._backlog.close()

    def _plan(self, endpoint: str) -> AsyncPlan:
        account = self._context.host.account
        live = self._live.get(endpoint)
        if live is None or live.blue is None:
            message = f"Endpoint {endpoint} of account {account} not found."
            raise InvocationFailed("ValidationError", message, 400)
        if live.blue.plan.asynchronous is None:
            message = (
                f"Endpoint {endpoint} of account {account} is not asynchronous: its configuration has no "
                "AsyncInferenceConfig. Use InvokeEndpoint."
            )
            raise InvocationFailed("ValidationError", message, 400)
        return live.blue.plan.asynchronous

    def _wake(self) -> None:
        with self._changed:
            self._news = True
            self._changed.notify_all()

    def _dispatch(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._news or self._ended, _LOOK_SECONDS)
                self._news = False
                if self._ended:
                    return
            for name, live in list(self._live.items()):
                if live.blue and (plan := live.blue.plan.asynchronous):
                    self._expire(name, live.blue.plan.variants[0], plan)
                    self._hand_out(name, live, plan)

    def _expire(self, name: str, variant: VariantPlan, plan: AsyncPlan) -> None:
        for queued in self._backlog.take_expired(name, time.time()):
            self._meter.record(name, variant.name, "ExpiredRequests", 1, "Count")
            why = "ClientError: The request was in the queue for longer than its RequestTTLSeconds."
            Delivery(self._context.host, plan, variant, self._meter).fail(queued.request, why)

    def _hand_out(self, name: str, live: LiveEndpoint, plan: AsyncPlan) -> None:
        while place := self._free(live, plan):
            queued = self._backlog.take(name)
            if queued is None:
                return
            variant, instance = place
            with self._changed:
                instance.outstanding += 1
            delivery = Delivery(self._context.host, plan, variant, self._meter)
            thread = threading.Thread(
                target=self._carry_out, args=(delivery, queued, instance), name=f"async-{name}", daemon=True
            )
            self._under_way.add(thread)
            thread.start()

    def _carry_out(self, delivery: Delivery, queued: Queued, instance: Instance) -> None:
        try:
            delivery.carry_out(queued, instance)
            self._backlog.remove(queued.number)
        except InstanceLost:
            self._wait_for(instance)
            if queued.attempts < _ATTEMPTS or self._context.closing.is_set():
                self._backlog.give_back(queued.number)
            else:
                why = "ClientError: The instance ended before it had answered, repeatedly."
                delivery.fail(queued.request, why)
                self._backlog.remove(queued.number)
        finally:
            with self._changed:
                instance.outstanding -= 1
            self._under_way.discard(threading.current_thread())
            self._wake()

    def _wait_for(self, instance: Instance) -> None:
        """Hand nothing to an instance that broke off until it answers again; it is replaced if it ended."""
        self._resting.add(instance)
        end = time.monotonic() + _REST_SECONDS
        while instance.alive and time.monotonic() < end and not instance.ping():
            if self._context.closing.wait(_LOOK_SECONDS):
                break
        self._resting.discard(instance)
        instance.usable = instance.usable and instance.alive

    def _free(self, live: LiveEndpoint, plan: AsyncPlan) -> tuple[VariantPlan, Instance] | None:
        """A variant, by the weights, and its least busy instance with room for one more request."""
        choices = []
        for slot in live.routing.slots:
            if slot.weight > 0:
                room = [
                    one
                    for one in slot.instances
                    if one.usable and one.outstanding < plan.concurrency and one not in self._resting
                ]
                if room:
                    choices.append((slot.weight, slot.variant, min(room, key=lambda one: one.outstanding)))
        if not choices:
            return None
        [(_, variant, instance)] = random.choices(choices, [weight for weight, _, _ in choices])  # noqa: S311
        return variant, instance
