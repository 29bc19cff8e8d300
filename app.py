"""What this checkout deploys. Edit the declaration; everything else follows from it."""

from declaration import Data, Endpoint, Gate, OnNewData, Project, Workbench, XGBoost
from stacks import deploy

flights = Project(
    name="flights",
    data=Data(target="late", time="time_hour"),
    train=XGBoost(),
    gate=Gate("auc", at_least=0.70),
    endpoint=Endpoint(calls_per_minute=60_000),
    retrain=[OnNewData(quiet_for="5 s")],
    workbench=Workbench(),
)

deploy(flights)
