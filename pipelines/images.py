"""AWS's own images by region, from the tables of the SageMaker SDK, which it reads without a network."""

import functools
import importlib
import logging
from collections.abc import Mapping
from typing import Any, Literal

from botocore.loaders import Loader
from botocore.regions import EndpointResolver
from packaging.version import InvalidVersion, Version

from declaration.errors import DeclarationError, Problem

Family = Literal["builtin", "script"]
Scope = Literal["training", "inference"]

_SCOPES: tuple[Scope, ...] = ("training", "inference")
# The SDK chooses between the images for CPUs and for GPUs by an instance type; any of the kind will do.
_INSTANCE = {False: "ml.m5.xlarge", True: "ml.g5.xlarge"}
# The tag of an image is the same in every region, so the SDK is asked for it once.
_ANY_REGION = "us-east-1"


@functools.cache
def image_uris(
    family: Family, name: str, version: str | None = None, *, scope: Scope = "training", gpu: bool = False
) -> Mapping[str, str]:
    """The address of an image in each region that has it; raises DeclarationError if there is none.

    `name` is that of a first-party algorithm ("kmeans") or of a framework ("pytorch"). Without a version it
    is the newest that has images for training and for inference.
    """
    where = f'BuiltIn "{name}"' if family == "builtin" else f'Script, framework "{name}"'
    versions = _versions(name, scope)
    full = _full_version(where, name, scope, version)
    variant: dict[str, Any] = versions[full]
    base = {}
    if name == "huggingface":
        # Below the version of transformers is that of the framework under it; the newest is taken.
        newest = max(
            (key for key in variant if key.startswith("pytorch")),
            key=lambda key: Version(key.removeprefix("pytorch")),
        )
        base, variant = {"base_framework_version": newest}, variant[newest]
    _check_processor(where, name, scope, gpu=gpu, offered=_processors(name, scope, variant))
    uri = _asked(
        framework=name,
        region=_ANY_REGION,
        version=full,
        py_version=variant["py_versions"][-1] if "py_versions" in variant else None,
        instance_type=_INSTANCE[gpu],
        image_scope=scope,
        **base,
    )
    image = uri.partition("/")[2]
    registries = variant["registries"].items()
    return {region: f"{account}.dkr.{_ecr(region)}/{image}" for region, account in sorted(registries)}


def newest(name: str) -> str:
    """The newest version that has images for training and for inference."""
    shared = set.intersection(*({*_versions(name, scope)} for scope in _SCOPES))
    return max(shared, key=_order)


def _full_version(where: str, name: str, scope: Scope, version: str | None) -> str:
    if version is None:
        return newest(name)
    versions, aliases = _versions(name, scope), _table(name, scope).get("version_aliases", {})
    full: str = aliases.get(version, version)
    if full not in versions:
        rule = f"AWS has {scope} images of the versions {', '.join(sorted(versions, key=_order))}"
        raise DeclarationError(
            [Problem(f"{where}, version", repr(version), rule, f'write version="{newest(name)}"')]
        )
    return full


def _check_processor(where: str, name: str, scope: Scope, *, gpu: bool, offered: list[str]) -> None:
    wanted = "gpu" if gpu else "cpu"
    # The images of the algorithms, and XGBoost's, serve both.
    if offered and wanted not in offered:
        rule = (
            f"AWS's {scope} images of {name} are for {' and '.join(each.upper() for each in offered)} alone"
        )
        raise DeclarationError([Problem(f"{where}, on", repr(wanted), rule, f'write on="{offered[0]}"')])


def _processors(name: str, scope: Scope, variant: Mapping[str, Any]) -> list[str]:
    found: list[str] = _table(name, scope).get("processors") or variant.get("processors") or []
    return found


def _table(name: str, scope: Scope) -> dict[str, Any]:
    config = _config(name)
    table: dict[str, Any] = config if "versions" in config else config[scope]
    return table


def _versions(name: str, scope: Scope) -> dict[str, Any]:
    versions: dict[str, Any] = _table(name, scope)["versions"]
    return versions


@functools.cache
def _config(name: str) -> dict[str, Any]:
    config: dict[str, Any] = _sdk().config_for_framework(name)
    return config


def _order(version: str) -> tuple[bool, Version]:
    """Versions in their order; variants such as 1.4-2-py312 come before all plain ones."""
    try:
        return True, Version(version)
    except InvalidVersion:
        return False, Version("0")


def _sdk() -> Any:
    # pipelines.sdk comes first, as it sets what the SDK needs to be imported.
    importlib.import_module("pipelines.sdk")
    return importlib.import_module("sagemaker.core.image_uris")


def _asked(**question: Any) -> str:
    # The SDK tells of every default that it takes, which a user did not ask for.
    logger = logging.getLogger("sagemaker.core.image_uris")
    level, logger.level = logger.level, logging.WARNING
    try:
        answer: str = _sdk().retrieve(**question)
    finally:
        logger.level = level
    return answer


@functools.cache
def _ecr(region: str) -> str:
    """The host name of a region's registry, without its account: ecr.us-east-1.amazonaws.com."""
    found = _resolver().construct_endpoint("ecr", region)
    return str(found["hostname"]) if found else f"ecr.{region}.amazonaws.com"


@functools.cache
def _resolver() -> Any:
    return EndpointResolver(Loader().load_data("endpoints"))
