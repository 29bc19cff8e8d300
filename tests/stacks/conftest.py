import runpy
from collections.abc import Iterator
from typing import Any

import pytest

import stacks
from declaration import (
    AllAtOnce,
    Async,
    Batch,
    BuiltIn,
    Container,
    Data,
    Endpoint,
    Every,
    Gate,
    Integer,
    OnDrift,
    OnNewData,
    OnQuality,
    Project,
    Rolling,
    Script,
    Serverless,
    Shadow,
    Tuning,
    Workbench,
    XGBoost,
)
from stacks.parts.paths import ROOT
from tests.stacks.brought import bring
from tests.stacks.synthesised import Synthesised, synthesise


@pytest.fixture(scope="session")
def flights(tmp_path_factory: pytest.TempPathFactory) -> Synthesised:
    """What app.py declares."""
    declared: list[Project] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stacks, "deploy", lambda *projects: declared.extend(projects))
        runpy.run_path(str(ROOT / "app.py"))
    return synthesise(tmp_path_factory.mktemp("flights"), *declared)


@pytest.fixture(scope="session")
def several(tmp_path_factory: pytest.TempPathFactory) -> Synthesised:
    """Two projects that share network and key, and one that has nothing but its data."""
    return synthesise(
        tmp_path_factory.mktemp("several"),
        Project(
            name="churn",
            data=Data(target="left"),
            endpoint=Serverless(calls_per_minute=600, latency_ms=50),
            retrain=[Every("1 day"), Every("cron(0 6 * * ? *)")],
            notify="somebody@example.com",
            network="shared",
            key="common",
            retain=False,
        ),
        Project(
            name="prices",
            data=Data(target="price", problem="regression"),
            endpoint=Endpoint(
                calls_per_minute=60,
                min_instances=1,
                max_instances=1,
                rollout=AllAtOnce(wait="10 min"),
                capture_percent=0,
            ),
            retrain=[OnNewData(cooldown="1 h")],
            workbench=Workbench(idle_stop="30 min"),
            network="shared",
            key="common",
        ),
        Project(name="bare", data=Data(target="y")),
    )


@pytest.fixture(scope="session")
def brought(tmp_path_factory: pytest.TempPathFactory) -> Synthesised:
    """A project of every kind that flights is not, with what users bring along."""
    files = bring(tmp_path_factory.mktemp("files"))
    endpoint = Endpoint(calls_per_minute=60)
    shared: dict[str, Any] = {"network": "common", "key": "common", "retain": False}
    return synthesise(
        tmp_path_factory.mktemp("brought"),
        Project(
            name="tuned",
            data=Data(target="late", prepare=files.functions.prepare),
            train=XGBoost(on="gpu", instance="ml.p3.2xlarge"),
            gate=[Gate("auc", at_least=0.7), Gate(files.functions.profit, at_least=1)],
            tune=20,
            **shared,
        ),
        Project(
            name="script",
            data=Data(target="y"),
            train=Script(files.script, framework="sklearn", checkpoints=True),
            endpoint=endpoint,
            **shared,
        ),
        Project(
            name="image",
            data=Data(target="y"),
            train=Container(files.image),
            tune=Tuning(5, ranges={"trees": Integer(10, 500)}),
            endpoint=endpoint,
            **shared,
        ),
        Project(
            name="pictures",
            data=Data(target="class", problem="multiclass"),
            gate=Gate("accuracy", at_least=0.9),
            train=BuiltIn(
                "image-classification",
                {"num_classes": 3, "num_training_samples": 100},
                channels={"train": "s3://pictures/train/", "validation": "s3://pictures/validation/"},
            ),
            **shared,
        ),
    )


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Synthesised:
    """A project for every way to serve that the others do not have."""
    files = bring(tmp_path_factory.mktemp("served_files"), "answers")
    data = Data(target="y")
    shared: dict[str, Any] = {"data": data, "network": "common", "key": "common", "retain": False}
    return synthesise(
        tmp_path_factory.mktemp("served"),
        Project(
            name="queued",
            endpoint=Async(calls_per_minute=1_000, answer_within="20 min"),
            **shared,
        ),
        Project(
            name="beside",
            endpoint=Endpoint(calls_per_minute=6_000, p99_ms=50, rollout=Shadow(percent=25, calls=500)),
            **shared,
        ),
        Project(name="files", endpoint=Batch(), **shared),
        Project(name="nightly", endpoint=Batch(every="1 day", instances=2), **shared),
        Project(
            name="asleep",
            endpoint=Endpoint(
                calls_per_minute=100_000,
                p99_ms=50,
                scale_on="concurrency",
                scale_to_zero=True,
                busy="weekdays 8-18 Europe/Berlin",
                monthly_budget=200,
            ),
            **shared,
        ),
        Project(
            name="batches",
            endpoint=Endpoint(
                calls_per_minute=100_000,
                p99_ms=50,
                busy="weekdays 8-18",
                rollout=Rolling(percent=20, wait="1 min"),
                predict=files.functions.predict,
            ),
            **shared,
        ),
    )


@pytest.fixture(scope="session")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Synthesised:
    """Projects whose model is watched: for everything, for its answers alone, and for its calls alone."""
    shared: dict[str, Any] = {
        "data": Data(target="late"),
        "endpoint": Endpoint(calls_per_minute=60),
        "gate": Gate("auc", at_least=0.7),
        "network": "common",
        "key": "common",
        "retain": False,
    }
    return synthesise(
        tmp_path_factory.mktemp("watched"),
        Project(
            name="watched",
            retrain=[
                OnDrift(
                    every="2 h",
                    psi=0.2,
                    false_alarms_per_year=2,
                    rows=300,
                    features=["distance"],
                    retrain=False,
                ),
                OnQuality(at_least=0.65, labels_within="7 days", rows=200, confidence=0.9),
            ],
            **shared,
        ),
        Project(name="judged", retrain=[OnQuality()], **shared),
        Project(name="drifting", retrain=[OnDrift(every="10 min")], **shared),
    )


@pytest.fixture(params=["flights", "several", "brought", "served", "watched"])
def app(request: pytest.FixtureRequest) -> Iterator[Synthesised]:
    """Each of the synthesised apps in turn."""
    yield request.getfixturevalue(request.param)
