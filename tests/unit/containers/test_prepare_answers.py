"""The user's predict function, from the declaration's name of it to the model that carries it."""

import json
from pathlib import Path

import pytest

from tabular import artifact
from tests.unit.containers.image_jobs import Job, table, train

WORDS = 'SHORT = ("near", "far")\n'
ANSWERS = """
from words import SHORT


def predict(model, rows):
    return [SHORT[int(value > 0.5)] for value in model.predict(rows)]
"""


@pytest.fixture(scope="module")
def answering(tmp_path_factory: pytest.TempPathFactory) -> Job:
    """A model with a function that answers requests, and none that prepares."""
    job = Job(tmp_path_factory.mktemp("answering"))
    job.put("processing/input/data/a.csv", table(600).encode())
    job.put("processing/input/code/answers.py", ANSWERS.encode())
    job.put("processing/input/code/words.py", WORDS.encode())
    done = job.run("prepare", "--target", "late", "--code-predict", "answers:predict")
    assert done.returncode == 0, done.stderr
    for name in ("answers.py", "words.py"):
        job.put(
            f"input/data/schema/code/{name}", (job.ml / "processing/output/schema/code" / name).read_bytes()
        )
    train(job)
    return job


def test_the_model_carries_the_function_that_answers_and_vouches_for_it(answering: Job) -> None:
    loaded = artifact.load(answering.ml / "model")
    assert loaded.schema.predict == "answers:predict"
    assert loaded.schema.preparation is None
    assert (loaded.code / "answers.py").read_text() == ANSWERS
    manifest = json.loads((answering.ml / "model/model.json").read_text())
    assert {"code/answers.py", "code/words.py"} <= set(manifest["files"])


@pytest.mark.parametrize(
    ("code", "complaint"),
    [
        ("def answer(model, rows):\n    return rows\n", "answers.py has no function 'predict'"),
        ("import nowhere\n", "answers.py, line 1 cannot be imported: ModuleNotFoundError"),
    ],
)
def test_a_function_that_cannot_answer_stops_the_pipeline_before_training(
    tmp_path: Path, code: str, complaint: str
) -> None:
    job = Job(tmp_path)
    job.put("processing/input/data/a.csv", table(60).encode())
    job.put("processing/input/code/answers.py", code.encode())
    assert job.run("prepare", "--target", "late", "--code-predict", "answers:predict").returncode == 1
    assert (job.ml / "output/message").read_text().startswith(complaint)
