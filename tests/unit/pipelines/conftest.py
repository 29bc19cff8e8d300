"""One project and its surroundings, for all tests of pipelines."""

import dataclasses
from collections.abc import Mapping

import pytest

from declaration import (
    BuiltIn,
    Container,
    Continuous,
    Data,
    Endpoint,
    Fair,
    Gate,
    Integer,
    OnNewData,
    Project,
    Script,
    Tuning,
    XGBoost,
)
from pipelines.training import TrainingBindings
from tests.stacks.brought import Brought, bring

ACCOUNT = "000000000000"
ROLES = ("prepare", "train", "evaluate", "model")


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
    roles = {f"{role}_role_arn": f"arn:aws:iam::{ACCOUNT}:role/{role}" for role in ROLES}
    image = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/assets:1"
    return TrainingBindings(
        region="us-east-1",
        image_uri=image,
        training_image_uri=image,
        serving_image_uri=image,
        version="1",
        incoming_bucket="flights-incoming",
        artifacts_bucket="flights-artifacts",
        no_champion_uri="s3://assets/no-champion",
        kms_key_arn=f"arn:aws:kms:us-east-1:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555",
        subnets=["subnet-0a", "subnet-0b"],
        security_groups=["sg-0a"],
        model_package_group="flights",
        **roles,
    )


@pytest.fixture(scope="session")
def brought(tmp_path_factory: pytest.TempPathFactory) -> Brought:
    return bring(tmp_path_factory.mktemp("brought"))


@pytest.fixture(scope="session")
def with_code(bindings: TrainingBindings) -> TrainingBindings:
    """The surroundings of a project whose user has functions and a script of his own."""
    aws = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1"
    return dataclasses.replace(
        bindings,
        training_image_uri=aws,
        serving_image_uri=aws,
        code_uri="s3://assets/code-1/",
        source_uri="s3://assets/source-1/",
    )


@pytest.fixture(scope="session")
def kinds(brought: Brought, project: Project) -> Mapping[str, Project]:
    """A project of every kind."""
    data = Data("late")
    linear = BuiltIn("linear-learner", {"predictor_type": "binary_classifier"})
    pictures = BuiltIn(
        "image-classification",
        {"num_classes": 3, "num_training_samples": 100},
        channels={"train": "s3://pictures/train/", "validation": "s3://pictures/validation/"},
    )
    profit, alpha = brought.functions.profit, {"alpha": Continuous(0.01, 1.0, scale="log")}
    return {
        "own": project,
        "tuned": dataclasses.replace(project, tune=30),
        "script": Project(
            "script",
            data=Data("late", prepare=brought.functions.prepare),
            train=Script(brought.script, framework="sklearn", hyperparameters={"alpha": 0.1, "warm": True}),
            gate=[
                Gate(profit, at_least=5, slices=["carrier"], fair=[Fair("sex", "demographic_parity")]),
                Gate("auc", at_least=0.6),
            ],
        ),
        "script-tuned": Project(
            "script",
            data=data,
            train=Script(brought.script, framework="sklearn", hyperparameters={"seed": 1}),
            tune=Tuning(9, ranges=alpha),
        ),
        "container": Project(
            "container", data=data, train=Container(brought.image, hyperparameters={"trees": 100})
        ),
        "container-tuned": Project(
            "container",
            data=data,
            train=Container(brought.image),
            tune=Tuning(5, ranges={"trees": Integer(10, 500)}),
        ),
        "builtin": Project("builtin", data=data, train=linear),
        "builtin-tuned": Project("builtin", data=data, train=linear, tune=10),
        "channels": Project(
            "channels",
            data=Data("class", problem="multiclass"),
            gate=Gate("accuracy", at_least=0.9),
            train=pictures,
        ),
        "channels-tuned": Project(
            "channels",
            data=Data("class", problem="multiclass"),
            gate=Gate("accuracy", at_least=0.9),
            train=pictures,
            tune=4,
        ),
        "unsupervised": Project(
            "unsupervised",
            data=data,
            train=BuiltIn("kmeans", {"k": 10, "feature_dim": 4}, channels={"train": "s3://rows/train/"}),
        ),
    }
