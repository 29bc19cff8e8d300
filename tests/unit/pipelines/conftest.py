"""One project and its surroundings, for all tests of pipelines."""

import pytest

from declaration import Data, Endpoint, Gate, OnNewData, Project, XGBoost
from pipelines.training import TrainingBindings

ACCOUNT = "000000000000"


@pytest.fixture(scope="session")
def project() -> Project:
    return Project(
        name="flights",
        data=Data(target="late", time="time_hour", drop=["tailnum"]),
        train=XGBoost(rounds=300),
        gate=Gate("auc", at_least=0.70),
        endpoint=Endpoint(calls_per_minute=3_000),
        retrain=[OnNewData(quiet_for="5 s")],
    )


@pytest.fixture(scope="session")
def bindings() -> TrainingBindings:
    return TrainingBindings(
        region="us-east-1",
        image_uri=f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/assets:1",
        incoming_bucket="flights-incoming",
        artifacts_bucket="flights-artifacts",
        no_champion_uri="s3://assets/no-champion",
        kms_key_arn=f"arn:aws:kms:us-east-1:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555",
        subnets=["subnet-0a", "subnet-0b"],
        security_groups=["sg-0a"],
        prepare_role_arn=f"arn:aws:iam::{ACCOUNT}:role/prepare",
        train_role_arn=f"arn:aws:iam::{ACCOUNT}:role/train",
        evaluate_role_arn=f"arn:aws:iam::{ACCOUNT}:role/evaluate",
        model_package_group="flights",
    )
