"""The same model twice: one learns from each drop of data, the other when calls or answers changed."""

from declaration import (
    AllAtOnce,
    Data,
    Endpoint,
    Gate,
    OnDrift,
    OnGate,
    OnNewData,
    OnQuality,
    Project,
    XGBoost,
)
from stacks import deploy

DATA = Data(target="late", time="time_hour")
TRAIN = XGBoost(rounds=200)
GATE = Gate("auc", at_least=0.6)

monthly = Project(
    name="flights-monthly",
    data=DATA,
    train=TRAIN,
    gate=GATE,
    retrain=[OnNewData(quiet_for="5 s")],
    deploy=OnGate(),
)
on_drift = Project(
    name="flights-drift",
    data=DATA,
    train=TRAIN,
    gate=GATE,
    endpoint=Endpoint(calls_per_minute=6_000, rollout=AllAtOnce(wait="1 min")),
    # A first model of what is there, and another after a million new flights, which a year does not have.
    # A look each month, when its truth arrives; two false alarms in ten years.
    retrain=[
        OnNewData(rows=1_000_000, quiet_for="5 s"),
        OnDrift(every="30 days", false_alarms_per_year=0.2, cooldown="0 s"),
        OnQuality(at_least=0.7, cooldown="0 s"),
    ],
    deploy=OnGate(),
)

deploy(monthly, on_drift)
