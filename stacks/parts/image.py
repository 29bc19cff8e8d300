"""The image that every job and every model server runs."""

from aws_cdk import aws_ecr_assets as ecr_assets
from constructs import Construct

from stacks.parts.paths import ROOT

NOT_SOURCE = ["**/__pycache__", "**/*.pyc", "**/.mypy_cache", "**/.ruff_cache", "**/.pytest_cache"]


def job_image(scope: Construct) -> ecr_assets.DockerImageAsset:
    """The image of containers/python; amd64 whatever machine builds it, as SageMaker runs no other."""
    return ecr_assets.DockerImageAsset(
        scope,
        "Image",
        directory=str(ROOT / "containers/python"),
        exclude=NOT_SOURCE,
        platform=ecr_assets.Platform.LINUX_AMD64,
    )
