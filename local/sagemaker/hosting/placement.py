"""Which instance has room for one more copy of an inference component.

docs.aws.amazon.com/sagemaker/latest/APIReference/API_InferenceComponentComputeResourceRequirements.html and
…/API_InferenceComponentSchedulingConfig.html
"""

import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from local.sagemaker import instances
from local.sagemaker.hosting.plan import HostPlan, VariantPlan

_IDLE_SECONDS = 600.0
"""How long an instance without a copy stays: "After 10 additional minutes of inactivity, SageMaker
automatically stops all underlying instances" (aws.amazon.com/blogs/machine-learning, scale down to zero)."""


@dataclass
class Host:
    """One instance, what of it is free, and the copies on it by component."""

    name: str
    cpus: float
    memory_mb: float
    copies: Counter[str] = field(default_factory=Counter)
    idle_since: float = field(default_factory=time.monotonic)


@dataclass(frozen=True)
class Place:
    """Room that one copy has taken."""

    host: Host
    component: str
    cpus: float
    memory_mb: float


class HostPool:
    """The instances of one variant; with managed scaling they come when a copy needs one and go when idle."""

    def __init__(self, variant: VariantPlan, speed: float) -> None:
        self._speed = speed
        self._lock = threading.Lock()
        self._hosts: list[Host] = []
        self.follow(variant)
        for _ in range(variant.count):
            self._hosts.append(self._new())

    def follow(self, variant: VariantPlan) -> None:
        """Take the limits and the instance type of this plan for what comes from now on."""
        self._limits = variant.hosts or HostPlan(variant.count, variant.count, managed=False)
        self._type = variant.instance_type

    @property
    def count(self) -> int:
        """How many instances there are."""
        return len(self._hosts)

    def fits(self, cpus: float, memory_mb: float) -> bool:
        """Whether an empty instance has room for such a copy."""
        whole = self._new()
        return cpus <= whole.cpus and memory_mb <= whole.memory_mb

    def take(self, component: str, cpus: float, memory_mb: float, *, pack: bool) -> Place | None:
        """Room for a copy, on another instance than the others where there is one; None if there is none.

        With `pack` the fullest instance is taken, so that others become idle.
        """
        with self._lock:
            room = [host for host in self._hosts if host.cpus >= cpus and host.memory_mb >= memory_mb]
            if not room:
                grows = self._limits.managed and self.count < self._limits.maximum
                if not grows or not self.fits(cpus, memory_mb):
                    return None
                room = [self._new()]
                self._hosts += room
            order: Callable[[Host], tuple[float, float]] = (
                (lambda host: (host.memory_mb, host.cpus))
                if pack
                else (lambda host: (host.copies[component], -host.memory_mb))
            )
            host = min(room, key=order)
            host.cpus -= cpus
            host.memory_mb -= memory_mb
            host.copies[component] += 1
            return Place(host, component, cpus, memory_mb)

    def leave(self, place: Place) -> None:
        """Give the room of a copy that ended back."""
        with self._lock:
            place.host.cpus += place.cpus
            place.host.memory_mb += place.memory_mb
            place.host.copies[place.component] -= 1
            place.host.idle_since = time.monotonic()

    def release_idle(self) -> None:
        """End the instances that have held no copy for ten minutes, down to the minimum."""
        with self._lock:
            if not self._limits.managed:
                return
            until = time.monotonic() - _IDLE_SECONDS / self._speed
            for host in list(self._hosts):
                if self.count <= self._limits.minimum:
                    return
                if host.copies.total() == 0 and host.idle_since < until:
                    self._hosts.remove(host)

    def _new(self) -> Host:
        whole = instances.limits(self._type)
        return Host(f"i-{secrets.token_hex(8)}", whole.cpus or 0.0, whole.memory_mb or 0)


class HostPools:
    """The pools of every variant that hosts inference components."""

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._lock = threading.Lock()
        self._pools: dict[tuple[str, str], HostPool] = {}

    def of(self, endpoint: str, variant: VariantPlan) -> HostPool:
        """The pool of a variant, made at the first call, with the limits of this plan."""
        with self._lock:
            key = (endpoint, variant.name)
            pool = self._pools.get(key)
            if pool is None:
                pool = self._pools[key] = HostPool(variant, self._speed)
            pool.follow(variant)
            return pool

    def count(self, endpoint: str, variant: str) -> int:
        """How many instances a variant has; 0 while it has no pool."""
        pool = self._pools.get((endpoint, variant))
        return pool.count if pool else 0

    def release_idle(self) -> None:
        """End idle instances everywhere."""
        for pool in list(self._pools.values()):
            pool.release_idle()

    def forget(self, endpoint: str) -> None:
        """End the instances of an endpoint that is deleted."""
        with self._lock:
            for key in [key for key in self._pools if key[0] == endpoint]:
                del self._pools[key]
