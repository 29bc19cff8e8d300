"""Tuning jobs and their trials."""

import json
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest

from cli.commands import tuning as tuning_command
from cli.pages.charts import round_axis
from tests.unit.cli.training_runs import BEGIN, Runs

NAME = "tuned0000001-Tune-abc"
RANGES = {
    "IntegerParameterRanges": [{"Name": "max_depth", "MinValue": "3", "MaxValue": "10"}],
    "ContinuousParameterRanges": [
        {"Name": "eta", "MinValue": "0.01", "MaxValue": "0.3", "ScalingType": "Logarithmic"}
    ],
    "CategoricalParameterRanges": [{"Name": "booster", "Values": ["gbtree", "dart"]}],
}


class Job:
    """A tuning job that the answers of a test describe."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.status = "Completed"
        self.kind = "Maximize"
        self.trials: list[dict[str, Any]] = []
        answers["DescribeHyperParameterTuningJob"] = lambda _: self._described()
        answers["ListTrainingJobsForHyperParameterTuningJob"] = lambda _: {
            "TrainingJobSummaries": self.trials
        }

    def try_out(self, depth: int, objective: float | None, *, status: str = "Completed") -> None:
        number = len(self.trials) + 1
        metric = {"MetricName": "validation:auc", "Value": objective}
        self.trials.append(
            {
                "TrainingJobName": f"{NAME}-{number:03}",
                "TrainingJobStatus": status,
                "TunedHyperParameters": {
                    "max_depth": str(depth),
                    "eta": str(0.01 * number),
                    "booster": "dart" if number % 2 else "gbtree",
                },
                "TrainingStartTime": BEGIN,
                "TrainingEndTime": BEGIN + timedelta(seconds=number),
                **({} if objective is None else {"FinalHyperParameterTuningJobObjectiveMetric": metric}),
                **({"FailureReason": "out of memory"} if status == "Failed" else {}),
            }
        )

    def _described(self) -> dict[str, Any]:
        scored = [trial for trial in self.trials if "FinalHyperParameterTuningJobObjectiveMetric" in trial]
        return {
            "HyperParameterTuningJobName": NAME,
            "HyperParameterTuningJobStatus": self.status,
            "HyperParameterTuningJobConfig": {
                "Strategy": "Bayesian",
                "HyperParameterTuningJobObjective": {"Type": self.kind, "MetricName": "validation:auc"},
                "ResourceLimits": {"MaxNumberOfTrainingJobs": 10, "MaxParallelTrainingJobs": 2},
                "ParameterRanges": RANGES,
            },
            "CreationTime": BEGIN,
            "HyperParameterTuningEndTime": BEGIN + timedelta(seconds=75),
            "TrainingJobStatusCounters": {"Completed": len(self.trials), "Stopped": 0},
            **({"BestTrainingJob": scored[0]} if scored else {}),
        }


@pytest.fixture
def job(flights: boto3.Session, answers: Any, monkeypatch: pytest.MonkeyPatch) -> Job:
    monkeypatch.setattr(tuning_command, "POLL_SECONDS", 0.0)
    Runs(flights, answers).add("tuned0000001", "Prepare", "Tune", "Train")
    made = Job(answers)
    for depth in (3, 9, 5, 8, 4, 6, 10, 7, 3, 5):
        made.try_out(depth, 0.7 + depth / 100)
    return made


def test_the_list(sageloop: Any, job: Job) -> None:
    assert "validation:auc 0.7300" in sageloop("tuning").stdout
    [one] = json.loads(sageloop("tuning", "--json").stdout)
    assert (one["name"], one["run"], one["trials"]) == (NAME, "tuned0000001", 10)


@pytest.mark.parametrize("asked", ["tuned", "tuned0000001-Tune", NAME])
def test_one_job_and_its_best_trial(sageloop: Any, job: Job, asked: str) -> None:
    said = sageloop("tuning", asked).stdout
    assert "10 of 10 trials in 1 min 15 s" in said
    assert "Best is trial 7: 0.8000 with booster=dart, eta=0.07, max_depth=10" in said
    found = json.loads(sageloop("tuning", asked, "--json").stdout)
    assert [trial["number"] for trial in found["trials"]] == list(range(1, 11))
    assert found["best"]["name"] == f"{NAME}-007"


def test_a_loss_is_best_when_it_is_lowest(sageloop: Any, job: Job) -> None:
    job.kind = "Minimize"
    job.try_out(4, None, status="Failed")
    found = json.loads(sageloop("tuning", NAME, "--json").stdout)
    assert found["best"]["number"] == 1
    assert "out of memory" in sageloop("tuning", NAME).stdout


def test_no_tuning_yet(sageloop: Any, flights: boto3.Session) -> None:
    assert "tune=30" in sageloop("tuning").stdout
    result = sageloop("tuning", "--watch")
    assert (result.exit_code, "has not tuned yet" in result.stderr) == (1, True)
    assert "has no tuning job abc" in sageloop("tuning", "abc").stderr


def test_watching_ends_with_the_job(sageloop: Any, job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    job.status = "InProgress"
    job.trials.clear()

    def goes_on(_: float) -> None:
        job.try_out(6, 0.76)
        job.status = "Completed" if len(job.trials) == 3 else "InProgress"

    monkeypatch.setattr(time, "sleep", goes_on)
    result = sageloop("tuning", "--watch")
    assert result.exit_code == 0
    assert [line for line in result.stderr.splitlines() if line.startswith("trial")] == [
        f"trial {number}: Completed 0.7600" for number in (1, 2, 3)
    ]
    assert "Best is trial 1" in result.stdout


def test_watching_a_job_that_fails_is_an_error(sageloop: Any, job: Job) -> None:
    job.status = "Failed"
    assert sageloop("tuning", NAME).exit_code == 0
    assert sageloop("tuning", NAME, "--watch").exit_code == 1


def test_the_page_draws_all_and_names_what_mattered(sageloop: Any, job: Job, tmp_path: Path) -> None:
    page = tmp_path / "trials.html"
    job.try_out(4, None, status="Failed")
    assert sageloop("tuning", "--html", str(page)).exit_code == 0
    text = page.read_text()
    assert text.count('<circle class="dot') == 10
    assert text.count('<polyline class="thread') == 10
    shares = text[text.index("mattered") : text.index("<h2>Trials")]
    assert shares.index("max_depth") < min(shares.index("eta"), shares.index("booster"))
    assert "http://" not in text and "https://" not in text


def test_a_page_of_nothing_is_refused(sageloop: Any, job: Job, tmp_path: Path) -> None:
    job.trials.clear()
    result = sageloop("tuning", "--html", str(tmp_path / "trials.html"))
    assert (result.exit_code, "no trial with a result yet" in result.stderr) == (1, True)


def test_a_page_of_equal_trials(sageloop: Any, job: Job, tmp_path: Path) -> None:
    page = tmp_path / "trials.html"
    del job.trials[1:]
    assert sageloop("tuning", "--html", str(page)).exit_code == 0
    assert "mattered" not in page.read_text()


@pytest.mark.parametrize(("low", "high"), [(0.7, 0.8), (0.0, 0.0), (-3.0, 1e6), (0.123, 0.123)])
def test_an_axis_holds_its_ends(low: float, high: float) -> None:
    axis = round_axis(low, high, "")
    assert axis.low <= low <= high <= axis.high
    assert 2 <= len(axis.ticks) <= 7
