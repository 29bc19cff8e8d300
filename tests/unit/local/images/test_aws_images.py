"""Which images of AWS have a stand-in, and what the others are answered."""

from pathlib import Path

import pytest

from local.images import ImageStore, UnknownImage
from local.images.aws import AwsImages, catalogue
from local.images.store import Record

OURS, AWSS = "000000000000", "683313688378"


def uri(image: str, account: str = AWSS) -> str:
    return f"{account}.dkr.ecr.eu-west-1.amazonaws.com/{image}"


@pytest.fixture
def images(tmp_path: Path) -> AwsImages:
    return AwsImages(ImageStore(tmp_path), OURS)


@pytest.mark.parametrize(
    ("image", "sentence"),
    [
        ("sagemaker-scikit-learn:0.23-1-cpu-py3", "the versions 1.2-1, 1.4-2, 1.9-0: choose one of them"),
        ("sagemaker-xgboost:0.90-2", "the versions 1.7-1, 3.0-5, 3.2-0: choose one of them"),
        (
            "pytorch-training:2.6.0-cpu-py312",
            "stand-ins for sagemaker-scikit-learn and sagemaker-xgboost alone",
        ),
        ("kmeans:1", "cannot run on this machine"),
    ],
)
def test_an_image_without_a_stand_in_is_one_sentence(images: AwsImages, image: str, sentence: str) -> None:
    with pytest.raises(UnknownImage) as refused:
        images.resolve(uri(image))
    assert uri(image) in str(refused.value)
    assert sentence in str(refused.value)


def test_an_image_of_the_own_account_was_pushed_or_is_unknown(images: AwsImages) -> None:
    with pytest.raises(UnknownImage, match="deploy the stack that builds it"):
        images.resolve(uri("sagemaker-xgboost:3.2-0", OURS))


def test_a_stand_in_is_built_once_for_every_region_and_variant(
    images: AwsImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[dict[str, str]] = []

    def build(store: ImageStore, context: Path, *, arguments: dict[str, str], **_: object) -> Record:
        assert (context / "Dockerfile").is_file()
        built.append(arguments)
        with store.workspace() as workspace:
            files = workspace / "files"
            files.mkdir()
            record = Record("0" * 64, 0, "python", (), (), {}, "/", ())
            (store.environments / "python").mkdir(parents=True)
            store.add(record, files)
        return record

    monkeypatch.setattr(catalogue, "build", build)
    first = images.resolve(uri("sagemaker-scikit-learn:1.9-0-cpu-py3"))
    again = images.resolve(uri("sagemaker-scikit-learn:1.9-0").replace("eu-west-1", "us-east-1"))
    assert first.digest == again.digest
    assert built == [{"IMAGE": "sagemaker-scikit-learn-1.9-0"}]
    # Another process finds it, too.
    other = AwsImages(ImageStore(images.store.root), OURS)
    assert other.resolve(uri("sagemaker-scikit-learn:1.9-0-cpu-py3")).digest == first.digest
    assert len(built) == 1
