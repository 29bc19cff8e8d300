"""What users bring along travels under its own name, and AWS's images are found in every region."""

import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest

from declaration import Data, DeclarationError, Project, Script
from pipelines.training import programs
from pipelines.validation.steps import all_steps
from stacks.controls.template import text
from stacks.deployment import deploy
from stacks.parts.aws_image import aws_image
from stacks.parts.source import Source, script_archive
from tests.stacks.brought import bring
from tests.stacks.synthesised import Synthesised

LAUNCHER = Path("stacks/parts/assets/script_launcher.py").resolve()


def published(app: Synthesised, stack: str) -> dict[str, Path]:
    """The assets of a stack: the key of each in the bucket, and its file."""
    manifest = json.loads((app.directory / f"{stack}.assets.json").read_text())
    return {
        destination["objectKey"]: app.directory / file["source"]["path"]
        for file in manifest["files"].values()
        for destination in file["destinations"].values()
    }


def definition(app: Synthesised, project: str) -> Any:
    pipeline = app.one("AWS::SageMaker::Pipeline", f"{project}-training").properties
    return json.loads(text(pipeline["PipelineDefinition"]["PipelineDefinitionBody"]))


def test_a_module_keeps_its_name_below_a_folder_that_its_content_names(brought: Synthesised) -> None:
    (key,) = [key for key in published(brought, "tuned-training") if key.endswith(".py")]
    folder, name = key.split("/")
    assert name == "brought_functions.py"
    assert "def prepare" in published(brought, "tuned-training")[key].read_text()
    document = json.dumps(definition(brought, "tuned"))
    # Prepare, each trial, the training and Evaluate.
    assert document.count(f"/{folder}/") == 4


def test_the_folder_of_a_script_travels_without_what_is_hidden(brought: Synthesised) -> None:
    (key,) = [key for key in published(brought, "script-training") if key.endswith(programs.ARCHIVE)]
    with tarfile.open(published(brought, "script-training")[key]) as archive:
        assert archive.getnames() == ["learn.py", programs.LAUNCHER, "settings.json"]
        assert {member.mtime for member in archive.getmembers()} == {0}


def test_only_training_runs_in_the_image_for_gpus(brought: Synthesised) -> None:
    manifest = json.loads((brought.directory / "tuned-training.assets.json").read_text())
    arguments = {
        digest: each["source"].get("dockerBuildArgs") for digest, each in manifest["dockerImages"].items()
    }
    (gpu,) = [digest for digest, given in arguments.items() if given]
    assert arguments[gpu] == {"REQUIREMENTS": "requirements-gpu.txt"}
    found = all_steps(definition(brought, "tuned"))
    steps = {step.name: json.dumps(step.raw["Arguments"]) for step in found}
    assert {name for name in ("Prepare", "Tune", "Train", "Gate") if f"{gpu}" in steps[name]} == {
        "Tune",
        "Train",
    }


def archived(directory: Path, **more: Any) -> Source:
    stack = cdk.Stack(cdk.App(outdir=str(directory / "out")), "s")
    return script_archive(stack, Script(more.pop("source"), framework="sklearn", **more))


def test_the_same_folder_is_the_same_archive_and_another_is_another(tmp_path: Path) -> None:
    first, second = bring(tmp_path / "one"), bring(tmp_path / "two")
    once, again = (archived(tmp_path / "a", source=each.script) for each in (first, second))
    assert once.version == again.version
    Path(second.script).write_text("print(2)\n")
    assert archived(tmp_path / "b", source=second.script).version != once.version


def test_a_folder_that_is_too_large_is_refused_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stacks.parts.source._MAX_MB", 0)
    script = bring(tmp_path / "files").script
    with pytest.raises(DeclarationError, match="its folder travels with it and may hold 0 MB"):
        archived(tmp_path, source=script)


SCRIPT = """
import pathlib, os, sys
import beside
pathlib.Path(os.environ["SM_MODEL_DIR"], "model").write_text(f"{beside.NAME} {sys.argv[1:]} {__name__}")
sys.exit(int(os.environ.get("CODE", "0")))
"""


@pytest.mark.parametrize("code", [0, 3])
def test_the_launcher_runs_the_script_and_puts_it_beside_the_model(tmp_path: Path, code: int) -> None:
    folder, model = tmp_path / "code", tmp_path / "model"
    folder.mkdir()
    model.mkdir()
    (folder / "train.py").write_text(SCRIPT)
    (folder / "beside.py").write_text("NAME = 'beside'\n")
    (folder / programs.LAUNCHER).write_text(LAUNCHER.read_text())
    environment = {
        **os.environ,
        programs.PROGRAM_VARIABLE: "train.py",
        "SM_MODEL_DIR": str(model),
        "CODE": str(code),
    }
    ran = subprocess.run(
        [sys.executable, programs.LAUNCHER, "--eta", "0.1"], cwd=folder, env=environment, check=False
    )
    assert ran.returncode == code
    assert (model / "model").read_text() == "beside ['--eta', '0.1'] __main__"
    copied = sorted(path.name for path in model.glob("code/*"))
    assert copied == ([] if code else ["beside.py", "train.py"])


def test_images_of_aws_are_looked_up_where_the_stack_is(brought: Synthesised) -> None:
    for stack, name in (
        ("script-training", "TrainingImages"),
        ("script-training", "InferenceImages"),
        ("script-serving", "InferenceImages"),
    ):
        regions = brought.templates[stack]["Mappings"][name]
        assert {"us-east-1", "eu-central-1", "ap-northeast-1"} <= set(regions)
        for region, found in regions.items():
            assert found["Uri"].startswith(f"{found['Account']}.dkr.ecr")
            assert region in found["Uri"]
    (train,) = [step for step in all_steps(definition(brought, "script")) if step.name == "Train"]
    assert "TrainingImages" in train.arguments["AlgorithmSpecification"]["TrainingImage"]


def test_a_region_without_the_image_is_refused_in_a_sentence(tmp_path: Path) -> None:
    script = Script(bring(tmp_path / "files").script, framework="sklearn")
    somewhere = cdk.Environment(account="000000000000", region="xx-nowhere-1")
    stack = cdk.Stack(cdk.App(outdir=str(tmp_path / "out")), "s", env=somewhere)
    with pytest.raises(DeclarationError, match="AWS has no image of sklearn there; choose one of af-south-1"):
        aws_image(stack, script, "training")
    here = cdk.Environment(account="000000000000", region="eu-central-1")
    found = aws_image(cdk.Stack(cdk.App(outdir=str(tmp_path / "there")), "s", env=here), script, "training")
    assert found is not None
    assert "ecr.eu-central-1.amazonaws.com/sagemaker-scikit-learn" in found.uri
    assert ":eu-central-1:" in found.repository_arn


def test_the_users_image_is_built_besides_ours(brought: Synthesised) -> None:
    manifest = json.loads((brought.directory / "image-training.assets.json").read_text())
    assert len(manifest["dockerImages"]) == 2


class _App:
    def synth(self) -> None:
        return None


def test_synthesis_says_what_a_project_trains_on_and_why(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("stacks.deployment.build", lambda *_: _App())
    monkeypatch.setattr("stacks.deployment.unanswered", lambda *_: [])
    project = Project("flights", data=Data(target="late"))
    deploy(project)
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == f"flights trains on {project.train.compute.why}\n"
    assert "USD/h" in said.err
