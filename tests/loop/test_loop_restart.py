"""The platform dies in the middle of an execution, and is shut down and started again."""

import os
import signal
from collections import Counter
from pathlib import Path

from examples.flights.demo.traffic import Api
from local import cloud as clouds
from tests.loop.deployed import Deployed, until


def test_an_execution_outlives_kill_9(
    served: str, deployed: Deployed, api: Api, rows: list[str], months: list[Path]
) -> None:
    model, packages = api.predict(rows[0]).model, deployed.packages()
    state = Path(deployed.environment["SAGELOOP_STATE"])
    running = clouds.running(state)
    assert running
    deployed.retrain()
    execution = deployed.started()
    until("training", lambda: "Train" in deployed.steps(execution))
    os.kill(running.pid, signal.SIGKILL)
    until("the end of the process", lambda: clouds.running(state) is None)
    until("the end of its containers", lambda: not clouds.processes(state), seconds=5)
    clouds.start(state, speed=running.speed)
    until("the endpoint", lambda: api.predict(rows[0]).model == model)
    assert deployed.finished(execution)["PipelineExecutionStatus"] == "Succeeded", deployed.sageloop("runs")
    assert completed_jobs(deployed, execution) == {"Prepare": 1, "Train": 1, "Evaluate": 1}
    assert len(deployed.packages()) == len(packages) + 1
    assert len(deployed.executions()) == deployed.requests


def test_down_and_up_again(served: str, deployed: Deployed, api: Api, rows: list[str]) -> None:
    model, runs = api.predict(rows[0]).model, deployed.sageloop_json("runs")
    assert deployed.sageloop_json("down") == {"stopped": True}
    assert clouds.processes(Path(deployed.environment["SAGELOOP_STATE"])) == []
    assert deployed.sageloop_json("down") == {"stopped": False}
    deployed.sageloop_fails("status", code=3)
    deployed.sageloop("up")
    until("the endpoint", lambda: api.predict(rows[0]).model == model)
    assert deployed.sageloop_json("runs") == runs
    assert len(deployed.executions()) == deployed.requests


def completed_jobs(deployed: Deployed, execution: str) -> Counter[str]:
    """How many jobs completed for each step of an execution."""
    chosen = {"NameContains": execution.rpartition("/")[2], "StatusEquals": "Completed", "MaxResults": 100}
    processing = deployed.sagemaker.list_processing_jobs(**chosen)["ProcessingJobSummaries"]
    training = deployed.sagemaker.list_training_jobs(**chosen)["TrainingJobSummaries"]
    names = [job["ProcessingJobName"] for job in processing] + [job["TrainingJobName"] for job in training]
    return Counter(name.split("-")[2] for name in names)
