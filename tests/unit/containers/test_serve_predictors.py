"""The short way to a prediction ends where the training library's own does, alone and in company."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from learners import learner
from learners.learning import Model
from learners.progress import Progress
from serve import predictors
from tabular.schema import Problem
from tests.unit.containers.learner_data import training

QUICK: dict[str, dict[str, Any]] = {
    "xgboost": {"rounds": 15},
    "lightgbm": {"rounds": 15},
    "forest": {"trees": 20},
    "linear": {},
    "mlp": {"epochs": 4, "hidden_size": 24},
}
CASES = [(name, problem) for name in QUICK for problem in learner(name).PROBLEMS]
# Trees are the library's own code; sums of float64 may end in another order before they are float32.
EXACT = {"xgboost", "lightgbm", "forest"}


@pytest.mark.parametrize(("name", "problem"), CASES)
def test_predictions_are_those_of_the_library(name: str, problem: Problem, tmp_path: Path) -> None:
    algorithm = learner(name)
    data = training(problem)
    result = algorithm.learn(data, algorithm.Settings(**QUICK[name]), Progress(problem))
    result.model.save(tmp_path)
    model: Model = algorithm.load(tmp_path, data.schema)
    found = predictors.chosen(name, model, data.schema)
    assert found.difference is not None
    # Enough rows for both ways to call the library.
    for rows in (data.features, data.features[:100], np.full((3, 5), np.nan, dtype=np.float32)):
        expected = model.predict(rows)
        predicted = found.predict(rows)
        assert predicted.dtype == np.float32
        assert predicted.shape == expected.shape
        if name in EXACT:
            np.testing.assert_array_equal(predicted, expected)
        else:
            np.testing.assert_allclose(predicted, expected, rtol=1e-6, atol=1e-6)
    together = found.predict(data.features)
    for row in range(40):
        np.testing.assert_array_equal(found.predict(data.features[row : row + 1])[0], together[row])


def test_the_library_predicts_where_the_short_way_does_not_agree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    algorithm = learner("linear")
    data = training("regression")
    model = algorithm.learn(data, algorithm.Settings(), Progress("regression")).model
    from serve.predictors import dense

    monkeypatch.setattr(dense, "predictor", lambda model, schema: lambda rows: model.predict(rows) * 1.001)
    found = predictors.chosen("linear", model, data.schema)
    assert found.difference is None
    np.testing.assert_array_equal(found.predict(data.features), model.predict(data.features))


def test_a_model_outlives_the_object_that_loaded_it(tmp_path: Path) -> None:
    import gc

    data = training("binary")
    for name in ("xgboost", "lightgbm"):
        algorithm = learner(name)
        algorithm.learn(data, algorithm.Settings(rounds=3), Progress("binary")).model.save(tmp_path)
        predict = predictors.chosen(name, algorithm.load(tmp_path, data.schema), data.schema).predict
        expected = predict(data.features)
        gc.collect()
        np.testing.assert_array_equal(predict(data.features), expected)
