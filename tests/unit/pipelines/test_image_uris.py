"""The images that AWS publishes, by region, as the SDK's tables have them."""

import socket
from typing import NoReturn

import botocore.session
import pytest
from botocore.validate import validate_parameters

from declaration import DeclarationError
from declaration.builtin import BuiltIn, catalog
from pipelines.images import Scope, image_uris, newest
from tests.unit.declaration.builtin_samples import SAMPLES, built

OWN_IMAGES = [
    name for name in catalog.names() if name not in {built(s).name for s in SAMPLES if built(s).jumpstart}
]

# https://docs.aws.amazon.com/sagemaker/latest/dg-ecr-paths/sagemaker-algo-docker-registry-paths.html
PUBLISHED = [
    ("kmeans", "us-east-1", "382416733822.dkr.ecr.us-east-1.amazonaws.com/kmeans:1"),
    ("linear-learner", "eu-central-1", "664544806723.dkr.ecr.eu-central-1.amazonaws.com/linear-learner:1"),
    ("blazingtext", "us-west-2", "433757028032.dkr.ecr.us-west-2.amazonaws.com/blazingtext:1"),
    ("forecasting-deepar", "us-east-1", "522234722520.dkr.ecr.us-east-1.amazonaws.com/forecasting-deepar:1"),
    ("lda", "us-east-1", "766337827248.dkr.ecr.us-east-1.amazonaws.com/lda:1"),
    (
        "image-classification",
        "eu-west-1",
        "685385470294.dkr.ecr.eu-west-1.amazonaws.com/image-classification:1",
    ),
    ("kmeans", "cn-north-1", "390948362332.dkr.ecr.cn-north-1.amazonaws.com.cn/kmeans:1"),
]


@pytest.mark.parametrize(("name", "region", "uri"), PUBLISHED)
def test_the_image_of_an_algorithm_is_the_published_one(name: str, region: str, uri: str) -> None:
    assert image_uris("builtin", name)[region] == uri


@pytest.mark.parametrize(
    ("framework", "version", "scope", "gpu", "image"),
    [
        (
            "xgboost",
            "1.7-1",
            "training",
            False,
            "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1",
        ),
        (
            "sklearn",
            "1.2-1",
            "inference",
            False,
            "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3",
        ),
        # https://github.com/aws/deep-learning-containers/blob/master/available_images.md
        (
            "pytorch",
            "2.6.0",
            "training",
            True,
            "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:2.6.0-gpu-py312",
        ),
        (
            "pytorch",
            "2.6",
            "inference",
            False,
            "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-inference:2.6.0-cpu-py312",
        ),
        (
            "huggingface",
            "4.49.0",
            "training",
            True,
            "763104351884.dkr.ecr.us-east-1.amazonaws.com/huggingface-pytorch-training:"
            "2.5.1-transformers4.49.0-gpu-py311-cu124-ubuntu22.04",
        ),
    ],
)
def test_the_image_of_a_framework_is_the_published_one(
    framework: str, version: str, scope: Scope, gpu: bool, image: str
) -> None:
    assert image_uris("script", framework, version, scope=scope, gpu=gpu)["us-east-1"] == image


@pytest.mark.parametrize("name", OWN_IMAGES)
def test_every_algorithm_has_an_image_in_every_region_of_the_sdk(name: str) -> None:
    images = image_uris("builtin", name)
    # LDA never left the first regions.
    assert len(images) >= (16 if name == "lda" else 30)
    assert list(images) == sorted(images)
    for region, uri in images.items():
        account, _, rest = uri.partition(".dkr.ecr.")
        assert len(account) == 12
        assert account.isdigit()
        assert rest.startswith(f"{region}.")


def test_what_the_sdk_itself_answers_is_the_same_elsewhere() -> None:
    from sagemaker.core import image_uris as sdk  # type: ignore[import-untyped]

    for region in ("ap-south-2", "il-central-1", "us-gov-west-1", "us-iso-east-1"):
        assert image_uris("builtin", "knn")[region] == sdk.retrieve("knn", region)
        xgboost = sdk.retrieve("xgboost", region, version="1.7-1")
        assert image_uris("script", "xgboost", "1.7-1")[region] == xgboost


@pytest.mark.parametrize("framework", ["sklearn", "pytorch", "xgboost", "huggingface"])
def test_without_a_version_training_and_inference_have_the_same(framework: str) -> None:
    gpu = framework in ("pytorch", "huggingface")
    for scope in ("training", "inference"):
        default = image_uris("script", framework, scope=scope, gpu=gpu)
        assert default == image_uris("script", framework, newest(framework), scope=scope, gpu=gpu)


@pytest.mark.parametrize(
    ("framework", "version", "scope", "gpu", "said"),
    [
        ("pytorch", "9.9", "training", False, "version: '9.9' was given, but AWS has training images of"),
        ("pytorch", "2.10", "inference", False, "inference images of the versions 0.4.0, 1.0.0"),
        (
            "sklearn",
            None,
            "training",
            True,
            "on: 'gpu' was given, but AWS's training images of sklearn are for CPU",
        ),
        ("huggingface", None, "training", False, 'are for GPU alone; write on="gpu".'),
    ],
)
def test_an_image_that_there_is_not_is_one_sentence(
    framework: str, version: str | None, scope: Scope, gpu: bool, said: str
) -> None:
    with pytest.raises(DeclarationError) as caught:
        image_uris("script", framework, version, scope=scope, gpu=gpu)
    assert len(caught.value.problems) == 1
    assert said in str(caught.value)


def test_no_network_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> NoReturn:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    image_uris.cache_clear()
    assert image_uris("builtin", "pca")["us-east-1"].endswith("/pca:1")


@pytest.mark.parametrize("name", SAMPLES)
def test_the_request_of_every_algorithm_is_one_that_the_api_takes(name: str) -> None:
    model = botocore.session.get_session().get_service_model("sagemaker")
    shape = model.operation_model("CreateTrainingJob").input_shape
    assert shape is not None
    validate_parameters(request(built(name)), shape)


def request(algorithm: BuiltIn) -> dict[str, object]:
    """The CreateTrainingJob request as the declaration's parts say it."""
    image = algorithm.image or image_uris("builtin", algorithm.program)["us-east-1"]
    table = {part: f"s3://data/{part}/" for part in algorithm.table_channels.values()}
    channels = [
        {
            "ChannelName": channel,
            **({"ContentType": each.content_type} if each.content_type else {}),
            "InputMode": each.mode,
            "DataSource": {
                "S3DataSource": {
                    "S3DataType": "S3Prefix",
                    "S3Uri": each.uri,
                    "S3DataDistributionType": each.distribution,
                }
            },
        }
        for channel, each in algorithm.inputs.items()
    ] or [
        {"ChannelName": channel, "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri}}}
        for channel, uri in table.items()
    ]
    return {
        "TrainingJobName": "job",
        "RoleArn": "arn:aws:iam::000000000000:role/train",
        "AlgorithmSpecification": {
            "TrainingImage": image,
            "TrainingInputMode": "File",
            "MetricDefinitions": [
                {"Name": metric, "Regex": regex} for metric, regex in algorithm.metric_definitions.items()
            ],
        },
        "HyperParameters": {key: str(value) for key, value in algorithm.hyperparameters.items()},
        "InputDataConfig": channels,
        "OutputDataConfig": {"S3OutputPath": "s3://data/models/"},
        "ResourceConfig": {
            "InstanceType": algorithm.compute.instance_type,
            "InstanceCount": algorithm.compute.instance_count,
            "VolumeSizeInGB": 30,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
    }
