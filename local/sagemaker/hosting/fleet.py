"""The instances of one endpoint configuration: started, replaced, added and removed to follow a plan."""

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from local.sagemaker.hosting.instance import Instance
from local.sagemaker.hosting.launch import Launcher, LaunchError
from local.sagemaker.hosting.plan import FleetPlan, VariantPlan

_STARTS_AT_ONCE = 4
_STARTS_BESIDE_LOAD = max(1, min(_STARTS_AT_ONCE, (os.cpu_count() or 1) // 2))
"""While instances answer: AWS has machines for new ones, here each start takes a processor from them."""
_INVOCATION_SECONDS, _ASYNC_SECONDS = 60.0, 3600.0
"""The longest that an invocation can last, and so the longest wait for those under way."""
_GRACE_SECONDS = 30.0
"""From SIGTERM to SIGKILL: docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html."""


class Fleet:
    """Running instances; `reconcile` makes them what the plan says. Safe to use from any thread."""

    def __init__(
        self, launcher: Launcher, plan: FleetPlan, changed: Callable[[], None], cancelled: threading.Event
    ) -> None:
        self.plan = plan
        self.losses = 0
        """Instances that ended by themselves."""
        self._launcher = launcher
        self._changed = changed
        self._cancelled = cancelled
        self._instances: dict[str, tuple[Instance, ...]] = {}
        self._lock = threading.Lock()
        self._reconciling = threading.Lock()
        self._ended = threading.Event()
        self._hurry = threading.Event()
        self._leaving: list[threading.Thread] = []

    def instances(self, variant: str) -> tuple[Instance, ...]:
        """The instances of a variant that take requests."""
        return self._instances.get(variant, ())

    @property
    def settled(self) -> bool:
        """Whether the plan is fulfilled."""
        return self._ended.is_set() or all(
            len(self.instances(variant.name)) == variant.count
            and all(instance.usable and instance.alive for instance in self.instances(variant.name))
            for variant in self.plan.launched
        )

    def reconcile(self) -> None:
        """Replace dead instances, start those missing, drain those too many; blocks until they serve.

        Raises LaunchError when one cannot be started; those that could be are in service nevertheless.
        """
        with self._reconciling:
            missing = []
            for variant in self.plan.launched:
                self._discard_dead(variant)
                for instance in self.instances(variant.name)[variant.count :]:
                    self._leave(variant, instance)
                missing += [variant] * (variant.count - len(self.instances(variant.name)))
            if not missing or self._unwanted():
                return
            answering = any(self.instances(variant.name) for variant in self.plan.launched)
            at_once = _STARTS_BESIDE_LOAD if answering else _STARTS_AT_ONCE
            with ThreadPoolExecutor(at_once, "instance-start") as pool:
                for failure in list(pool.map(self._try_launch, missing)):
                    if failure is not None:
                        raise failure

    def check(self, strikes: dict[str, int], allowed: int) -> None:
        """Ping every instance; one that failed more often in a row than allowed is no longer usable."""
        for variant in self.plan.launched:
            for instance in self.instances(variant.name):
                strikes[instance.name] = 0 if instance.ping() else strikes.get(instance.name, 0) + 1
                if strikes[instance.name] > allowed:
                    instance.usable = False

    def ship_logs(self) -> None:
        """Send what the containers printed to CloudWatch."""
        for variant in self.plan.launched:
            for instance in self.instances(variant.name):
                instance.log.flush()

    def drain(self) -> None:
        """End all instances, each when its requests under way are answered; blocks."""
        self._ended.set()
        for variant in self.plan.launched:
            for instance in self.instances(variant.name):
                self._leave(variant, instance)
        for thread in list(self._leaving):
            thread.join()

    def stop(self) -> None:
        """End all instances now; blocks."""
        self._hurry.set()
        self.drain()

    def _unwanted(self) -> bool:
        return self._ended.is_set() or self._cancelled.is_set()

    def _try_launch(self, variant: VariantPlan) -> LaunchError | None:
        try:
            instance = self._launcher.launch(variant, self._unwanted)
        except LaunchError as error:
            self._launcher.note(variant, "launch", str(error))
            return error
        with self._lock:
            if not self._unwanted():
                self._instances[variant.name] = (*self.instances(variant.name), instance)
                self._changed()
                return None
        self._launcher.retire(instance, grace_seconds=0)
        return LaunchError("The fleet has ended.")

    def _discard_dead(self, variant: VariantPlan) -> None:
        for instance in self.instances(variant.name):
            if instance.usable and instance.alive:
                continue
            self.losses += 1
            self._remove(variant, instance)
            self._launcher.retire(instance, grace_seconds=0)
            ended = f"The container exited with code {instance.exit_code()}; a new instance takes its place."
            self._launcher.note(variant, instance.name, ended)

    def _leave(self, variant: VariantPlan, instance: Instance) -> None:
        self._remove(variant, instance)
        thread = threading.Thread(target=self._drain_one, args=(instance,), daemon=True)
        self._leaving.append(thread)
        thread.start()

    def _remove(self, variant: VariantPlan, instance: Instance) -> None:
        with self._lock:
            remaining = tuple(one for one in self.instances(variant.name) if one is not instance)
            self._instances[variant.name] = remaining
        self._changed()

    def _drain_one(self, instance: Instance) -> None:
        longest = _ASYNC_SECONDS if self.plan.asynchronous else _INVOCATION_SECONDS
        instance.wait_idle(lambda seconds: not self._hurry.wait(seconds), longest)
        grace = 1.0 if self._hurry.is_set() else _GRACE_SECONDS
        self._launcher.retire(instance, grace)
