"""What a penguin weighs: a model that is trained and served in R."""

from declaration import Container, Data, Endpoint, Gate, OnNewData, Project
from stacks import deploy

body_mass = Project(
    name="body-mass",
    data=Data(target="body_mass_g", problem="regression"),
    train=Container("examples/body_mass/image", hyperparameters={"degree": 2}),
    gate=Gate("mae", at_most=350),
    endpoint=Endpoint(calls_per_minute=1_000),
    retrain=[OnNewData(quiet_for="1 s")],
)

deploy(body_mass)
