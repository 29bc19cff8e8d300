"""Every job of every kind of project is protected, and the control sees when one is not."""

import copy
import json
from typing import Any

import pytest

from stacks.controls import findings
from stacks.controls.jobs_protected import PROTECTIONS, VOLUME_KEY, steps
from stacks.controls.template import text
from tests.stacks.synthesised import Synthesised

# What each project has of jobs; image is one whose model a batch transform judges.
JOBS = {
    "flights": [("Prepare", "Processing"), ("Train", "Training"), ("Evaluate", "Processing")],
    "tuned": [
        ("Prepare", "Processing"),
        ("Tune", "Tuning"),
        ("Train", "Training"),
        ("Evaluate", "Processing"),
    ],
    "image": [
        ("Prepare", "Processing"),
        ("Tune", "Tuning"),
        ("Model", "Model"),
        ("Predict", "Transform"),
        ("Evaluate", "Processing"),
        ("ChampionModel", "Model"),
        ("ChampionPredict", "Transform"),
        ("EvaluateChampion", "Processing"),
    ],
}
EACH = [
    (project, name, protection, place)
    for project, jobs in JOBS.items()
    for name, kind in jobs
    for protection, place in PROTECTIONS[kind].items()
]


@pytest.fixture
def app_of(flights: Synthesised, brought: Synthesised) -> dict[str, Synthesised]:
    return {"flights": flights, "tuned": brought, "image": brought, "pictures": brought}


def definition(app: Synthesised, project: str = "flights") -> dict[str, Any]:
    pipeline = app.one("AWS::SageMaker::Pipeline", f"{project}-training").properties
    parsed: dict[str, Any] = json.loads(text(pipeline["PipelineDefinition"]["PipelineDefinitionBody"]))
    return parsed


def with_definition(app: Synthesised, changed: dict[str, Any], project: str = "flights") -> list[str]:
    template = copy.deepcopy(dict(app.templates[f"{project}-training"]))
    template["Resources"]["Pipeline"]["Properties"]["PipelineDefinition"] = {
        "PipelineDefinitionBody": json.dumps(changed)
    }
    return [finding.sentence for finding in findings(f"{project}-training", template)]


@pytest.mark.parametrize("project", JOBS)
def test_the_control_sees_every_job(project: str, app_of: dict[str, Synthesised]) -> None:
    found = [(step["Name"], step["Type"]) for step in steps(definition(app_of[project], project)["Steps"])]
    assert [step for step in found if step[1] in PROTECTIONS] == JOBS[project]
    assert ("Register", "RegisterModel") in found


@pytest.mark.parametrize(("project", "job", "protection", "place"), EACH)
@pytest.mark.parametrize("how", ["dropped", "empty"])
def test_a_job_that_lacks_a_protection_is_found(
    app_of: dict[str, Synthesised], project: str, job: str, protection: str, place: str, how: str
) -> None:
    changed = definition(app_of[project], project)
    (step,) = [step for step in steps(changed["Steps"]) if step["Name"] == job]
    *way, last = place.split(".")
    request: Any = step["Arguments"]
    for member in way:
        request = request[member]
    if how == "dropped":
        del request[last]
    else:
        request[last] = type(request[last])()
    sentences = with_definition(app_of[project], changed, project)
    assert f"the job of step {job} lacks {protection} ({place})" in sentences


def test_storage_that_encrypts_itself_needs_no_key(app_of: dict[str, Synthesised]) -> None:
    brought = app_of["pictures"]
    document = definition(brought, "pictures")
    cluster = document["Steps"][0]["Arguments"]["ResourceConfig"]
    assert cluster["InstanceType"].startswith("ml.g")
    assert "VolumeKmsKeyId" not in cluster
    assert with_definition(brought, document, "pictures") == []
    cluster["InstanceType"] = "ml.p3.2xlarge"
    (sentence,) = with_definition(brought, document, "pictures")
    assert sentence == f"the job of step Train lacks {VOLUME_KEY} (ResourceConfig.VolumeKmsKeyId)"


def test_a_job_without_any_network_configuration_is_found(flights: Synthesised) -> None:
    changed = definition(flights)
    del changed["Steps"][0]["Arguments"]["NetworkConfig"]
    assert len(with_definition(flights, changed)) == 4


def test_a_job_hidden_in_a_condition_is_found(flights: Synthesised) -> None:
    changed = definition(flights)
    (gate,) = [step for step in changed["Steps"] if step["Type"] == "Condition"]
    gate["Arguments"]["IfSteps"].append({"Name": "Again", "Type": "Training", "Arguments": {}})
    assert len(with_definition(flights, changed)) == len(PROTECTIONS["Training"])


def test_a_kind_of_step_that_nobody_knows_is_found(flights: Synthesised) -> None:
    changed = definition(flights)
    changed["Steps"].append({"Name": "Spark", "Type": "EMR", "Arguments": {}})
    assert with_definition(flights, changed) == ["nobody knows what protects step Spark, of type EMR"]
