"""Which species a penguin is: three classes, tuned."""

from declaration import Data, Endpoint, Gate, LightGBM, OnNewData, Project
from stacks import deploy

penguins = Project(
    name="penguins",
    data=Data(target="species", problem="multiclass"),
    train=LightGBM(),
    tune=8,
    gate=Gate("log_loss", at_most=0.3),
    endpoint=Endpoint(calls_per_minute=3_000),
    retrain=[OnNewData(quiet_for="1 s")],
)

deploy(penguins)
