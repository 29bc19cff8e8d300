"""How many flights leave each airport on each of the next 14 days."""

from declaration import Data, Endpoint, Forecast, Gate, OnNewData, Project
from stacks import deploy

departures = Project(
    name="departures",
    data=Data(target="flights", time="day", series=["origin"], problem="forecast"),
    train=Forecast(horizon=14),
    gate=Gate("wape", at_most=0.1),
    endpoint=Endpoint(calls_per_minute=3_000),
    retrain=[OnNewData(quiet_for="1 s")],
)

deploy(departures)
