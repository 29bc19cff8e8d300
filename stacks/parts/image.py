"""The images that are built here, for jobs and model servers."""

from collections.abc import Mapping
from dataclasses import dataclass

from aws_cdk import aws_ecr_assets as ecr_assets
from constructs import Construct

from stacks.parts.paths import ROOT

NOT_SOURCE = ["**/__pycache__", "**/*.pyc", "**/.mypy_cache", "**/.ruff_cache", "**/.pytest_cache"]


@dataclass(frozen=True)
class Image:
    """An image; `version` is a plain text that changes whenever the image does."""

    uri: str
    repository_arn: str
    version: str


def job_image(scope: Construct) -> Image:
    """The image of containers/python, which prepares, evaluates, and runs our own algorithms."""
    return built_image(scope, "Image", str(ROOT / "containers/python"))


def gpu_image(scope: Construct) -> Image:
    """The same, with the libraries that learn on a GPU."""
    arguments = {"REQUIREMENTS": "requirements-gpu.txt"}
    return built_image(scope, "GpuImage", str(ROOT / "containers/python"), arguments)


def built_image(
    scope: Construct, id_: str, directory: str, arguments: Mapping[str, str] | None = None
) -> Image:
    """The image of a folder with a Dockerfile, for amd64 whatever builds it: SageMaker runs no other."""
    asset = ecr_assets.DockerImageAsset(
        scope,
        id_,
        directory=directory,
        exclude=NOT_SOURCE,
        build_args=arguments,
        platform=ecr_assets.Platform.LINUX_AMD64,
    )
    return Image(asset.image_uri, asset.repository.repository_arn, asset.asset_hash)
