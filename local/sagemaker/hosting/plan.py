"""What a fleet is to run: an endpoint configuration with everything that it refers to, resolved.

An endpoint keeps its plan, so that it can replace an instance, scale or restart after the configuration and
the model that it came from were deleted.
"""

from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from local.sagemaker.store import Record


@dataclass(frozen=True)
class VariantPlan:
    """One production variant."""

    name: str
    model: str
    image: str
    model_data: str | None
    environment: dict[str, str]
    role: str
    isolated: bool
    subnets: tuple[str, ...]
    security_groups: tuple[str, ...]
    volume_key: str | None
    instance_type: str
    count: int
    weight: float
    concurrency: int | None = None
    """Requests at a time of a serverless variant."""
    memory_mb: int | None = None
    """Memory of a serverless variant."""
    warm: int | None = None
    """Provisioned concurrency of a serverless variant: the requests at a time that never start cold."""
    startup_seconds: int = 480
    """How long /ping may take to answer 200 (…/latest/dg/your-algorithms-inference-code.html)."""
    cpus: float | None = None
    """Processors of one copy of an inference component; `memory_mb` is then the memory of the copy."""
    component: str | None = None
    """The inference component whose copies the instances are."""
    hosts: "HostPlan | None" = None
    """Set on a variant without a model: its instances hold the copies of inference components."""


@dataclass(frozen=True)
class HostPlan:
    """How many instances a variant for inference components may have; `managed` if SageMaker scales them."""

    minimum: int
    maximum: int
    managed: bool


@dataclass(frozen=True)
class AsyncPlan:
    """Where the answers of an asynchronous endpoint go, and how many requests an instance gets at a time."""

    output: str
    failure: str | None
    kms_key: str | None
    success_topic: str | None
    error_topic: str | None
    response_in: tuple[str, ...]
    concurrency: int


@dataclass(frozen=True)
class CapturePlan:
    """Where requests and answers are kept."""

    destination: str
    percent: int
    kms_key: str | None
    modes: tuple[str, ...]
    csv_types: tuple[str, ...]
    json_types: tuple[str, ...]


@dataclass(frozen=True)
class FleetPlan:
    """All variants of an endpoint configuration, and the capture of their traffic."""

    config: str
    variants: tuple[VariantPlan, ...]
    capture: CapturePlan | None
    asynchronous: AsyncPlan | None = None
    shadows: tuple[VariantPlan, ...] = ()

    @property
    def launched(self) -> tuple[VariantPlan, ...]:
        """The variants whose instances are containers: production and shadow, not hosts of components."""
        return tuple(variant for variant in (*self.variants, *self.shadows) if variant.hosts is None)

    def variant(self, name: str) -> VariantPlan | None:
        """The production or shadow variant of that name."""
        return next((variant for variant in (*self.variants, *self.shadows) if variant.name == name), None)

    def retaining(self, old: "FleetPlan", excluded: frozenset[str]) -> "FleetPlan":
        """This plan with the counts, weights and capture of the old one, except those excluded.

        That is UpdateEndpoint's RetainAllVariantProperties, with ExcludeRetainedVariantProperties.
        """
        plan = self if "DataCaptureConfig" in excluded else replace(self, capture=old.capture)
        for variant in old.variants:
            plan = plan.with_variant(
                variant.name,
                count=None if "DesiredInstanceCount" in excluded else variant.count,
                weight=None if "DesiredWeight" in excluded else variant.weight,
            )
        return plan

    def with_variant(self, name: str, *, count: int | None, weight: float | None) -> "FleetPlan":
        """This plan with another count or weight for one variant."""

        def changed(variant: VariantPlan) -> VariantPlan:
            if variant.name != name:
                return variant
            return replace(
                variant,
                count=variant.count if count is None else count,
                weight=variant.weight if weight is None else weight,
            )

        return replace(
            self, variants=tuple(map(changed, self.variants)), shadows=tuple(map(changed, self.shadows))
        )

    def record(self) -> Record:
        """The plan as JSON."""
        return asdict(self)

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Self:
        """The plan that `record` wrote."""
        capture = record["capture"]
        if capture:
            lists = {key: tuple(capture[key]) for key in ("modes", "csv_types", "json_types")}
            capture = CapturePlan(**{**capture, **lists})
        asynchronous = record.get("asynchronous")
        if asynchronous:
            asynchronous = AsyncPlan(**{**asynchronous, "response_in": tuple(asynchronous["response_in"])})
        return cls(
            record["config"],
            tuple(map(_variant, record["variants"])),
            capture,
            asynchronous,
            tuple(map(_variant, record.get("shadows", ()))),
        )


def _variant(record: dict[str, Any]) -> VariantPlan:
    lists = {key: tuple(record[key]) for key in ("subnets", "security_groups")}
    hosts = HostPlan(**record["hosts"]) if record.get("hosts") else None
    return VariantPlan(**{**record, **lists, "hosts": hosts})
