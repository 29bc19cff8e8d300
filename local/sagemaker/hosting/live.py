"""The running side of an endpoint: its fleets, the traffic between them, and the watch over them."""

import threading
import time
from dataclasses import dataclass

from local.sagemaker.context import Context
from local.sagemaker.hosting.fleet import Fleet
from local.sagemaker.hosting.instance import Instance
from local.sagemaker.hosting.launch import Launcher, LaunchError
from local.sagemaker.hosting.plan import FleetPlan
from local.sagemaker.hosting.routing import Routing, Slot
from local.sagemaker.hosting.traffic import Step

_TICK = 0.2
_LOG_SECONDS = 1.0
_PING_SECONDS = 5.0
_PING_STRIKES = 4
_BACKOFF_MAX = 30.0


@dataclass(frozen=True)
class Progress:
    """What a deployment is doing, as VariantStatus shows it."""

    status: str
    message: str
    start: float


class LiveEndpoint:
    """One endpoint that runs. `blue` is the fleet in service, `green` the one that a deployment tries."""

    def __init__(self, context: Context, launcher: Launcher, name: str) -> None:
        self.name = name
        self.launcher = launcher
        self.routing: Routing[Instance] = Routing()
        self.blue: Fleet | None = None
        self.green: Fleet | None = None
        self.progress: Progress | None = None
        self.cancelled = threading.Event()
        self._context = context
        self._step: Step | None = None
        self._retired: list[Fleet] = []
        self._publishing = threading.Lock()
        self._watcher = context.spawn(self._watch, name=f"endpoint-{name}")

    def fleet(self, plan: FleetPlan) -> Fleet:
        """A new fleet, not yet started."""
        return Fleet(self.launcher, plan, self.publish, self.cancelled)

    def sleep(self, seconds: float) -> bool:
        """Wait so many seconds of this machine's time; False if the endpoint is deleted or closed."""
        return not self.cancelled.wait(seconds)

    def serve(self, blue: Fleet) -> None:
        """Give all traffic to this fleet."""
        self.blue, self.green, self._step = blue, None, None
        self.publish()

    def follow(self, plan: FleetPlan) -> Fleet:
        """Give the fleet in service other counts or weights; `reconcile` brings it to them, or the watch."""
        if self.blue is None:
            raise LaunchError(f"Endpoint {self.name} has no fleet in service.")
        self.blue.plan = plan
        self.publish()
        return self.blue

    def retire(self, fleet: Fleet) -> None:
        """Let a fleet that has no traffic any more answer what it began, and end it; does not block.

        It ends at once when the endpoint does.
        """
        if self.cancelled.is_set():
            fleet.stop()
            return
        self._retired.append(fleet)
        self._context.spawn(fleet.drain, name=f"endpoint-{self.name}-drain")

    def shift(self, green: Fleet, step: Step | None) -> None:
        """Give the new fleet its share of the traffic; None takes it away."""
        self.green, self._step = (green, step) if step else (None, None)
        self.publish()

    def publish(self) -> None:
        """Route by what the fleets are now."""
        with self._publishing:
            share = self._step.share if self.green and self._step else 0.0
            slots = []
            if self.blue:
                slots += _slots(self.blue, 1.0 - share, None)
            if self.green:
                slots += _slots(self.green, share, self._step)
            self.routing = Routing(tuple(slots))

    def stop(self) -> None:
        """End everything at once."""
        self.cancelled.set()
        self.routing = Routing()
        for fleet in filter(None, (self.blue, self.green, *self._retired)):
            fleet.stop()
        self._watcher.join(timeout=10)

    def _watch(self) -> None:
        """Replace what died, and send the logs, until the end."""
        strikes: dict[str, int] = {}
        next_log = next_ping = next_try = 0.0
        backoff = 1.0
        while self.sleep(_TICK):
            moment = time.monotonic()
            fleets = [fleet for fleet in (self.blue, self.green) if fleet]
            if moment >= next_ping:
                next_ping = moment + _PING_SECONDS
                for fleet in fleets:
                    fleet.check(strikes, _PING_STRIKES)
            if moment >= next_log:
                next_log = moment + _LOG_SECONDS
                for fleet in fleets:
                    fleet.ship_logs()
            if moment >= next_try and not all(fleet.settled for fleet in fleets):
                try:
                    for fleet in fleets:
                        fleet.reconcile()
                    backoff = 1.0
                except LaunchError:  # is in the log; a container that cannot start is tried ever more rarely
                    next_try = time.monotonic() + backoff
                    backoff = min(backoff * 2, _BACKOFF_MAX)


def _slots(fleet: Fleet, share: float, step: Step | None) -> list[Slot[Instance]]:
    total = sum(variant.weight for variant in fleet.plan.variants) or 1.0
    slots = []
    for variant in fleet.plan.variants:
        instances = fleet.instances(variant.name)
        if step:
            instances = instances[: step.active(variant.count)]
        weight = share * variant.weight / total
        slots.append(Slot(fleet.plan.config, variant, weight, instances, fleet.plan.capture))
    return slots
