"""What the jobs of a pipeline find around them: roles, images and keys."""

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from cli.checks.check import Check, refused
from cli.definition import Definition

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_ecr.type_defs import ImageIdentifierTypeDef

Answer = TypeVar("Answer")
AGAIN = "`sageloop deploy` makes it again."
_IMAGE = re.compile(
    r"(?P<account>\d+)\.dkr\.ecr\.[\w.-]+/(?P<repository>[^:@]+)(?::(?P<tag>[^@]+))?(?:@(?P<digest>.+))?"
)
_GONE = {"NoSuchEntity", "ImageNotFoundException", "RepositoryNotFoundException", "NotFoundException"}
_KEYS = ("KmsKeyId", "VolumeKmsKeyId")
_IMAGES = ("ImageUri", "TrainingImage", "Image")


def check(session: "boto3.Session", account: str, definition: Definition) -> Iterator[Check]:
    """The pipeline's role and those of its jobs, their images in this account, and their keys."""
    everything = [step.arguments for step in definition.steps.values()]
    for role in dict.fromkeys([definition.role_arn, *_members(everything, ("RoleArn", "ExecutionRoleArn"))]):
        yield _role(session, role)
    for image in dict.fromkeys(_members(everything, _IMAGES)):
        yield _image(session, account, image)
    for key in dict.fromkeys(_members(everything, _KEYS)):
        yield _key(session, key)


def _members(value: Any, names: tuple[str, ...]) -> Iterator[str]:
    """All texts that are members of one of these names, however deep."""
    if isinstance(value, dict):
        for name, member in value.items():
            if name in names and isinstance(member, str):
                yield member
            else:
                yield from _members(member, names)
    elif isinstance(value, list):
        for member in value:
            yield from _members(member, names)


def _role(session: "boto3.Session", arn: str) -> Check:
    name = arn.rpartition("/")[2]
    found = _look_up("Role", name, lambda: session.client("iam").get_role(RoleName=name))
    return found if isinstance(found, Check) else Check("Role", "ok", f"{name} exists")


def _image(session: "boto3.Session", account: str, uri: str) -> Check:
    parts = _IMAGE.fullmatch(uri)
    if parts is None or parts["account"] != account:
        return Check("Image", "ok", f"{uri} is another account's, so it is taken as it is")
    image: ImageIdentifierTypeDef = {"imageTag": parts["tag"] or "latest"}
    if parts["digest"]:
        image = {"imageDigest": parts["digest"]}
    ecr, repository = session.client("ecr"), parts["repository"]
    found = _look_up("Image", uri, lambda: ecr.describe_images(repositoryName=repository, imageIds=[image]))
    return found if isinstance(found, Check) else Check("Image", "ok", f"{uri} exists")


def _key(session: "boto3.Session", arn: str) -> Check:
    name = arn.rpartition("/")[2]
    found = _look_up("Key", name, lambda: session.client("kms").describe_key(KeyId=arn)["KeyMetadata"])
    if isinstance(found, Check):
        return found
    state = found.get("KeyState", "Enabled")
    if state != "Enabled":
        return Check("Key", "problem", f"{name} is {state}", "Enable it: no job can read or write data.")
    return Check("Key", "ok", f"{name} is enabled")


def _look_up(subject: str, name: str, look: Callable[[], Answer]) -> Answer | Check:
    """What AWS says of a thing, or a check that says why it says nothing."""
    from botocore.exceptions import ClientError

    try:
        return look()
    except ClientError as error:
        if error.response["Error"]["Code"] in _GONE:
            return Check(subject, "problem", f"{name} does not exist", AGAIN)
        return refused(subject, error)
