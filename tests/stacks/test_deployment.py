"""The app as a whole: the same twice, shared where asked, and one sentence for what is wrong."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from declaration import Data, DeclarationError, Project, Workbench
from stacks import build, deploy
from stacks.parts.paths import ROOT
from tests.stacks.synthesised import Synthesised

TEMPLATES = "*.template.json"


def test_synthesis_is_the_same_twice(flights: Synthesised, tmp_path: Path) -> None:
    """Here and in a process of its own, without credentials, region, or Node on the path."""
    again = tmp_path / "again"
    environment = {"CDK_OUTDIR": str(again), "HOME": os.environ["HOME"], "PATH": os.defpath}
    subprocess.run(
        [sys.executable, "app.py"], cwd=ROOT, env=environment, check=True, capture_output=True, timeout=120
    )
    files = sorted(path.name for path in flights.directory.glob(TEMPLATES))
    assert files == sorted(path.name for path in again.glob(TEMPLATES))
    for name in [*files, *(file.replace(".template.", ".assets.") for file in files)]:
        assert (flights.directory / name).read_bytes() == (again / name).read_bytes(), name


def test_templates_fit_every_account_and_region(flights: Synthesised) -> None:
    for path in flights.directory.glob(TEMPLATES):
        assert "us-east-1" not in path.read_text()
    assert not (flights.directory / "cdk.context.json").exists()


def test_cfn_lint_finds_nothing(app: Synthesised) -> None:
    templates = sorted(map(str, app.directory.glob(TEMPLATES)))
    lint = subprocess.run(
        [Path(sys.executable).with_name("cfn-lint"), *templates], capture_output=True, text=True, check=False
    )
    assert (lint.stdout + lint.stderr, lint.returncode) == ("", 0)


def test_each_project_has_its_stacks_and_their_tag(several: Synthesised) -> None:
    parts = ["observability", "retraining", "serving", "storage", "training"]
    assert sorted(several.templates) == sorted(
        [
            *(f"churn-{part}" for part in parts),
            *(f"prices-{part}" for part in parts),
            "prices-workbench",
            *(f"bare-{part}" for part in parts if part != "serving"),
            "bare-network",
            "shared-network",
            "common-key",
        ]
    )
    artifacts = json.loads((several.directory / "manifest.json").read_text())["artifacts"]
    tags = {name: artifacts[name]["properties"].get("tags", {}) for name in several.templates}
    shared = {"shared-network", "common-key"}
    assert tags == {
        name: {} if name in shared else {"sageloop:project": name.split("-")[0]} for name in several.templates
    }


def test_projects_share_network_and_key(several: Synthesised) -> None:
    assert len(several.of("AWS::EC2::VPC")) == 2
    assert {key.stack for key in several.of("AWS::KMS::Key")} == {"common-key", "bare-storage"}
    for project in ("churn", "prices"):
        used = json.dumps(several.templates[f"{project}-training"])
        assert "shared-network:Exports" in used
        assert "common-key:Exports" in used


def test_projects_reach_nothing_of_each_other(several: Synthesised) -> None:
    stacks = {"churn", "prices", "bare"}
    for name, template in several.templates.items():
        others = stacks - {name.split("-")[0]}
        assert not [other for other in others if f'"{other}-' in json.dumps(template)], name


def test_the_lambda_asset_runs_as_it_is(flights: Synthesised) -> None:
    (key,) = {function.properties["Code"]["S3Key"] for function in flights.of("AWS::Lambda::Function")}
    asset = flights.directory / f"asset.{key.removesuffix('.zip')}"
    assert not list(asset.rglob("*.pyc"))
    handlers = "retrain.handler, promote.handler, monitor.handler, tell.handler, approve.handler"
    program = f"import {handlers}, aws_lambda_powertools as p; print(p.__file__)"
    # -S: nothing of this environment's libraries, but boto3, which the runtime brings along.
    found = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(asset)!r}); {program}"],
        capture_output=True,
        text=True,
        check=True,
        env={"AWS_DEFAULT_REGION": "us-east-1", "PATH": os.defpath},
        cwd=asset,
    )
    assert found.stdout.startswith(str(asset))


def test_the_declaration_is_short() -> None:
    tree = ast.parse((ROOT / "app.py").read_text())
    lines = (ROOT / "app.py").read_text().splitlines()
    assert len([line for line in lines if line.strip()]) <= 30
    (declared,) = [node for node in tree.body if isinstance(node, ast.Assign)]
    assert declared.end_lineno is not None
    assert declared.end_lineno - declared.lineno + 1 <= 12


def project(name: str = "flights", **more: object) -> Project:
    return Project(name=name, data=Data(target="late"), **more)  # type: ignore[arg-type]


def test_two_projects_of_one_name_are_refused_in_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        deploy(project(), project("churn"), project())
    assert stopped.value.code == (
        "deploy: the name 'flights' was given, but 2 projects have it, and each needs a name of its own; "
        "rename one."
    )
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("shared", ["network", "key"])
def test_what_is_shared_lies_in_one_region(shared: str) -> None:
    here, there = project("a", **{shared: "s", "region": "us-east-1"}), project("b", **{shared: "s"})
    with pytest.raises(
        DeclarationError, match=f"Project 'b', {shared}: 's' was given, but it is that of 'a'"
    ):
        build(here, there)


def test_a_network_may_be_that_of_another_project(tmp_path: Path) -> None:
    app = build(project("a"), project("b", network="a", workbench=Workbench()), outdir=str(tmp_path))
    names = [child.node.id for child in app.node.children]
    assert [name for name in names if "network" in name] == ["a-network"]


def test_findings_end_with_code_1_and_a_sentence_each(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("stacks.deployment.build", lambda *_: _App())
    monkeypatch.setattr("stacks.deployment.unanswered", lambda *_: ["a/b: X.1: it is bad"])
    with pytest.raises(SystemExit) as stopped:
        deploy(project())
    assert stopped.value.code == "a/b: X.1: it is bad"
    assert capsys.readouterr() == ("", "")


class _App:
    def synth(self) -> None:
        return None
