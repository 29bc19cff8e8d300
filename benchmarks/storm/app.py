"""What the storm comes over: no endpoint, and as little learning as can be."""

from declaration import Data, Gate, OnNewData, Project, XGBoost
from stacks import deploy

storm = Project(
    name="storm",
    data=Data(target="y"),
    train=XGBoost(rounds=1, early_stopping=1),
    gate=Gate("auc", at_least=0.5, beats_champion=False),
    # Longer than AWS may take with one of the events; trickling is waited for twelve times as long at most.
    retrain=[OnNewData(quiet_for="10 s")],
)

deploy(storm)
