"""The projects whose histories are played: between them they have every trigger and every approval."""

from declaration import (
    Data,
    Endpoint,
    Every,
    Gate,
    OnApproval,
    OnDrift,
    OnGate,
    OnNewData,
    OnQuality,
    Project,
    Shadow,
    Webhook,
)

QUIET, COOLDOWN = 300, 1_000
FEWEST_FILES, OR_AFTER = 3, 6 * 3_600

WATCHED = Project(
    name="flights",
    data=Data(target="late", time="time_hour"),
    gate=Gate("auc", at_least=0.7),
    endpoint=Endpoint(calls_per_minute=60),
    retrain=[
        OnNewData(quiet_for=f"{QUIET} s", cooldown=f"{COOLDOWN} s"),
        Every("1 day"),
        OnDrift(cooldown=f"{COOLDOWN} s"),
        OnQuality(cooldown=f"{COOLDOWN} s"),
    ],
    notify="team@example.com",
)
"""Every trigger; one person approves."""

CAREFUL = Project(
    name="prices",
    data=Data(target="price", problem="regression"),
    endpoint=Endpoint(calls_per_minute=60),
    retrain=[OnNewData(files=FEWEST_FILES, or_after=f"{OR_AFTER} s", quiet_for="0 s"), Every("1 day")],
    deploy=OnApproval(people=2, link_valid="3 days"),
    notify="team@example.com",
)
"""Some files are too few, and two people approve, one of them perhaps by a link."""

EAGER = Project(
    name="tips",
    data=Data(target="tip", problem="regression"),
    endpoint=Endpoint(calls_per_minute=60, scale_to_zero=True),
    retrain=[OnNewData(quiet_for=f"{QUIET} s")],
    deploy=OnGate(),
    notify=[Webhook("tips-chat"), Webhook("tips-team")],
)
"""What passed its gates is deployed, on an inference component; nobody is asked, and two chats are told."""

COMPARED = Project(
    name="routes",
    data=Data(target="minutes", problem="regression"),
    endpoint=Endpoint(calls_per_minute=60, rollout=Shadow(wait="5 min", calls=2)),
    retrain=[OnNewData(quiet_for=f"{QUIET} s")],
)
"""A new model first answers beside the one in service, and takes over if its answers are like those."""

PROJECTS = (WATCHED, CAREFUL, EAGER, COMPARED)
