"""From the stated load to instances: the arithmetic holds for every load."""

import math
import re

import pytest
from botocore.loaders import Loader
from hypothesis import assume, given
from hypothesis import strategies as st

from declaration import DeclarationError, Endpoint, Serverless
from declaration.endpoint import CALLS_PER_VCPU
from declaration.instances import InstanceType, burstable, offered, usable, vcpus

LOADS = st.integers(1, 10**8)
PER_INSTANCE = st.integers(2, 10**7)


@given(LOADS, PER_INSTANCE, st.integers(1, 20))
def test_the_target_is_the_formula_and_the_fleet_carries_the_load(
    load: int, per_instance: int, least: int
) -> None:
    capacity = Endpoint(calls_per_minute=load, calls_per_instance=per_instance, min_instances=least).capacity
    # SageMakerVariantInvocationsPerInstance = MAX_RPS x SAFETY_FACTOR x 60
    assert capacity.target == pytest.approx(per_instance / 60 * 0.5 * 60)
    assert capacity.minimum == least
    assert capacity.minimum <= capacity.initial <= capacity.maximum
    assert capacity.initial * capacity.target >= load
    assert capacity.initial == least or (capacity.initial - 1) * capacity.target < load
    assert capacity.autoscaled


@given(LOADS, PER_INSTANCE, st.integers(1, 1000), st.integers(1, 1000))
def test_bounds_are_kept_or_refused(load: int, per_instance: int, least: int, most: int) -> None:
    needed = math.ceil(load / (per_instance * 0.5))

    def declare() -> Endpoint:
        return Endpoint(
            calls_per_minute=load,
            calls_per_instance=per_instance,
            min_instances=least,
            max_instances=most,
        )

    if most < max(least, needed):
        with pytest.raises(DeclarationError, match="Endpoint, max_instances"):
            declare()
    else:
        capacity = declare().capacity
        assert (capacity.minimum, capacity.maximum) == (least, most)
        assert least <= capacity.initial <= most
        assert capacity.autoscaled == (least < most)


@given(st.sampled_from([name for name in offered("endpoint") if burstable(name)]), LOADS)
def test_burstable_types_never_scale(instance: str, load: int) -> None:
    with pytest.raises(DeclarationError, match="does not autoscale burstable types"):
        Endpoint(calls_per_minute=load, instance=instance)


def test_a_burstable_fleet_of_a_fixed_size_is_taken() -> None:
    capacity = Endpoint(
        calls_per_minute=9, instance="ml.t2.medium", min_instances=2, max_instances=2
    ).capacity
    assert not capacity.autoscaled
    assert "does not scale" in capacity.explain()


def test_the_arithmetic_is_shown() -> None:
    text = Endpoint(calls_per_minute=100_000).capacity.explain()
    assert "100,000 calls/min" in text
    assert "ml.c5.large carries 60,000 calls/min at its peak" in text
    assert "1,000.0 calls/s x 60 x 0.5 = 30,000 calls/min per instance" in text
    assert "100,000 / 30,000, rounded up = 4" in text
    assert "starts with 4 and scales between 2 and 8" in text


@pytest.mark.parametrize(
    ("instance", "cpus"), [("ml.c5.large", 2), ("ml.c5.xlarge", 4), ("ml.m5.24xlarge", 96)]
)
def test_the_default_peak_grows_with_the_instance(instance: str, cpus: int) -> None:
    assert vcpus(instance) == cpus
    peak = Endpoint(calls_per_minute=1, instance=instance).capacity.calls_per_instance
    assert peak == cpus * CALLS_PER_VCPU


@given(LOADS, st.integers(1, 60_000), st.integers(1, 200))
def test_serverless_is_refused_exactly_when_too_many_calls_run_at_once(load: int, ms: int, most: int) -> None:
    at_once = load / 60 * ms / 1000
    assume(not math.isclose(at_once, most))
    if at_once > most:
        with pytest.raises(DeclarationError, match="Serverless, calls_per_minute"):
            Serverless(calls_per_minute=load, latency_ms=ms, max_concurrency=most)
    else:
        serverless = Serverless(calls_per_minute=load, latency_ms=ms, max_concurrency=most)
        assert serverless.concurrent_calls == pytest.approx(at_once)


def test_a_hundred_thousand_calls_a_minute_fit_below_120_ms() -> None:
    Serverless(calls_per_minute=100_000, latency_ms=119)
    with pytest.raises(DeclarationError):
        Serverless(calls_per_minute=100_000, latency_ms=121)


@pytest.mark.parametrize(
    ("purpose", "shape"),
    [
        ("training", "TrainingInstanceType"),
        ("processing", "ProcessingInstanceType"),
        ("endpoint", "ProductionVariantInstanceType"),
        ("notebook", "InstanceType"),
    ],
)
def test_every_usable_type_is_one_that_the_api_knows(purpose: str, shape: str) -> None:
    enum = Loader().load_service_model("sagemaker", "service-2")["shapes"][shape]["enum"]
    assert set(usable(purpose)) <= set(offered(purpose)) == set(enum)
    assert len(usable(purpose)) > 30


@given(st.sampled_from(["training", "processing", "endpoint"]), st.data())
def test_graviton_accelerators_and_local_disks_are_refused(purpose: str, data: st.DataObject) -> None:
    instance = data.draw(st.sampled_from(offered(purpose)))
    family = instance.split(".")[1]
    accelerated = re.fullmatch(r"(g|p|inf|trn|dl)\d.*", family)
    unusable = accelerated or re.fullmatch(r"[a-z]\d+[a-z]*[gd][a-z]*", family.removesuffix("-flex"))
    # Training may run on NVIDIA's GPUs beside x86-64 CPUs; a Grace CPU is no x86-64.
    trains = purpose == "training" and family[0] in "gp" and "-gb" not in family
    assert (instance in usable(purpose)) == (unusable is None or trains)


@given(st.text(max_size=20))
def test_any_other_text_is_refused_with_the_families(text: str) -> None:
    assume(text not in offered("endpoint"))
    rule = InstanceType("endpoint")
    with pytest.raises(ValueError, match=r"ml\.c5"):
        rule.check(text)


def test_a_fleet_that_may_have_none_begins_with_as_many_as_a_first_call_starts() -> None:
    capacity = Endpoint(calls_per_minute=600_000, scale_to_zero=True, min_instances=3).capacity
    assert (capacity.minimum, capacity.initial) == (0, 3)
    assert capacity.needed > 3
    assert "starts with 3 and scales between 0 and" in capacity.explain()
