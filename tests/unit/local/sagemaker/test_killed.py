"""Kill -9 at random moments of an execution: it ends all the same, and nothing is done twice."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.unit.local.sagemaker.small_cloud import small_cloud, steps

PROGRAM = Path(__file__).with_name("killed_cloud.py")
CHECKOUT = Path(__file__).parents[4]


def launch(state: Path) -> subprocess.Popen[bytes]:
    paths = os.pathsep.join([str(CHECKOUT), str(PROGRAM.parent)])
    # A killed process leaves its temporary files.
    environment = {**os.environ, "PYTHONPATH": paths, "TMPDIR": str(state)}
    process = subprocess.Popen([sys.executable, PROGRAM, state], env=environment, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"running\n"
    return process


def finished_steps(state: Path) -> dict[str, dict[str, Any]]:
    _, sagemaker = small_cloud(state)
    try:
        executions = sagemaker.call("ListPipelineExecutions", {"PipelineName": "training"})
        (execution,) = executions["PipelineExecutionSummaries"]
        found = steps(sagemaker, execution["PipelineExecutionArn"])
        return {name: step for name, step in found.items() if step["StepStatus"] == "Succeeded"}
    finally:
        sagemaker.close()


def containers(state: Path) -> list[int]:
    """Processes with the job directories of this state among their mounts or open files."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if str(state) in (process / "mountinfo").read_text():
                found.append(int(process.name))
        except OSError:
            continue
    return found


@pytest.mark.parametrize("seed", [1, 2])
def test_a_killed_execution_goes_on_where_it_was(tmp_path: Path, seed: int) -> None:
    random_moment = random.Random(seed)  # noqa: S311 - no secret
    before: dict[str, dict[str, Any]] = {}
    for _ in range(6):
        process = launch(tmp_path)
        time.sleep(random_moment.uniform(0, 0.5))
        process.kill()
        process.wait()
        after = finished_steps(tmp_path)
        assert after.items() >= before.items(), "a step that was done has changed"
        before = after
    assert launch(tmp_path).wait(60) == 0
    assert finished_steps(tmp_path).items() >= before.items()

    _, sagemaker = small_cloud(tmp_path)
    (execution,) = sagemaker.call("ListPipelineExecutions", {"PipelineName": "training"})[
        "PipelineExecutionSummaries"
    ]
    assert execution["PipelineExecutionStatus"] == "Succeeded"
    assert len(sagemaker.call("ListProcessingJobs", {})["ProcessingJobSummaries"]) == 2
    assert len(sagemaker.call("ListTrainingJobs", {})["TrainingJobSummaries"]) == 1
    packages = sagemaker.call("ListModelPackages", {"ModelPackageGroupName": "flights"})
    assert [package["ModelPackageVersion"] for package in packages["ModelPackageSummaryList"]] == [1]
    sagemaker.close()
    deadline = time.monotonic() + 5
    while containers(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not containers(tmp_path), "a container has outlived the cloud"
