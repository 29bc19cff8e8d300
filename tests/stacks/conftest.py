import runpy
from collections.abc import Iterator

import pytest

import stacks
from declaration import (
    AllAtOnce,
    Data,
    Endpoint,
    Every,
    OnNewData,
    Project,
    Serverless,
    Workbench,
)
from stacks.parts.paths import ROOT
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


@pytest.fixture(params=["flights", "several"])
def app(request: pytest.FixtureRequest) -> Iterator[Synthesised]:
    """Each of the synthesised apps in turn."""
    yield request.getfixturevalue(request.param)
