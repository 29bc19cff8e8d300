"""The pipelines of tuned projects, and of those whose model another image learns."""

import dataclasses
import json
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from declaration import (
    Categorical,
    Container,
    Data,
    DeclarationError,
    Endpoint,
    Gate,
    Project,
    Tuning,
)
from pipelines.training import TrainingBindings, definition
from pipelines.validation import validate
from tests.stacks.brought import Brought
from tests.unit.pipelines.compiling import channels, compiled, inputs, steps

GOLDEN = Path(__file__).parent / "golden"
KINDS = (
    *("own", "tuned", "script", "script-tuned", "container", "container-tuned"),
    *("builtin", "builtin-tuned", "channels", "channels-tuned", "unsupervised"),
)


@pytest.mark.parametrize("kind", ["tuned", "container"])
def test_the_definitions_are_the_golden_files(
    kind: str, kinds: Mapping[str, Project], bindings: TrainingBindings
) -> None:
    """After a change that is meant, write them anew: UPDATE_GOLDEN=1 pytest tests/unit/pipelines."""
    golden = GOLDEN / f"{kind}-training.json"
    text = json.dumps(json.loads(definition(kinds[kind], bindings)), indent=2) + "\n"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(text)
    assert text == golden.read_text()


@pytest.mark.parametrize("kind", KINDS)
def test_sagemaker_would_take_every_kind(
    kind: str, kinds: Mapping[str, Project], with_code: TrainingBindings
) -> None:
    validate(definition(kinds[kind], with_code))


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("tuned", ["Prepare", "Intake", "Tune", "Train", "Evaluate", "Gate"]),
        ("container", ["Prepare", "Intake", "Train", "Model", "Predict", "HasChampion"]),
        ("container-tuned", ["Prepare", "Intake", "Tune", "Model", "Predict", "HasChampion"]),
        ("builtin-tuned", ["Prepare", "Intake", "Tune", "Model", "Predict", "HasChampion"]),
        ("channels", ["Train", "Gate"]),
        ("channels-tuned", ["Tune", "Gate"]),
        ("unsupervised", ["Train", "Register"]),
    ],
)
def test_the_steps_of_a_kind(
    kind: str, names: list[str], kinds: Mapping[str, Project], bindings: TrainingBindings
) -> None:
    first = json.loads(definition(kinds[kind], bindings))["Steps"]
    behind = [step for each in first if each["Name"] == "Intake" for step in each["Arguments"]["IfSteps"]]
    assert [step["Name"] for step in [*first, *behind]] == names


def test_the_best_hyperparameters_learn_once_more_from_all_rows(
    kinds: Mapping[str, Project], bindings: TrainingBindings
) -> None:
    project = kinds["tuned"]
    found = compiled(project, bindings)
    trial = found["Tune"]["Arguments"]["TrainingJobDefinition"]
    assert trial["StaticHyperParameters"]["refit"] == "false"
    assert not set(trial["StaticHyperParameters"]) & set(project.ranges)
    best = found["Train"]["Arguments"]["HyperParameters"]
    assert "refit" not in best
    for name in project.ranges:
        assert best[name] == {"Get": f"Steps.Tune.BestTrainingJob.TunedHyperParameters['{name}']"}
    assert best.keys() - {"algorithm", "problem", "target"} == project.train.hyperparameters.keys()
    assert "CheckpointConfig" not in trial  # trials would go on from each other's
    assert trial["EnableManagedSpotTraining"] is True
    assert {"trials", "model", "champion"} <= inputs(found["Evaluate"]).keys()


def test_what_is_tuned_is_no_parameter(kinds: Mapping[str, Project], bindings: TrainingBindings) -> None:
    project = kinds["tuned"]
    names = {each["Name"] for each in json.loads(definition(project, bindings))["Parameters"]}
    assert not names & set(project.ranges)
    assert {"rounds", "seed"} <= names


def test_tuning_improves_what_the_gate_judges(bindings: TrainingBindings) -> None:
    for gate, goal in ((Gate("brier", at_most=0.2), "Minimize"), (Gate("f1", at_least=0.5), "Maximize")):
        project = Project("p", data=Data("y"), gate=gate, tune=3)
        config = compiled(project, bindings)["Tune"]["Arguments"]["HyperParameterTuningJobConfig"]
        assert config["HyperParameterTuningJobObjective"] == {
            "Type": goal,
            "MetricName": f"validation:{gate.name}",
        }


@pytest.mark.parametrize(
    ("tuning", "limits", "stopping"),
    [
        (Tuning(20, parallel=5), {"MaxNumberOfTrainingJobs": 20, "MaxParallelTrainingJobs": 5}, "Auto"),
        (
            Tuning(9, strategy="random", early_stopping=False),
            {"MaxNumberOfTrainingJobs": 9, "MaxParallelTrainingJobs": 4},
            "Off",
        ),
        (
            Tuning(9, strategy="hyperband"),
            {"MaxNumberOfTrainingJobs": 9, "MaxParallelTrainingJobs": 4},
            "Off",
        ),
    ],
)
def test_strategies(
    tuning: Tuning, limits: dict[str, int], stopping: str, bindings: TrainingBindings
) -> None:
    project = Project("p", data=Data("y"), tune=tuning)
    config = compiled(project, bindings)["Tune"]["Arguments"]["HyperParameterTuningJobConfig"]
    assert config["Strategy"] == tuning.strategy.capitalize()
    assert config["ResourceLimits"] == limits
    assert config["TrainingJobEarlyStoppingType"] == stopping
    assert ("StrategyConfig" in config) == (tuning.strategy == "hyperband")


def test_a_grid_counts_its_points_itself(bindings: TrainingBindings, brought: Brought) -> None:
    grid = Tuning(
        30, strategy="grid", ranges={"depth": Categorical(2, 4), "sparse": Categorical(True, False)}
    )
    project = Project("p", data=Data("y"), train=Container(brought.image), tune=grid)
    config = compiled(project, bindings)["Tune"]["Arguments"]["HyperParameterTuningJobConfig"]
    assert config["ResourceLimits"] == {"MaxParallelTrainingJobs": 4}
    assert config["ParameterRanges"]["CategoricalParameterRanges"] == [
        {"Name": "depth", "Values": ["2", "4"]},
        {"Name": "sparse", "Values": ["true", "false"]},
    ]


def test_a_warm_start_learns_from_earlier_jobs(bindings: TrainingBindings) -> None:
    project = Project("p", data=Data("y"), tune=Tuning(5, warm_start=["flights-tune-1"]))
    warm = compiled(project, bindings)["Tune"]["Arguments"]["WarmStartConfig"]
    assert warm == {
        "ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": "flights-tune-1"}],
        "WarmStartType": "TransferLearning",
    }


def test_the_champion_predicts_only_where_there_is_one(
    kinds: Mapping[str, Project], bindings: TrainingBindings
) -> None:
    document = json.loads(definition(kinds["container"], bindings))
    condition = document["Steps"][-1]["Arguments"]["IfSteps"][-1]["Arguments"]
    assert condition["Conditions"] == [
        {
            "Type": "Equals",
            "LeftValue": {"Get": "Parameters.ChampionModelUri"},
            "RightValue": bindings.no_champion_uri,
        }
    ]
    assert [step["Name"] for step in condition["IfSteps"]] == ["Evaluate", "Gate"]
    against = ["ChampionModel", "ChampionPredict", "EvaluateChampion", "GateChampion"]
    assert [step["Name"] for step in condition["ElseSteps"]] == against
    found = steps(json.dumps(document))
    assert set(inputs(found["Evaluate"])) == {"predictions", "holdout", "schema"}
    assert set(inputs(found["EvaluateChampion"])) == {
        *("predictions", "champion-predictions", "holdout", "schema"),
    }
    champion = found["ChampionModel"]["Arguments"]["PrimaryContainer"]
    assert champion["ModelDataUrl"] == {"Get": "Parameters.ChampionModelUri"}


def test_the_best_trial_of_another_image_is_the_model(
    kinds: Mapping[str, Project], bindings: TrainingBindings
) -> None:
    found = compiled(kinds["container-tuned"], bindings)
    model = found["Model"]["Arguments"]["PrimaryContainer"]["ModelDataUrl"]
    assert model["Std:Join"]["Values"] == [
        {"Get": "Steps.Tune.TrainingJobDefinition.OutputDataConfig.S3OutputPath"},
        {"Get": "Steps.Tune.BestTrainingJob.TrainingJobName"},
        "output/model.tar.gz",
    ]
    (container,) = found["Register"]["Arguments"]["InferenceSpecification"]["Containers"]
    assert container["ModelDataUrl"] == model


@pytest.mark.parametrize(("kind", "layout"), [("container", "csv"), ("builtin", "label-first")])
def test_another_image_reads_csv(
    kind: str, layout: str, kinds: Mapping[str, Project], bindings: TrainingBindings
) -> None:
    found = compiled(kinds[kind], bindings)
    prepare = found["Prepare"]["Arguments"]
    told = prepare["AppSpecification"]["ContainerArguments"]
    assert told[told.index("--layout") + 1] == layout
    # Which files are new, only a model of ours can tell.
    assert "champion" not in inputs(found["Prepare"])
    outputs = [each["OutputName"] for each in prepare["ProcessingOutputConfig"]["Outputs"]]
    assert outputs == ["train", "holdout", "schema", "intake", "baseline", "validation", "features"]
    given = channels(found["Train"]["Arguments"])
    assert {name: each["ContentType"] for name, each in given.items()} == {
        "train": "text/csv",
        "validation": "text/csv",
    }
    rows = found["Predict"]["Arguments"]["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"]
    assert rows == {"Get": "Steps.Prepare.ProcessingOutputConfig.Outputs['features'].S3Output.S3Uri"}


def test_a_script_gets_its_code_without_a_network(
    kinds: Mapping[str, Project], with_code: TrainingBindings
) -> None:
    found = compiled(kinds["script"], with_code)
    train = found["Train"]["Arguments"]
    assert train["EnableNetworkIsolation"] is True
    assert channels(train)["code"]["DataSource"]["S3DataSource"]["S3Uri"] == with_code.source_uri
    assert train["HyperParameters"] == {
        "sagemaker_program": "sageloop_launcher.py",
        "sagemaker_submit_directory": "/opt/ml/input/data/code/sourcedir.tar.gz",
        "alpha": {"Get": "Parameters.alpha"},
        "warm": {"Get": "Parameters.warm"},
    }
    assert train["Environment"] == {"SAGELOOP_PROGRAM": "learn.py"}
    told = {"SAGEMAKER_PROGRAM": "learn.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"}
    assert found["Model"]["Arguments"]["PrimaryContainer"]["Environment"] == told
    (container,) = found["Register"]["Arguments"]["InferenceSpecification"]["Containers"]
    assert container["Environment"] == told


def test_the_users_functions_reach_the_jobs_that_call_them(
    kinds: Mapping[str, Project], with_code: TrainingBindings, brought: Brought
) -> None:
    found = compiled(kinds["script"], with_code)
    for name in ("Prepare", "Evaluate", "EvaluateChampion"):
        assert inputs(found[name])["code"] == with_code.code_uri
    prepare = found["Prepare"]["Arguments"]["AppSpecification"]["ContainerArguments"]
    assert prepare[prepare.index("--code-prepare") + 1] == "brought_functions:prepare"
    evaluate = found["Evaluate"]["Arguments"]["AppSpecification"]["ContainerArguments"]
    assert [evaluate[i + 1] for i, each in enumerate(evaluate) if each == "--gate"] == [
        "brought_functions:profit>=5.0",
        "auc>=0.6",
    ]
    assert evaluate[evaluate.index("--slice") + 1] == "carrier"
    assert evaluate[evaluate.index("--fair") + 1] == "demographic_parity:sex<=0.1"
    own = Project("own", data=Data("y", prepare=brought.functions.prepare))
    trained = compiled(own, with_code)["Train"]["Arguments"]
    assert channels(trained)["code"]["DataSource"]["S3DataSource"]["S3Uri"] == with_code.code_uri
    # So does the function that answers requests.
    served = Endpoint(calls_per_minute=60, predict=brought.functions.predict)
    found = compiled(Project("own", data=Data("y"), endpoint=served), with_code)
    prepare = found["Prepare"]["Arguments"]["AppSpecification"]["ContainerArguments"]
    assert prepare[prepare.index("--code-predict") + 1] == "brought_functions:predict"
    assert "--code-prepare" not in prepare
    assert "code" in inputs(found["Prepare"])
    assert "code" in channels(found["Train"]["Arguments"])
    # A metric is called by Evaluate alone.
    judged = Project("own", data=Data("y"), gate=Gate(brought.functions.profit, at_least=1))
    found = compiled(judged, with_code)
    assert "code" in inputs(found["Evaluate"])
    assert "code" not in inputs(found["Prepare"])
    assert "code" not in channels(found["Train"]["Arguments"])


def test_a_job_that_reads_no_table_is_judged_by_its_own_metric(
    kinds: Mapping[str, Project], bindings: TrainingBindings
) -> None:
    found = compiled(kinds["channels"], bindings)
    (condition,) = found["Gate"]["Arguments"]["Conditions"]
    assert condition["LeftValue"] == {"Get": "Steps.Train.FinalMetricDataList['validation:accuracy'].Value"}
    given = channels(found["Train"]["Arguments"])
    assert given["train"]["DataSource"]["S3DataSource"]["S3Uri"] == "s3://pictures/train/"
    # The user may change the data where they lie.
    assert "CacheConfig" not in found["Train"]
    tuned = compiled(kinds["channels-tuned"], bindings)
    config = tuned["Tune"]["Arguments"]["HyperParameterTuningJobConfig"]
    assert config["HyperParameterTuningJobObjective"]["MetricName"] == "validation:accuracy"
    (condition,) = tuned["Gate"]["Arguments"]["Conditions"]
    best = "Steps.Tune.BestTrainingJob.FinalHyperParameterTuningJobObjectiveMetric.Value"
    assert condition["LeftValue"] == {"Get": best}


def test_a_gate_on_what_a_job_does_not_measure_is_refused_in_one_sentence(
    kinds: Mapping[str, Project], bindings: TrainingBindings
) -> None:
    project = dataclasses.replace(kinds["unsupervised"], gate=Gate("f1", at_least=0.5))
    with pytest.raises(DeclarationError, match=r"gate.metric: 'f1' was given, but kmeans measures test:msd"):
        definition(project, bindings)
