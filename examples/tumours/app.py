"""Is a tumour benign: a scikit-learn script of our own, in AWS's own image."""

from declaration import Data, Endpoint, Gate, OnNewData, Project, Script
from stacks import deploy

tumours = Project(
    name="tumours",
    data=Data(target="benign"),
    train=Script("examples/tumours/train.py", framework="sklearn", hyperparameters={"strength": 1.0}),
    gate=Gate("auc", at_least=0.95),
    endpoint=Endpoint(calls_per_minute=3_000),
    retrain=[OnNewData(quiet_for="1 s")],
)

deploy(tumours)
