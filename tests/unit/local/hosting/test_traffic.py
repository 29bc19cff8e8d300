"""The steps of a deployment, and which instance a request goes to."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.errors import ValidationException
from local.sagemaker.hosting.plan import FleetPlan, VariantPlan
from local.sagemaker.hosting.routing import Routing, Slot
from local.sagemaker.hosting.traffic import check, steps


def policy(kind: str, size: dict[str, Any] | None = None, wait: int = 60, end: int = 30) -> dict[str, Any]:
    member = {"CANARY": "CanarySize", "LINEAR": "LinearStepSize"}.get(kind)
    routing = {"Type": kind, "WaitIntervalInSeconds": wait, **({member: size} if member else {})}
    return {"TrafficRoutingConfiguration": routing, "TerminationWaitInSeconds": end}


def percent(value: int) -> dict[str, Any]:
    return {"Type": "CAPACITY_PERCENT", "Value": value}


def test_all_at_once_is_one_step_that_bakes_until_the_termination() -> None:
    (step,) = steps(policy("ALL_AT_ONCE"), 4)
    assert (step.share, step.bake_seconds) == (1.0, 30)


def test_a_canary_is_two_steps() -> None:
    canary, rest = steps(policy("CANARY", percent(10)), 4)
    assert (canary.share, canary.bake_seconds, canary.active(4)) == (0.1, 60, 1)
    assert (rest.share, rest.bake_seconds, rest.active(4)) == (1.0, 30, 4)


def test_a_canary_can_be_a_number_of_instances() -> None:
    canary, _ = steps(policy("CANARY", {"Type": "INSTANCE_COUNT", "Value": 2}), 8)
    assert (canary.share, canary.active(8)) == (0.25, 2)


@given(st.integers(10, 50), st.integers(1, 20))
def test_linear_steps_grow_to_all(value: int, instances: int) -> None:
    made = steps(policy("LINEAR", percent(value)), instances)
    shares = [step.share for step in made]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert all(
        later - earlier <= value / 100 + 1e-9 for earlier, later in zip([0.0, *shares], shares, strict=False)
    )
    assert [step.bake_seconds for step in made] == [60.0] * (len(made) - 1) + [30.0]
    assert made[-1].active(instances) == instances
    assert made[0].active(instances) >= 1


@pytest.mark.parametrize(
    "bad",
    [
        policy("CANARY", percent(51)),
        policy("LINEAR", percent(9)),
        policy("LINEAR", percent(60)),
        policy("CANARY", {"Type": "INSTANCE_COUNT", "Value": 3}),
        {"TrafficRoutingConfiguration": {"Type": "CANARY", "WaitIntervalInSeconds": 1}},
        {
            "TrafficRoutingConfiguration": {
                **policy("CANARY", percent(5))["TrafficRoutingConfiguration"],
                "Type": "LINEAR",
            }
        },
    ],
)
def test_steps_that_aws_does_not_allow_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValidationException):
        check(bad, 4)


class Stub:
    def __init__(self, outstanding: int = 0, usable: bool = True) -> None:
        self.outstanding = outstanding
        self.usable = usable


def variant(name: str = "primary", count: int = 1, weight: float = 1.0) -> VariantPlan:
    return VariantPlan(name, "m", "image", None, {}, "role", True, (), (), None, "ml.c5.large", count, weight)


def slot(config: str, weight: float, *instances: Stub, name: str = "primary") -> Slot[Stub]:
    return Slot(config, variant(name), weight, instances)


def shares(routing: Routing[Stub], requests: int = 1000) -> Counter[str]:
    seen: Counter[str] = Counter()
    for _ in range(requests):
        picked = routing.pick(None)
        assert picked is not None
        seen[picked[0].config] += 1
    return seen


@given(st.integers(1, 99))
def test_a_canary_gets_its_share_exactly(canary: int) -> None:
    routing = Routing((slot("blue", 100 - canary, Stub()), slot("green", canary, Stub())))
    assert shares(routing)["green"] == canary * 10


def test_the_least_busy_instance_is_taken() -> None:
    idle = Stub(1)
    routing = Routing((slot("blue", 1, Stub(3), idle, Stub(2)),))
    picked = routing.pick(None)
    assert picked is not None
    assert picked[1] is idle


def test_a_fleet_without_usable_instances_gives_its_traffic_to_the_other() -> None:
    routing = Routing((slot("blue", 0.5, Stub()), slot("green", 0.5, Stub(usable=False))))
    assert shares(routing, 10) == {"blue": 10}


def test_an_instance_that_was_tried_is_not_taken_again() -> None:
    first, second = Stub(), Stub(5)
    routing = Routing((slot("blue", 1, first, second),))
    picked = routing.pick(None, [first])
    assert picked is not None
    assert picked[1] is second
    assert routing.pick(None, [first, second]) is None


def test_a_target_variant_is_obeyed_even_without_weight() -> None:
    routing = Routing((slot("c", 1, Stub()), slot("c", 0, Stub(), name="shadow")))
    picked = routing.pick("shadow")
    assert picked is not None
    assert picked[0].variant.name == "shadow"
    assert not routing.has_variant("other")
    assert routing.pick("other") is None


def test_retained_properties_survive_a_new_configuration() -> None:
    old = FleetPlan("old", (variant(count=7, weight=3.0),), None)
    new = FleetPlan("new", (variant(count=1), variant("second", count=2)), None)
    kept = new.retaining(old, frozenset())
    assert [(v.name, v.count, v.weight) for v in kept.variants] == [("primary", 7, 3.0), ("second", 2, 1.0)]
    partly = new.retaining(old, frozenset({"DesiredInstanceCount"}))
    assert [(v.count, v.weight) for v in partly.variants] == [(1, 3.0), (2, 1.0)]


def test_a_plan_survives_the_store() -> None:
    plan = FleetPlan("c", (variant(count=7, weight=3.0), variant("b")), None)
    assert FleetPlan.from_record(plan.record()) == plan
