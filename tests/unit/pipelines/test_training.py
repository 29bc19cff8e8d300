"""The training pipeline as SageMaker gets it."""

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from declaration import (
    Container,
    Data,
    Everything,
    Gate,
    Last,
    OnApproval,
    OnGate,
    Project,
    WarmStart,
    XGBoost,
)
from pipelines.training import TrainingBindings, definition
from pipelines.validation import validate
from pipelines.validation.steps import all_steps
from tests.stacks.brought import Brought

GOLDEN = Path(__file__).parent / "golden" / "flights-training.json"
CHECKOUT = Path(__file__).parents[3]
JOBS = ("Prepare", "Train", "Evaluate")


def steps(text: str) -> dict[str, Any]:
    """The steps of a definition by name, those in branches included."""
    return {step.name: step.raw for step in all_steps(json.loads(text))}


@pytest.fixture(scope="module")
def compiled(project: Project, bindings: TrainingBindings) -> dict[str, Any]:
    return steps(definition(project, bindings))


def test_the_definition_is_the_golden_file(project: Project, bindings: TrainingBindings) -> None:
    """After a change that is meant, write it anew: UPDATE_GOLDEN=1 pytest tests/unit/pipelines."""
    text = json.dumps(json.loads(definition(project, bindings)), indent=2) + "\n"
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(text)
    assert text == GOLDEN.read_text()


def test_the_same_bytes_in_every_process(
    project: Project, bindings: TrainingBindings, tmp_path: Path
) -> None:
    program = tmp_path / "compile.py"
    program.write_text(
        "from declaration import *\n"
        "from pipelines.training import TrainingBindings, definition\n"
        "import sys\n"
        f"project = {_as_code(project)}\n"
        f"bindings = {bindings!r}\n"
        "sys.stdout.write(definition(project, bindings))\n"
    )
    environment = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
    texts = {
        subprocess.run(
            [sys.executable, str(program)],
            env={**environment, "PYTHONHASHSEED": seed, "PYTHONPATH": str(CHECKOUT)},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert texts == {definition(project, bindings)}


def _as_code(project: Project) -> str:
    return (
        f"Project({project.name!r}, data={project.data!r}, train={project.train!r}, gate={project.gate!r}, "
        "endpoint=Endpoint(calls_per_minute=3_000))"
    )


def test_importing_leaves_the_environment_as_it_was() -> None:
    code = ["-c", "import os, pipelines.training; print('AWS_DEFAULT_REGION' in os.environ)"]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
    ran = subprocess.run(
        [sys.executable, *code],
        env=environment,
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.strip() == "False"
    assert ran.stderr == ""


def test_sagemaker_would_take_it(project: Project, bindings: TrainingBindings) -> None:
    validate(definition(project, bindings))


@pytest.mark.parametrize(
    ("problem", "gate"),
    [
        ("binary", Gate("brier", at_most=0.2)),
        ("multiclass", Gate("f1_macro", at_least=0.6, margin=0.01)),
        ("multiclass", None),
        ("regression", Gate("rmse", at_most=12.5, beats_champion=False)),
        ("regression", None),
        ("ranking", None),
        ("forecast", None),
    ],
)
def test_every_problem_compiles_and_validates(
    problem: Any, gate: Gate | None, bindings: TrainingBindings
) -> None:
    columns: Any = {"ranking": {"group": "query"}, "forecast": {"time": "day", "series": ["shop"]}}
    data = Data("y", problem=problem, **columns.get(problem, {}))
    project = Project("p", data=data, gate=gate) if gate else Project("p", data=data)
    text = definition(project, bindings)
    validate(text)
    arguments = steps(text)["Evaluate"]["Arguments"]["AppSpecification"]["ContainerArguments"]
    (judge,) = project.gates
    higher = judge.judged_by.higher_is_better
    bound = ">=" if higher else "<="
    assert arguments[:2] == ["--gate", f"{judge.name}{bound}{judge.threshold}"]
    assert ("--beats-champion" in arguments) == judge.beats_champion
    first, _ = steps(text)["Gate"]["Arguments"]["Conditions"]
    assert first["Type"] == ("GreaterThanOrEqualTo" if higher else "LessThanOrEqualTo")
    assert first["RightValue"] == judge.threshold


def test_cdk_tokens_pass_through(project: Project) -> None:
    fields = [field.name for field in dataclasses.fields(TrainingBindings)]
    tokens: dict[str, Any] = {name: f"${{Token[{name}.{i}]}}" for i, name in enumerate(fields)}
    tokens |= {name: [tokens[name], f"${{Token[{name}.99]}}"] for name in ("subnets", "security_groups")}
    text = definition(project, TrainingBindings(**tokens))
    validate(text)
    # A model that is ours needs no model role, no code and no other image than its own.
    unused = {"region", "version", "model_role_arn", "source_uri"}
    for name in set(fields) - unused:
        assert f"${{Token[{name}." in text
    assert "${Token[version." not in text
    assert '"DefaultValue": "s3://${Token[incoming_bucket.' in text


@pytest.mark.parametrize("job", JOBS)
def test_every_job_is_isolated_encrypted_and_in_the_network(
    job: str, compiled: dict[str, Any], bindings: TrainingBindings
) -> None:
    request = compiled[job]["Arguments"]
    training = job == "Train"
    guards = request if training else request["NetworkConfig"]
    cluster = request["ResourceConfig"] if training else request["ProcessingResources"]["ClusterConfig"]
    output = request["OutputDataConfig" if training else "ProcessingOutputConfig"]
    assert guards["EnableNetworkIsolation"] is True
    assert guards["EnableInterContainerTrafficEncryption"] is True
    assert guards["VpcConfig"] == {"SecurityGroupIds": ["sg-0a"], "Subnets": ["subnet-0a", "subnet-0b"]}
    assert cluster["VolumeKmsKeyId"] == output["KmsKeyId"] == bindings.kms_key_arn
    assert request["RoleArn"].endswith({"Prepare": "prepare", "Train": "train", "Evaluate": "evaluate"}[job])
    assert request["StoppingCondition"]["MaxRuntimeInSeconds"] > 0


@pytest.mark.parametrize("name", [*JOBS, "Register"])
def test_throttling_is_retried(name: str, compiled: dict[str, Any]) -> None:
    retried = {kind for policy in compiled[name]["RetryPolicies"] for kind in policy["ExceptionType"]}
    assert {"Step.THROTTLING", "Step.SERVICE_FAULT"} <= retried
    assert ("SageMaker.CAPACITY_ERROR" in retried) == (name != "Register")


def test_prepare_is_told_what_the_columns_mean(compiled: dict[str, Any]) -> None:
    application = compiled["Prepare"]["Arguments"]["AppSpecification"]
    assert application["ContainerEntrypoint"] == ["prepare"]
    *told, _, cause, _, snapshot = application["ContainerArguments"]
    assert " ".join(told) == "--target late --problem binary --holdout 0.2 --time time_hour --drop tailnum"
    assert (cause, snapshot) == ({"Get": "Parameters.Cause"}, {"Get": "Parameters.SnapshotUri"})


def test_every_hyperparameter_is_a_parameter(project: Project, bindings: TrainingBindings) -> None:
    document = json.loads(definition(project, bindings))
    parameters = {each["Name"]: each for each in document["Parameters"]}
    given = steps(json.dumps(document))["Train"]["Arguments"]["HyperParameters"]
    assert given.keys() == {"algorithm", "problem", "target", *project.train.hyperparameters}
    assert (given["algorithm"], given["problem"], given["target"]) == ("xgboost", "binary", "late")
    for name, value in project.train.hyperparameters.items():
        assert given[name] == {"Get": f"Parameters.{name}"}
        assert (parameters[name]["Type"], parameters[name]["DefaultValue"]) == ("String", str(value))


def test_training_is_on_spot_capacity_and_goes_on_where_it_was(compiled: dict[str, Any]) -> None:
    request = compiled["Train"]["Arguments"]
    assert request["EnableManagedSpotTraining"] is True
    limits = request["StoppingCondition"]
    assert limits["MaxWaitTimeInSeconds"] >= limits["MaxRuntimeInSeconds"]
    place = request["CheckpointConfig"]["S3Uri"]["Std:Join"]["Values"]
    # Other data or hyperparameters are another place, another execution is not.
    assert {"Get": "Steps.Prepare.ProcessingJobName"} in place
    assert {"Get": "Parameters.max_depth"} in place
    assert {"Get": "Execution.PipelineExecutionId"} not in place


def checkpoints(project: Project, bindings: TrainingBindings) -> Any:
    train = steps(definition(project, bindings))["Train"]
    return train["Arguments"]["CheckpointConfig"]["S3Uri"]["Std:Join"]["Values"]


def test_another_program_does_not_go_on_from_the_checkpoints_of_this_one(
    project: Project, bindings: TrainingBindings
) -> None:
    now, later = bindings, dataclasses.replace(bindings, version="2")
    assert checkpoints(project, now) != checkpoints(project, later)
    assert checkpoints(project, now) != checkpoints(
        dataclasses.replace(project, data=Data("late", problem="regression"), gate=Gate("r2", at_least=0)),
        now,
    )


def test_instances_that_are_kept_warm_are_no_spot_instances(
    bindings: TrainingBindings, brought: Brought
) -> None:
    warm = Container(brought.image, checkpoints=True, keep_alive="30 min", instances=2)
    project = Project("p", data=Data("y"), train=warm)
    request = steps(definition(project, bindings))["Train"]["Arguments"]
    assert request["ResourceConfig"]["KeepAlivePeriodInSeconds"] == 1800
    assert request["ResourceConfig"]["InstanceCount"] == 2
    assert "EnableManagedSpotTraining" not in request
    assert "MaxWaitTimeInSeconds" not in request["StoppingCondition"]


def test_an_instance_with_its_own_storage_gets_no_key(bindings: TrainingBindings) -> None:
    project = Project("p", data=Data("y"), train=XGBoost(on="gpu"))
    text = definition(project, bindings)
    validate(text)
    cluster = steps(text)["Train"]["Arguments"]["ResourceConfig"]
    assert ("VolumeKmsKeyId" in cluster) == (project.train.compute.local_disk_gb is None)


def test_training_comes_from_the_cache_and_preparation_never(compiled: dict[str, Any]) -> None:
    cached = {name for name, step in compiled.items() if "CacheConfig" in step}
    assert cached == {"Train"}
    assert compiled["Train"]["CacheConfig"] == {"Enabled": True, "ExpireAfter": "P30D"}


def test_evaluation_is_told_what_the_training_cost(
    compiled: dict[str, Any], project: Project, bindings: TrainingBindings
) -> None:
    arguments = compiled["Evaluate"]["Arguments"]["AppSpecification"]["ContainerArguments"]
    assert arguments == [
        *("--gate", "auc>=0.7", "--beats-champion", "--margin", "0.0"),
        *("--confidence", str(project.gates[0].confidence)),
        *("--project", "flights", "--image", bindings.training_image_uri),
        *("--seconds", {"Std:Join": {"On": "", "Values": [{"Get": "Steps.Train.BillableTimeInSeconds"}]}}),
        *("--instance", project.train.compute.instance_type),
        *("--price", str(project.train.compute.usd_per_hour), "--spot"),
    ]


def test_every_output_lies_below_its_execution(compiled: dict[str, Any]) -> None:
    outputs = [
        output["S3Output"]["S3Uri"]
        for job in ("Prepare", "Evaluate")
        for output in compiled[job]["Arguments"]["ProcessingOutputConfig"]["Outputs"]
    ]
    outputs.append(compiled["Train"]["Arguments"]["OutputDataConfig"]["S3OutputPath"])
    paths = [output["Std:Join"]["Values"] for output in outputs]
    assert all(path[0] == "s3://flights-artifacts/executions" for path in paths)
    assert all(path[1] == {"Get": "Execution.PipelineExecutionId"} for path in paths)
    assert len({tuple(path[2:]) for path in paths}) == len(paths)


def test_a_refused_model_is_told_metric_threshold_and_reason(compiled: dict[str, Any]) -> None:
    parts = compiled["Rejected"]["Arguments"]["ErrorMessage"]["Std:Join"]["Values"]
    read = [part["Std:JsonGet"]["Path"] for part in parts if isinstance(part, dict)]
    said = "".join(part for part in parts if isinstance(part, str))
    assert read == ["gate.reason"]
    assert said == "The gate on auc (at least 0.7) refused this model: "


def test_a_list_of_files_is_read_as_a_manifest_and_a_prefix_otherwise(
    project: Project, bindings: TrainingBindings
) -> None:
    document = json.loads(definition(project, bindings))
    parameters = {each["Name"]: each for each in document["Parameters"]}
    assert parameters["InputDataType"] == {
        "Name": "InputDataType",
        "Type": "String",
        "DefaultValue": "S3Prefix",
        "EnumValues": ["S3Prefix", "ManifestFile"],
    }
    assert parameters["SnapshotUri"]["DefaultValue"] == bindings.no_champion_uri
    assert parameters["Cause"]["DefaultValue"] == "other"
    given = steps(json.dumps(document))["Prepare"]["Arguments"]["ProcessingInputs"]
    types = {each["InputName"]: each["S3Input"]["S3DataType"] for each in given}
    assert types == {
        "data": {"Get": "Parameters.InputDataType"},
        "snapshot": "S3Prefix",
        "champion": "S3Prefix",
    }


def test_nothing_is_learnt_where_no_file_is_new(project: Project, bindings: TrainingBindings) -> None:
    prepare, intake = json.loads(definition(project, bindings))["Steps"]
    (condition,) = intake["Arguments"]["Conditions"]
    assert condition == {
        "Type": "GreaterThanOrEqualTo",
        "LeftValue": {
            "Std:JsonGet": {"PropertyFile": {"Get": "Steps.Prepare.PropertyFiles.Intake"}, "Path": "proceed"}
        },
        "RightValue": 1.0,
    }
    assert [step["Name"] for step in intake["Arguments"]["IfSteps"]] == ["Train", "Evaluate", "Gate"]
    (stop,) = intake["Arguments"]["ElseSteps"]
    assert (stop["Name"], stop["Type"]) == ("NothingNew", "Fail")
    said = stop["Arguments"]["ErrorMessage"]["Std:Join"]["Values"]
    assert said[0] == "There is nothing new to learn from: "
    assert said[1]["Std:JsonGet"]["Path"] == "reason"
    (file,) = prepare["PropertyFiles"]
    outputs = {each["OutputName"] for each in prepare["Arguments"]["ProcessingOutputConfig"]["Outputs"]}
    assert file == {"PropertyFileName": "Intake", "OutputName": "intake", "FilePath": "intake.json"}
    assert {"intake", "baseline"} <= outputs


def test_a_model_is_registered_with_what_monitoring_compares_with(compiled: dict[str, Any]) -> None:
    request = compiled["Register"]["Arguments"]
    baseline, judged = "Steps.Prepare", "Steps.Evaluate"

    def lies(source: dict[str, Any]) -> tuple[str, str, str]:
        place, file = source["S3Uri"]["Std:Join"]["Values"]
        return place["Get"].split(".ProcessingOutputConfig")[0], file, source["ContentType"]

    json_, parquet = "application/json", "application/x-parquet"
    rows = {
        "Statistics": (baseline, "statistics.json", json_),
        "Constraints": (baseline, "constraints.json", json_),
    }
    metrics = (judged, "metrics.json", json_)
    found = {
        where: {
            kind: {name: lies(source) for name, source in each.items()}
            for kind, each in request[where].items()
        }
        for where in ("ModelMetrics", "DriftCheckBaselines")
    }
    assert found == {
        "ModelMetrics": {
            "ModelQuality": {"Statistics": metrics},
            "ModelDataQuality": rows,
            "Explainability": {"Report": (judged, "report.html", "text/html")},
        },
        "DriftCheckBaselines": {
            "ModelQuality": {"Statistics": metrics, "Constraints": (judged, "predictions.parquet", parquet)},
            "ModelDataQuality": rows,
        },
    }


def test_a_model_says_which_rows_it_comes_of(compiled: dict[str, Any]) -> None:
    properties = compiled["Register"]["Arguments"]["CustomerMetadataProperties"]
    assert properties["inputs"] == {"Get": "Parameters.InputDataUri"}
    assert properties["cause"] == {"Get": "Parameters.Cause"}
    read = {
        name: properties[name]["Std:Join"]["Values"][0]["Std:JsonGet"]
        for name in ("snapshot", "bytes_per_row")
    }
    assert {name: each["Path"] for name, each in read.items()} == {
        "snapshot": "snapshot",
        "bytes_per_row": "bytes_per_row",
    }
    assert {each["PropertyFile"]["Get"] for each in read.values()} == {"Steps.Prepare.PropertyFiles.Intake"}


def test_a_model_that_passed_is_approved_where_the_declaration_says_so(
    project: Project, bindings: TrainingBindings
) -> None:
    for deploy, status in ((OnApproval(), "PendingManualApproval"), (OnGate(), "Approved")):
        document = json.loads(definition(dataclasses.replace(project, deploy=deploy), bindings))
        (parameter,) = [each for each in document["Parameters"] if each["Name"] == "ModelApprovalStatus"]
        assert parameter["DefaultValue"] == status


@pytest.mark.parametrize(
    ("learn_from", "told"),
    [
        (Everything(), ""),
        (Last("1 year"), "--last 12 months --by time"),
        (Last("2 weeks", by="upload"), "--last 14 days --by upload"),
        (WarmStart(), "--warm"),
        (WarmStart(last="90 days", rounds=50), "--last 90 days --by time --warm"),
    ],
)
def test_the_rows_to_learn_from_are_the_declared_ones(
    learn_from: Everything | Last | WarmStart, told: str, project: Project, bindings: TrainingBindings
) -> None:
    declared = dataclasses.replace(project, learn_from=learn_from)
    validate(definition(declared, bindings))
    found = steps(definition(declared, bindings))
    arguments = found["Prepare"]["Arguments"]["AppSpecification"]["ContainerArguments"]
    assert " ".join(arguments[arguments.index("tailnum") + 1 : arguments.index("--cause")]) == told
    train = found["Train"]["Arguments"]
    channels = {each["ChannelName"]: each["DataSource"]["S3DataSource"] for each in train["InputDataConfig"]}
    assert ("champion" in channels) == learn_from.warm
    if learn_from.warm:
        assert channels["champion"]["S3Uri"] == {"Get": "Parameters.ChampionModelUri"}
    rounds = learn_from.rounds if isinstance(learn_from, WarmStart) else None
    assert train["HyperParameters"].get("warm_rounds") == (str(rounds) if rounds else None)
