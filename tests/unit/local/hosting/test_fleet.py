"""How many instances of a fleet start at once."""

import threading
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from local.sagemaker.hosting import fleet
from local.sagemaker.hosting.plan import FleetPlan, VariantPlan

VARIANT = VariantPlan(
    name="primary",
    model="model",
    image="image",
    model_data=None,
    environment={},
    role="role",
    isolated=True,
    subnets=(),
    security_groups=(),
    volume_key=None,
    instance_type="ml.c5.large",
    count=3,
    weight=1.0,
)


class Launcher:
    """Gives instances, and takes down how many were being started at a time."""

    def __init__(self, wait_for: int) -> None:
        self.most = 0
        self._under_way = 0
        self._lock = threading.Lock()
        # A start ends when so many others are under way with it.
        self._together = threading.Barrier(wait_for)

    def launch(self, *_: Any) -> Any:
        with self._lock:
            self._under_way += 1
            self.most = max(self.most, self._under_way)
        self._together.wait(timeout=10)
        with self._lock:
            self._under_way -= 1
        return SimpleNamespace(usable=True, alive=True)


def started(launcher: Launcher, made: fleet.Fleet, count: int) -> int:
    launcher.most = 0
    made.plan = replace(made.plan, variants=(replace(VARIANT, count=count),))
    made.reconcile()
    assert len(made.instances("primary")) == count
    return launcher.most


def test_instances_start_together_unless_others_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fleet, "_STARTS_BESIDE_LOAD", 1)
    launcher: Any = Launcher(wait_for=3)
    plan = FleetPlan("config", (VARIANT,), None)
    made = fleet.Fleet(launcher, plan, lambda: None, threading.Event())
    assert started(launcher, made, 3) == 3
    launcher._together = threading.Barrier(1)
    assert started(launcher, made, 6) == 1
