"""Executions on request: what they are started with, and what is refused before they are."""

import json
import time
from typing import Any

import boto3
import pytest

from cli import launch
from cli.commands import run as run_command
from cli.definition import Definition, parse
from tests.unit.cli.training_runs import NO_CHAMPION, PIPELINE, Runs, compiled, described

Started = dict[str, str]


@pytest.fixture
def runs(flights: boto3.Session, answers: Any, monkeypatch: pytest.MonkeyPatch) -> Runs:
    monkeypatch.setattr(run_command, "POLL_SECONDS", 0.0)
    answers["DescribePipeline"] = described()
    return Runs(flights, answers)


def given(runs: Runs) -> Started:
    """The parameters of the one execution that was started."""
    [request] = runs.started
    return {each["Name"]: each["Value"] for each in request["PipelineParameters"]}


def approved(aws: boto3.Session) -> str:
    """An approved model package; the place of its model."""
    uri = "s3://flights-artifacts/executions/best/model.tar.gz"
    aws.client("sagemaker").create_model_package(
        ModelPackageGroupName="flights",
        ModelApprovalStatus="Approved",
        InferenceSpecification={
            "Containers": [{"Image": "jobs", "ModelDataUrl": uri}],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
    )
    return uri


def test_a_run_takes_defaults_what_is_set_and_the_champion(
    sageloop: Any, runs: Runs, flights: boto3.Session
) -> None:
    champion = approved(flights)
    data = "s3://flights-incoming/2014/"
    result = sageloop("run", "--set", "max_depth=4", "--set", "eta = 0.05", "--data", data, "--json")
    assert result.exit_code == 0
    assert given(runs) == {
        "ChampionModelUri": champion,
        "max_depth": "4",
        "eta": "0.05",
        "InputDataUri": data,
    }
    assert "SelectiveExecutionConfig" not in runs.started[0]
    assert "max_depth=4" in runs.started[0]["PipelineExecutionDescription"]
    assert json.loads(result.stdout)["id"] == "started0001"


def test_the_champion_is_the_one_that_retraining_takes(runs: Runs, flights: boto3.Session) -> None:
    from retrain.executions import Executions

    retraining = Executions(flights.client("sagemaker"), "flights-training", "flights")
    assert launch.champion(flights, "flights") is None is retraining.champion()
    assert approved(flights) == launch.champion(flights, "flights") == retraining.champion()


def test_from_a_step_the_newest_run_lends_its_results_and_its_values(
    sageloop: Any, runs: Runs, flights: boto3.Session
) -> None:
    runs.add(
        "older0000001", "Prepare", "Intake", "Train", max_depth="7", eta="0.2", ChampionModelUri=NO_CHAMPION
    )
    runs.add("failed000001", "!Prepare", status="Failed", max_depth="9")
    runs.add("running00001", "Prepare", status="Executing", max_depth="8")
    champion = approved(flights)
    result = sageloop("run", "--from", "train", "--set", "max_depth=4")
    assert result.exit_code == 0
    assert "taken from older0000001" in result.stdout.replace("\n", " ")
    selection = runs.started[0]["SelectiveExecutionConfig"]
    assert selection == {
        "SelectedSteps": [
            {"StepName": name}
            for name in ("Intake", "Train", "Evaluate", "Gate", "Register", "Rejected", "NothingNew")
        ],
        "SourcePipelineExecutionArn": f"{PIPELINE}/execution/older0000001",
    }
    assert given(runs) == {"max_depth": "4", "eta": "0.2", "ChampionModelUri": champion}


def test_a_parameter_that_the_pipeline_lost_is_not_kept(sageloop: Any, runs: Runs) -> None:
    runs.add("older0000001", "Prepare", depth="7", eta="0.2")
    assert sageloop("run", "--from", "Train").exit_code == 0
    assert given(runs) == {"eta": "0.2"}


def test_a_step_in_a_branch_begins_at_its_condition(sageloop: Any, runs: Runs) -> None:
    runs.add("older0000001", "Prepare", "Intake", "Train", "Evaluate", "Gate", "!Rejected", status="Failed")
    assert sageloop("run", "--from", "Register").exit_code == 0
    names = [step["StepName"] for step in runs.started[0]["SelectiveExecutionConfig"]["SelectedSteps"]]
    assert names == ["Gate", "Register", "Rejected"]


def test_the_source_may_be_named(sageloop: Any, runs: Runs) -> None:
    runs.add("older0000001", "Prepare", "Intake", eta="0.2")
    runs.add("newer0000001", "Prepare", "Intake", eta="0.3")
    assert sageloop("run", "--from", "Train", "--source", "older").exit_code == 0
    assert given(runs) == {"eta": "0.2"}
    result = sageloop("run", "--from", "Evaluate", "--source", "older")
    assert (result.exit_code, "has no result of Train" in result.stderr) == (1, True)


def test_from_the_first_step_needs_no_earlier_run(sageloop: Any, runs: Runs) -> None:
    assert sageloop("run", "--from", "Prepare").exit_code == 0
    assert "SelectiveExecutionConfig" not in runs.started[0]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--set", "max_dept=4"], 1, "did you mean max_depth? Its parameters are InputDataUri,"),
        (["--from", "Trian"], 1, "did you mean Train? Its steps are Prepare, Intake,"),
        (["--from", "Evaluate"], 1, "No run of flights-training has results of Prepare, Intake, Train"),
        (["--from", "Train", "--data", "s3://b/c"], 1, "begin there with --from Prepare"),
        (["--set", "max_depth"], 2, "NAME=VALUE"),
        (["--data", "/home/data"], 2, "s3://"),
        (["--source", "older"], 2, "--from"),
    ],
)
def test_what_is_refused_starts_nothing(
    sageloop: Any, runs: Runs, arguments: list[str], code: int, said: str
) -> None:
    result = sageloop("run", *arguments)
    assert result.exit_code == code
    assert said in " ".join(result.stderr.replace("│", " ").split())
    assert not runs.started


def test_a_tuned_hyperparameter_is_no_parameter(sageloop: Any, runs: Runs, answers: Any) -> None:
    answers["DescribePipeline"] = described(tune=30)
    result = sageloop("run", "--set", "max_depth=4")
    assert (result.exit_code, runs.started) == (1, [])
    assert "max_depth is tuned (3 to 10)" in result.stderr
    assert "Tuning(ranges=...)" in result.stderr
    assert sageloop("run", "--set", "rounds=50").exit_code == 0


def test_waiting_ends_with_the_run(sageloop: Any, runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    story = iter([(["Prepare", "Train"], "Executing"), (["Prepare", "Train", "Evaluate"], "Succeeded")])

    def goes_on(_: float) -> None:
        steps, status = next(story)
        runs.add("started0001", *steps, status=status)

    runs.add("started0001", status="Executing")
    monkeypatch.setattr(time, "sleep", goes_on)
    result = sageloop("run", "--wait")
    assert result.exit_code == 0
    assert "Evaluate" in result.stdout
    assert result.stderr.count("Train: Succeeded 9 s") == 1


def test_waiting_for_a_run_that_fails_says_why(sageloop: Any, runs: Runs) -> None:
    runs.add("started0001", "Prepare", "!Train", status="Failed")
    result = sageloop("run", "--wait", "--json")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "Run started0001 failed: Train failed" in result.stderr


def tuned_definition() -> Definition:
    return parse("flights-training", "role", compiled(tune=30))


@pytest.mark.parametrize("step", list(tuned_definition().steps))
def test_no_selection_has_a_gap(step: str) -> None:
    known = tuned_definition()
    selected = set(known.from_step(known.beginning(step)))
    for name, each in known.steps.items():
        before = each.needs | ({each.condition} if each.condition else set())
        assert name in selected or not before & selected, f"{name} follows {before & selected}"
