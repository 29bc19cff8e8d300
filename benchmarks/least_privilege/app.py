"""A project that declares everything for which a right is needed."""

from declaration import (
    Data,
    Endpoint,
    Gate,
    OnApproval,
    OnDrift,
    OnNewData,
    OnQuality,
    Project,
    Webhook,
    Workbench,
    XGBoost,
)
from stacks import deploy

deploy(
    Project(
        name="flights",
        data=Data(target="late", time="time_hour"),
        train=XGBoost(),
        gate=Gate("auc", at_least=0.70),
        endpoint=Endpoint(calls_per_minute=60_000),
        retrain=[OnNewData(quiet_for="5 s"), OnDrift(rows=30), OnQuality(rows=30)],
        deploy=OnApproval(people=2, link_valid="1 day"),
        notify=["somebody@example.com", Webhook("least-privilege-chat")],
        workbench=Workbench(),
    )
)
