"""Who answers the next request.

A routing is replaced as a whole when anything changes, so that a request sees one consistent picture
without a lock. Only the event loop changes what is inside.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from local.sagemaker.hosting.plan import CapturePlan, VariantPlan


class Target(Protocol):
    """An instance as routing sees it."""

    outstanding: int

    @property
    def usable(self) -> bool:
        """Whether requests may be sent to it."""


T = TypeVar("T", bound=Target)


@dataclass
class Slot(Generic[T]):
    """The instances of one variant of one fleet, and their share of the traffic."""

    config: str
    variant: VariantPlan
    weight: float
    instances: Sequence[T]
    capture: CapturePlan | None = None
    credit: float = field(default=0.0, init=False)

    @property
    def outstanding(self) -> int:
        """Requests under way."""
        return sum(instance.outstanding for instance in self.instances)


@dataclass(frozen=True)
class Routing(Generic[T]):
    """The slots of an endpoint at one moment."""

    slots: tuple[Slot[T], ...] = ()

    def pick(self, variant: str | None, tried: Collection[T] = ()) -> tuple[Slot[T], T] | None:
        """The slot and the instance for a request; None if none is left.

        Slots take turns by weight (smooth weighted round robin, so that a canary of 10 % gets every tenth
        request); in a slot the instance with the fewest outstanding requests is taken.
        """
        choices = []
        for slot in self.slots:
            if slot.variant.name == variant if variant else slot.weight > 0:
                usable = [one for one in slot.instances if one.usable and one not in tried]
                if usable:
                    choices.append((slot, usable))
        if not choices:
            return None
        total = 0.0
        for slot, _ in choices:
            slot.credit += slot.weight
            total += slot.weight
        slot, usable = max(choices, key=lambda choice: choice[0].credit)
        slot.credit -= total
        return slot, min(usable, key=lambda one: one.outstanding)

    def has_variant(self, variant: str) -> bool:
        """Whether any fleet has a variant of that name."""
        return any(slot.variant.name == variant for slot in self.slots)
