"""A logistic regression as one would write it by hand; SageMaker's scikit-learn image runs it.

https://sagemaker.readthedocs.io/en/stable/frameworks/sklearn/using_sklearn.html
"""

import argparse
import os
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler


def main() -> None:
    """Read the channels, fit, print the validation score, save."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--strength", type=float, required=True)
    strength = parser.parse_args().strength
    model = make_pipeline(StandardScaler(), LogisticRegression(C=1 / strength, max_iter=1000))
    model.fit(*table("SM_CHANNEL_TRAIN"))
    rows, truth = table("SM_CHANNEL_VALIDATION")
    print(f"validation-auc={roc_auc_score(truth, predict_fn(rows, model)):.6f}")
    joblib.dump(model, Path(os.environ["SM_MODEL_DIR"], "model.joblib"))


def table(channel: str) -> tuple[np.ndarray, np.ndarray]:
    """The rows and the target, which is the first column, of a channel."""
    files = sorted(Path(os.environ[channel]).glob("*.csv"))
    data = pd.concat([pd.read_csv(file) for file in files])
    return data.iloc[:, 1:].to_numpy(), data.iloc[:, 0].to_numpy()


def model_fn(model_dir: str) -> Pipeline:
    """What the model server loads."""
    return joblib.load(Path(model_dir, "model.joblib"))


def predict_fn(rows: np.ndarray, model: Pipeline) -> np.ndarray:
    """The probability of a benign tumour, for each row."""
    return np.asarray(model.predict_proba(np.atleast_2d(rows)))[:, 1]


if __name__ == "__main__":
    main()
