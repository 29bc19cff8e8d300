"""A saved model, loaded and asked by its training library alone, without a line of the model server's."""

import importlib.util
import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np
import numpy.typing as npt
import polars as pl

from examples.hold_out import Schema, typed

Array = npt.NDArray[np.float64]
_PROGRAMS = Path(__file__).resolve().parents[1] / "containers" / "python"
_R = Path(__file__).with_name("body_mass") / "image" / "R" / "model.R"
_TRAINED = Path(__file__).with_name("trained.py")
_SECONDS = 120
_MICROSECONDS_PER_DAY = 86_400_000_000


def predictions(model: Path, raw: pl.DataFrame, schema: Schema) -> tuple[str, Array]:
    """The library's name, and what it predicts for the raw rows by the model's files."""
    for file, (library, predict) in _LIBRARIES.items():
        if (model / file).is_file():
            return library, np.asarray(predict(model, raw, schema), dtype=np.float64)
    raise ValueError(f"no library is known for {sorted(path.name for path in model.iterdir())}")


def matrix(model: Path, raw: pl.DataFrame, schema: Schema) -> npt.NDArray[np.float32]:
    """The numbers that a model of ours learnt from: categories by their places, days since 1970."""
    features, preparation = schema["features"], schema["preparation"]
    if preparation is None:
        table = typed(raw, features)
    else:
        prepare = _function(model / "code", preparation["function"])
        made = prepare(nw.from_native(typed(raw, preparation["columns"]).lazy()))
        table = nw.to_native(made).collect()
    return np.column_stack([_numbers(table[feature["name"]], feature) for feature in features])


def _numbers(values: pl.Series, feature: Mapping[str, Any]) -> npt.NDArray[np.float32]:
    if feature["type"] == "category":
        places = {text: float(place) for place, text in enumerate(feature["categories"])}
        found = [places.get(value, float("nan")) for value in values.to_list()]
        return np.array(found, dtype=np.float32)
    if feature["type"] == "datetime":
        values = values.dt.epoch("us") / _MICROSECONDS_PER_DAY
    return values.cast(pl.Float64).fill_null(float("nan")).to_numpy().astype(np.float32)


def _function(code: Path, reference: str) -> Callable[[Any], Any]:
    module, _, name = reference.partition(":")
    spec = importlib.util.spec_from_file_location(f"artifact_{module}", code / f"{module}.py")
    if spec is None or spec.loader is None:
        raise ValueError(f"the model's code has no {module}.py")
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    function: Callable[[Any], Any] = getattr(loaded, name)
    return function


def _xgboost(model: Path, raw: pl.DataFrame, schema: Schema) -> Any:
    import xgboost

    types = ["c" if feature["type"] == "category" else "q" for feature in schema["features"]]
    data = xgboost.DMatrix(matrix(model, raw, schema), feature_types=types, enable_categorical=True)
    return xgboost.Booster(model_file=model / "model.ubj").predict(data)


def _lightgbm(model: Path, raw: pl.DataFrame, schema: Schema) -> Any:
    import lightgbm

    return lightgbm.Booster(model_file=model / "model.txt").predict(matrix(model, raw, schema))


def _elastic_net(model: Path, raw: pl.DataFrame, schema: Schema) -> Any:
    """Scikit-learn's own steps, with what the model's file says that they learnt."""
    from sklearn.linear_model import ElasticNet
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    learnt = np.load(model / "model.npz", allow_pickle=False)
    values = matrix(model, raw, schema).astype(np.float64)
    numbers, codes = values[:, learnt["numbers"]], values[:, learnt["categories"]]
    scaler = StandardScaler()
    scaler.mean_, scaler.scale_, scaler.n_features_in_ = learnt["mean"], learnt["deviation"], numbers.shape[1]
    scaler.var_ = learnt["deviation"] ** 2
    missing = np.isnan(numbers)
    places = [np.arange(size, dtype=np.float64) for size in learnt["sizes"]]
    encoder = OneHotEncoder(categories=places, handle_unknown="ignore", sparse_output=False)
    encoder.fit(np.array([[size[0] for size in places]]))
    design = [
        np.where(missing, 0.0, scaler.transform(numbers)),
        missing[:, learnt["holed"]].astype(np.float64),
        encoder.transform(np.where(np.isnan(codes), -1.0, codes)),
    ]
    estimator = ElasticNet()
    estimator.coef_, estimator.intercept_ = learnt["weights"][:, 0], learnt["intercept"][0]
    return estimator.predict(np.hstack(design))


def _forecast(model: Path, raw: pl.DataFrame, schema: Schema) -> Any:
    """LightGBM over lags, which are the training program's own; it runs apart."""
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory, "rows.npy")
        np.save(file, matrix(model, raw, schema))
        _run([sys.executable, "-P", _TRAINED, model, file], PYTHONPATH=str(_PROGRAMS))
        return np.load(file)


def _joblib(model: Path, raw: pl.DataFrame, _schema: Schema) -> Any:
    import joblib

    with warnings.catch_warnings():
        # AWS's image has a release of its own, and the predictions show whether that matters.
        warnings.simplefilter("ignore")
        loaded = joblib.load(model / "model.joblib")
    return loaded.predict_proba(raw.cast(pl.Float64).to_numpy())[:, 1]


def _r(model: Path, raw: pl.DataFrame, _schema: Schema) -> Any:
    program = (
        "given <- commandArgs(TRUE); source(given[1]); model <- readRDS(given[2]); "
        "rows <- read.csv(given[3], header = FALSE, na.strings = '', stringsAsFactors = FALSE); "
        "writeLines(format(estimate(model, rows), digits = 17, trim = TRUE), given[3])"
    )
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory, "rows.csv")
        raw.write_csv(file, include_header=False)
        _run(["Rscript", "-e", program, _R, model / "model.rds", file])
        return np.loadtxt(file)


def _run(command: Sequence[str | Path], **environment: str) -> None:
    done = subprocess.run(
        command, env=os.environ | environment, capture_output=True, text=True, timeout=_SECONDS, check=False
    )
    if done.returncode:
        raise ValueError(f"{command[0]} failed: {done.stderr.strip()[-300:]}")


# By the file that gives a model away; a forecast has one beside its trees.
_LIBRARIES: dict[str, tuple[str, Callable[[Path, pl.DataFrame, Schema], Any]]] = {
    "history.npz": ("LightGBM", _forecast),
    "model.ubj": ("XGBoost", _xgboost),
    "model.txt": ("LightGBM", _lightgbm),
    "model.npz": ("scikit-learn", _elastic_net),
    "model.joblib": ("scikit-learn", _joblib),
    "model.rds": ("R", _r),
}
