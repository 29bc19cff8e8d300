"""The asset of all functions: lambda/ with the libraries that it needs, put together without Docker."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import jsii
from aws_cdk import aws_s3_assets as s3_assets
from constructs import Construct
from uv import find_uv_bin

from stacks.parts.image import NOT_SOURCE
from stacks.parts.paths import ROOT

SOURCE = ROOT / "lambda"


def function_code(scope: Construct) -> s3_assets.Asset:
    """The code of all functions as one asset, named by the hash of its source and its lock file."""
    return s3_assets.Asset(
        scope,
        "Code",
        path=str(SOURCE),
        exclude=NOT_SOURCE,
        asset_hash_type=cdk.AssetHashType.SOURCE,
        # Only the local bundling is ever used; the CDK asks for an image all the same.
        bundling=cdk.BundlingOptions(image=cdk.DockerImage("none"), local=_Bundling()),
    )


@jsii.implements(cdk.ILocalBundling)
class _Bundling:
    def try_bundle(self, output_dir: str, *_options: Any, **_more: Any) -> bool:
        """Copy the source and install what the lock file names, from uv's cache where it can."""
        target = Path(output_dir)
        shutil.copytree(SOURCE, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        install = [
            *(find_uv_bin(), "pip", "install", "--quiet", "--no-config", "--no-deps", "--require-hashes"),
            *(
                "--python-version",
                "3.11",
                "--python-platform",
                "x86_64-manylinux2014",
                "--only-binary",
                ":all:",
            ),
            *("--link-mode", "copy", "--target", str(target)),
            *("--requirements", str(SOURCE / "requirements.txt")),
        ]
        if subprocess.run([*install, "--offline"], capture_output=True, check=False).returncode:
            subprocess.run(install, check=True)
        return True
