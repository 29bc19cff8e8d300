"""How long a flight will be in the air: a number, from features that a function of ours makes."""

from declaration import Data, ElasticNet, Endpoint, Gate, OnNewData, Project
from examples.airtime.features import prepare
from stacks import deploy

airtime = Project(
    name="airtime",
    data=Data(target="air_time", time="time_hour", problem="regression", prepare=prepare),
    train=ElasticNet(),
    gate=[Gate("mae", at_most=12, slices=["origin"]), Gate("r2", at_least=0.9)],
    endpoint=Endpoint(calls_per_minute=3_000),
    retrain=[OnNewData(quiet_for="1 s")],
)

deploy(airtime)
