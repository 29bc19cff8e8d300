"""From needs to the cheapest instance type, with its price and the reason."""

import dataclasses
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from declaration import DeclarationError, Script, XGBoost
from declaration.compute import Need, cheapest, named
from declaration.instances import gpu, usable, vcpus
from declaration.prices import PRICED, Priced


@given(st.sampled_from(["cpu", "gpu"]), st.integers(1, 2000))
def test_nothing_that_fits_is_cheaper(on: str, memory_gb: int) -> None:
    fitting = [
        each
        for each in PRICED
        if (each.gpus > 0) == (on == "gpu") and each.memory_gb >= memory_gb and each.vcpus >= 4
    ]
    if not fitting:
        with pytest.raises(DeclarationError, match="the largest instance with"):
            XGBoost(on=on, memory_gb=memory_gb)  # type: ignore[arg-type]
        return
    compute = XGBoost(on=on, memory_gb=memory_gb).compute  # type: ignore[arg-type]
    assert compute.usd_per_hour == min(each.usd for each in fitting)
    assert compute.instance_type in {each.name for each in fitting}
    assert gpu(compute.instance_type) == (on == "gpu")


@given(st.integers(1, 512), st.integers(1, 100))
def test_a_fleet_costs_what_its_instances_cost(memory_gb: int, count: int) -> None:
    need = Need(gpu=False, memory_gb=memory_gb)
    one, all_of_them = cheapest(need, 1), cheapest(need, count)
    assert one.usd_per_hour is not None
    assert all_of_them.usd_per_hour == pytest.approx(one.usd_per_hour * count)
    assert all_of_them.instance_count == count


def test_the_reason_is_one_sentence() -> None:
    assert XGBoost(memory_gb=64).compute.why == (
        "ml.r5.2xlarge: the cheapest with 64 GB, 8 vCPU, 0.605 USD/h"
    )
    assert XGBoost().compute.why == "ml.m5.xlarge: the cheapest with 16 GB, 4 vCPU, 0.23 USD/h"
    assert XGBoost(on="gpu").compute.why == (
        "ml.g4dn.xlarge: the cheapest with 1 GPU, 16 GB, 4 vCPU, 0.7364 USD/h"
    )
    assert cheapest(Need(gpu=True, memory_gb=None), 2).why == (
        "2 x ml.g4dn.xlarge: the cheapest with 1 GPU, 16 GB, 4 vCPU, 1.4728 USD/h together"
    )


def test_an_instance_may_be_named_whether_its_price_is_known_or_not() -> None:
    known, unknown = XGBoost(instance="ml.c5.2xlarge").compute, named("ml.m6i.large", 3)
    assert (known.instance_type, known.usd_per_hour, known.local_disk_gb) == ("ml.c5.2xlarge", 0.408, None)
    assert unknown.usd_per_hour is None
    assert (
        unknown.why == "3 x ml.m6i.large: named in the declaration, at a price that the table does not know"
    )


def test_the_table_has_only_types_that_sagemaker_trains_on() -> None:
    assert {each.name for each in PRICED} <= set(usable("training"))
    assert len({each.name for each in PRICED}) == len(PRICED) >= 30


@pytest.mark.parametrize("instance", PRICED, ids=lambda each: each.name)
def test_the_table_agrees_with_what_the_names_say(instance: Priced) -> None:
    assert (instance.gpus > 0) == gpu(instance.name)
    assert instance.memory_gb > 0
    assert instance.usd > 0
    family = instance.name.split(".")[1]
    # p3 is of an older generation, with 8 vCPU per GPU; all others have 4 per `xlarge`.
    if family != "p3" and instance.name not in ("ml.c5.9xlarge", "ml.c5.18xlarge"):
        assert instance.vcpus == vcpus(instance.name)
    # What AWS calls general purpose, compute or memory optimised.
    per_vcpu = {"m5": 4, "c5": 2, "r5": 8}.get(family)
    if per_vcpu:
        assert instance.memory_gb == per_vcpu * instance.vcpus


def test_within_a_family_more_costs_more() -> None:
    for smaller, larger in itertools.permutations(PRICED, 2):
        same_family = smaller.name.split(".")[1] == larger.name.split(".")[1]
        if same_family and smaller.gpus <= larger.gpus and smaller.vcpus < larger.vcpus:
            assert smaller.usd < larger.usd


def test_only_types_with_local_disks_say_how_large_those_are() -> None:
    with_disks = {each.name.split(".")[1] for each in PRICED if each.local_disk_gb}
    assert with_disks == {"g4dn", "g5", "g6", "p4d"}


def test_a_script_may_have_a_gpu_and_several_instances() -> None:
    script = Script(__file__, framework="pytorch", on="gpu", instances=4)
    assert script.compute.instance_count == 4
    assert gpu(script.compute.instance_type)
    assert dataclasses.replace(script, instance="ml.p3.8xlarge").compute.usd_per_hour == 4 * 14.688
