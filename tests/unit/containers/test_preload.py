"""The image's fork server: a job in a fork gives what the program gives, and nothing runs before the fork."""

import json
import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from local import sandbox
from local.images.dockerfile import assignments, parse
from local.sandbox import forks
from preload.program import Environment
from tests.unit.local.sandbox.box import Box

PROGRAMS = Path(__file__).parents[3] / "containers/python"
TRAIN = {"algorithm": "xgboost", "target": "y", "rounds": "5", "refit": "true"}


@pytest.mark.parametrize(
    ("environment", "suits"),
    [
        ({"PATH": "/bin"}, True),
        ({"PATH": "/bin", "TRAINING_JOB_NAME": "x", "AWS_REGION": "r", "OMP_NUM_THREADS": "1"}, True),
        ({"PATH": "/bin", "ADDED": "1"}, True),
        ({"PATH": "/bin", "ADDED": "2"}, False),
        ({"PATH": "/usr/bin"}, False),
        ({"PATH": "/bin", "OPENBLAS_CORETYPE": "x"}, False),
        ({"PATH": "/bin", "PYTHONHASHSEED": "0"}, False),
        ({}, False),
    ],
)
def test_a_fork_serves_where_the_modules_would_have_been_loaded_the_same_way(
    environment: dict[str, str], suits: bool
) -> None:
    before = {"PATH": "/bin", "LC_CTYPE": "C.UTF-8"}
    loaded = Environment(before, {**before, "ADDED": "1"})
    assert loaded.added == {"LC_CTYPE": "C.UTF-8", "ADDED": "1"}
    assert loaded.suits(environment) is suits


@pytest.mark.skipif(sandbox.unavailable() is not None, reason=str(sandbox.unavailable()))
def test_a_forked_training_is_that_of_the_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    servers = forks.ForkServers()
    monkeypatch.setattr(forks, "servers", servers)
    box = Box(tmp_path)
    shutil.copytree(
        PROGRAMS, box.files / "opt/sageloop", ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True
    )
    values = {"PATH": "/usr/bin:/bin"}
    labels: dict[str, str] = {}
    for instruction in parse((PROGRAMS / "Dockerfile").read_text()):
        if instruction.name in ("ENV", "LABEL"):
            (values if instruction.name == "ENV" else labels).update(assignments(instruction.value, values))
    image = replace(box.image, environment=values, workdir="/opt/sageloop", labels=labels)
    _prepare(box)
    models = []
    for shown in (image, image, replace(image, labels={})):
        shutil.rmtree(box.ml / "model", ignore_errors=True)
        (box.ml / "model").mkdir()
        container = box.start("train", image=shown, environment={"OMP_NUM_THREADS": "1"})
        assert container.wait(60) == 0, box.log.read_text()
        models.append({path.name: path.read_bytes() for path in (box.ml / "model").iterdir()})
    (server,) = (server for server in servers._servers.values() if server)
    _no_pools_before_the_fork(server.pid)
    for name, content in models[0].items():
        assert models[1][name] == models[2][name] == content
    assert "is not loaded" not in box.log.read_text()


def _prepare(box: Box) -> None:
    (box.ml / "input/config").mkdir(parents=True)
    (box.ml / "input/config/hyperparameters.json").write_text(json.dumps(TRAIN))
    rows = "".join(f"{i % 7},{(i * i) % 11},{'ab'[i % 2]},{int(i % 7 > 3)}\n" for i in range(400))
    source = box.ml / "processing/input/data/rows.csv"
    source.parent.mkdir(parents=True)
    source.write_text("one,two,three,y\n" + rows)
    environment = os.environ | {"SAGEMAKER_BASE_DIR": str(box.ml), "PYTHONPATH": str(PROGRAMS)}
    command = [f"{box.image.venv}/bin/python", "-P", "-m", "prepare", "--target", "y"]
    subprocess.run(command, env=environment, check=True)
    for channel in ("train", "schema"):
        shutil.move(box.ml / "processing/output" / channel, box.ml / "input/data" / channel)


def _no_pools_before_the_fork(keeper: int) -> None:
    listing = subprocess.run(["ps", "-eLo", "ppid=,pid=,comm="], capture_output=True, text=True, check=True)
    rows = [line.split(None, 2) for line in listing.stdout.splitlines()]
    family = {str(keeper)}
    for _ in range(3):
        family |= {pid for parent, pid, _ in rows if parent in family}
    threads = [name.strip() for _, pid, name in rows if pid in family]
    assert "jemalloc_bg_thd" in threads  # the libraries are loaded
    assert not [name for name in threads if name.startswith(("polars-0", "tokio", "async-exec", "uv-"))]
