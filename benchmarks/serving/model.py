"""One model for all servers, made by the image's own programs, and rows to ask about it."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import xgboost

from benchmarks.serving.paths import PROGRAMS, STATE

FEATURES = 30
TREES = 200
TARGET = "y"
_TRAINING_ROWS, _ASKED_ROWS = 60_000, 5_000
_SEED = 7
Array = np.ndarray[tuple[int, ...], np.dtype[np.float32]]


@dataclass(frozen=True)
class TrainedModel:
    """A directory in the place of /opt/ml, with a trained model in it."""

    ml: Path

    @property
    def file(self) -> Path:
        """The booster as the learner wrote it."""
        return self.ml / "model" / "model.ubj"

    @cached_property
    def booster(self) -> xgboost.Booster:
        """The training library's own view of the model, which is right by definition."""
        booster = xgboost.Booster(model_file=self.file)
        booster.set_param({"nthread": 1})
        return booster

    def expected(self, matrix: Array) -> Array:
        """What the training library predicts."""
        predicted: Array = self.booster.inplace_predict(matrix, validate_features=False)
        return predicted


@dataclass(frozen=True)
class Asked:
    """Rows that no training saw, as the texts that travel and as the numbers that they mean."""

    texts: list[list[str]]
    matrix: Array


def trained(name: str, table: str, target: str, **hyperparameters: str) -> TrainedModel:
    """Prepare and train in a fresh directory; raises RuntimeError with the program's last words."""
    directory = STATE / name
    shutil.rmtree(directory, ignore_errors=True)
    rows = directory / "processing/input/data/rows.csv"
    rows.parent.mkdir(parents=True)
    rows.write_text(table)
    _run("prepare", directory, "--target", target, "--problem", "binary")
    channels = directory / "input" / "data"
    channels.mkdir(parents=True)
    for channel in ("train", "schema"):
        shutil.copytree(directory / "processing/output" / channel, channels / channel)
    settings = {"target": target, "problem": "binary", **hyperparameters}
    path = directory / "input/config/hyperparameters.json"
    path.parent.mkdir()
    path.write_text(json.dumps(settings))
    _run("train", directory)
    return TrainedModel(directory)


def benchmark_model() -> tuple[TrainedModel, Asked]:
    """200 trees of depth 6 over 30 features, kept until what makes it changes."""
    from sklearn.datasets import make_classification

    features, labels = make_classification(
        _TRAINING_ROWS + _ASKED_ROWS,
        FEATURES,
        n_informative=15,
        n_redundant=5,
        flip_y=0.05,
        class_sep=0.8,
        random_state=_SEED,
    )
    texts = [[f"{value:.6g}" for value in row] for row in features]
    asked = texts[_TRAINING_ROWS:]
    made = TrainedModel(STATE / "model")
    stamp, programs = made.ml / ".programs", _programs()
    if not stamp.is_file() or stamp.read_text() != programs:
        header = ",".join([*(f"f{place}" for place in range(FEATURES)), TARGET])
        lines = [
            ",".join([*row, str(label)]) for row, label in zip(texts[:_TRAINING_ROWS], labels, strict=False)
        ]
        made = trained(
            "model",
            "\n".join([header, *lines]) + "\n",
            TARGET,
            rounds=str(TREES),
            early_stopping=str(TREES),
            max_depth="6",
            eta="0.1",
        )
        stamp.write_text(programs)
    trees = made.booster.num_boosted_rounds()
    if trees < TREES * 0.9:
        raise RuntimeError(f"the model has {trees} trees only; the benchmark is about {TREES}")
    return made, Asked(asked, np.array(asked, dtype=np.float64).astype(np.float32))


def _programs() -> str:
    """A digest of what makes the model, after a change of which it is made again."""
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for package in ("prepare", "train", "learners", "tabular"):
        for module in sorted((PROGRAMS / package).glob("*.py")):
            digest.update(module.read_bytes())
    return digest.hexdigest()


def _run(program: str, directory: Path, *arguments: str) -> None:
    command = [sys.executable, "-P", "-m", program, *arguments]
    environment = os.environ | {"SAGEMAKER_BASE_DIR": str(directory), "PYTHONPATH": str(PROGRAMS)}
    done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True, timeout=600)
    if done.returncode:
        raise RuntimeError(f"{program} failed: {(done.stderr or done.stdout).strip()[-500:]}")
