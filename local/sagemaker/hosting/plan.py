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
    startup_seconds: int = 480
    """How long /ping may take to answer 200 (…/latest/dg/your-algorithms-inference-code.html)."""


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

    def variant(self, name: str) -> VariantPlan | None:
        """The variant of that name."""
        return next((variant for variant in self.variants if variant.name == name), None)

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
        variants = tuple(
            replace(
                variant,
                count=variant.count if count is None else count,
                weight=variant.weight if weight is None else weight,
            )
            if variant.name == name
            else variant
            for variant in self.variants
        )
        return replace(self, variants=variants)

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
        return cls(record["config"], tuple(map(_variant, record["variants"])), capture)


def _variant(record: dict[str, Any]) -> VariantPlan:
    lists = {key: tuple(record[key]) for key in ("subnets", "security_groups")}
    return VariantPlan(**{**record, **lists})
