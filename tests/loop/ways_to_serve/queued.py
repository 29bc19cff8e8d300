"""Calls that wait in a queue, answered by the user's own function."""

from answers import sex  # type: ignore[import-not-found]  # beside this file, as a user has it

from declaration import Async, Data, OnNewData, Project
from stacks import deploy

queued = Project(
    name="queued",
    data=Data(target="sex"),
    endpoint=Async(calls_per_minute=60, predict=sex),
    retrain=[OnNewData(quiet_for="1 s")],
    network="queued",
    key="queued",
    retain=False,
)

deploy(queued)
