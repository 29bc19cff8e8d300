"""Every algorithm on every problem that it learns."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import learners.progress
from learners import ALGORITHMS, learner
from learners.learning import Learnt, Training
from learners.libraries import without
from learners.progress import Progress
from tabular.contract import DataError
from tabular.schema import Problem
from tests.unit.containers.image_jobs import IMAGE
from tests.unit.containers.learner_data import training

QUICK: dict[str, dict[str, float]] = {
    "xgboost": {"rounds": 60},
    "lightgbm": {"rounds": 60},
    "linear": {},
    "forest": {"trees": 30, "max_depth": 8},
    "mlp": {"hidden_size": 16, "epochs": 25, "learning_rate": 0.01},
}
SAMPLED: dict[str, dict[str, float]] = {
    "xgboost": {"subsample": 0.6, "colsample_bytree": 0.6},
    "lightgbm": {"feature_fraction": 0.6},
    "lightgbm, rows drawn": {"bagging_fraction": 0.6},
    "mlp": {},
}
# What a model must reach that learnt anything; guessing gives 0.5, 0.5, 1/3, 0 and about 0.6.
REACHED: dict[Problem, tuple[str, float]] = {
    "binary": ("auc", 0.93),
    "multiclass": ("accuracy", 0.7),
    "regression": ("r2", 0.75),
    "ranking": ("ndcg", 0.85),
}
CASES = [(name, problem) for name in QUICK for problem in learner(name).PROBLEMS]


def learnt(name: str, data: Training, progress: Progress | None = None, /, **more: float) -> Learnt:
    """Learn quickly."""
    algorithm = learner(name)
    settings = algorithm.Settings(**{**QUICK[name], **more})
    return algorithm.learn(data, settings, progress or Progress(data.schema.problem))


def saved(result: Learnt, directory: Path) -> dict[str, bytes]:
    """The model's files."""
    directory.mkdir()
    return {name: (directory / name).read_bytes() for name in result.model.save(directory)}


@pytest.mark.parametrize(("name", "problem"), CASES)
def test_it_learns_and_is_the_same_after_it_was_saved(name: str, problem: Problem, tmp_path: Path) -> None:
    data = training(problem)
    found = learnt(name, data)
    metric, least = REACHED[problem]
    assert found.metrics[metric] > least
    assert len(found.curve[f"validation-{metric}" if name in ("linear", "mlp") else next(iter(found.curve))])
    found.model.save(tmp_path)
    again = learner(name).load(tmp_path, data.schema)
    predicted = found.model.predict(data.features)
    np.testing.assert_array_equal(again.predict(data.features), predicted)
    assert predicted.shape == ((900, 3) if problem == "multiclass" else (900,))
    if problem == "multiclass":
        np.testing.assert_allclose(predicted.sum(axis=1), 1, rtol=1e-5)
    # One row is predicted as it is among others, and a row of nothing but holes is predicted too.
    np.testing.assert_allclose(again.predict(data.features[5:6]), predicted[5:6], rtol=1e-5)
    assert np.isfinite(again.predict(np.full((1, 5), np.nan, dtype=np.float32))).all()


@pytest.mark.parametrize(("name", "problem"), CASES)
def test_the_same_rows_give_the_same_bytes_whatever_the_threads(
    name: str, problem: Problem, tmp_path: Path
) -> None:
    files = [
        saved(learnt(name, training(problem, threads=threads)), tmp_path / str(threads)) for threads in (1, 2)
    ]
    assert files[0] == files[1]


@pytest.mark.parametrize(("name", "problem"), CASES)
def test_contributions_add_up_to_the_score(name: str, problem: Problem) -> None:
    data = training(problem)
    model = learnt(name, data).model
    found = model.contributions(data.features)
    if name == "mlp":
        assert found is None
        return
    assert found is not None
    assert found.shape == data.features.shape
    if problem == "multiclass":
        assert (found >= 0).all()
        return
    score = model.predict(data.features).astype(float)
    if problem == "binary":
        score = np.log(np.clip(score, 1e-4, 0.9999) / np.clip(1 - score, 1e-4, 0.9999))
    beyond = (score - found.sum(axis=1))[np.abs(score) < 8 if problem == "binary" else slice(None)]
    np.testing.assert_allclose(beyond, np.median(beyond), atol=2e-3 * (1 + np.abs(score).max()))
    assert np.abs(found).mean(axis=0).argmax() in (0, 4)


@pytest.mark.parametrize("name", QUICK)
def test_a_trial_learns_once_and_with_the_same_figures(name: str) -> None:
    whole, trial = (learnt(name, training("binary", refit=refit)) for refit in (True, False))
    assert (whole.metrics, whole.rounds, whole.curve) == (trial.metrics, trial.rounds, trial.curve)


class Interrupted(Exception):
    """What stands for the end of a process."""


class Dying(Progress):
    """Ends a training after so many checkpoints."""

    left = 0

    def keep(self, *arguments: object) -> None:
        super().keep(*arguments)  # type: ignore[arg-type]
        self.left -= 1
        if self.left == 0:
            raise Interrupted


@pytest.mark.parametrize(
    ("case", "problem"),
    [(case, problem) for case in SAMPLED for problem in learner(case.partition(",")[0]).PROBLEMS],
)
def test_a_training_that_is_interrupted_at_any_round_ends_with_the_same_bytes(
    case: str, problem: Problem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = case.partition(",")[0]
    monkeypatch.setattr(learners.progress, "_YOUNGEST", 0.0)
    monkeypatch.setattr(learners.progress, "_SHARE", 0)
    data = training(problem, 450)
    settings = {"rounds": 25.0} if name != "mlp" else {"epochs": 12.0}
    settings |= SAMPLED[case]
    undisturbed = learnt(name, data, **settings)
    (tmp_path / "checkpoints").mkdir()
    result = None
    for left in (3, 1, 7, 4, 0):
        progress = Dying(problem, tmp_path / "checkpoints", "key")
        progress.left = left
        try:
            result = learnt(name, data, progress, **settings)
            break
        except Interrupted:
            continue
    assert result is not None
    assert saved(result, tmp_path / "resumed") == saved(undisturbed, tmp_path / "whole")
    assert (result.curve, result.metrics) == (undisturbed.curve, undisturbed.metrics)


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"[]\nx", b"{}\nx", b'{"key": "of another"}\nx', b"\xff\xfe"]
)
def test_a_checkpoint_of_something_else_is_no_beginning(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "checkpoint").write_bytes(content)
    assert Progress("binary", tmp_path, "key").resume() is None


@pytest.mark.parametrize(
    ("name", "library"), [("xgboost", "xgboost"), ("lightgbm", "lightgbm"), ("forest", "xgboost")]
)
def test_a_boosting_job_does_not_load_scikit_learn(name: str, library: str) -> None:
    code = f"import sys, learners; learners.learner({name!r}); print(*sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(IMAGE)},
        capture_output=True,
        text=True,
        check=True,
    )
    modules = set(done.stdout.split())
    assert library in modules
    assert not modules & {"sklearn", "pandas", "joblib"}


def test_what_was_hidden_can_be_imported_afterwards() -> None:
    with without("email.mime.audio"), pytest.raises(ModuleNotFoundError):
        import email.mime.audio
    import email.mime.audio  # noqa: F401


def test_an_algorithm_that_is_not_there() -> None:
    with pytest.raises(DataError, match="no algorithm 'svm'; there are xgboost, lightgbm"):
        learner("svm")
    assert set(QUICK) < set(ALGORITHMS)


def test_a_library_without_what_it_needs_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    # As though libgomp.so.1 were missing, and nothing had loaded LightGBM before.
    for module in [name for name in sys.modules if name.partition(".")[0] == "lightgbm"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.delitem(sys.modules, "learners.lightgbm", raising=False)

    class Missing:
        def find_spec(self, name: str, *_: object) -> None:
            if name == "lightgbm":
                raise OSError("libgomp.so.1: cannot open shared object file: No such file or directory")

    monkeypatch.setattr(sys, "meta_path", [Missing(), *sys.meta_path])
    with pytest.raises(
        DataError, match=r"libgomp\.so\.1: .*: install the system's OpenMP library, .* libgomp1"
    ):
        learner("lightgbm")
