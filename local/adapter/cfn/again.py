"""What the SageMaker types share: creates and deletes that may come twice, waits, and tags."""

import re
import time
from collections.abc import Callable, Mapping
from typing import Any

from local.adapter.cfn.types import Props
from local.adapter.routing import Service
from local.errors import ApiError

POLL_SECONDS = 0.1


def name_of(physical_id: str) -> str:
    """The name at the end of an ARN."""
    return physical_id.rsplit("/", 1)[-1]


def retag(service: Service, arn: str, old: Props, new: Props) -> None:
    """Bring the tags of a resource from the old properties to the new."""
    before = {tag["Key"]: tag["Value"] for tag in old.get("Tags") or []}
    after = {tag["Key"]: tag["Value"] for tag in new.get("Tags") or []}
    if changed := [{"Key": k, "Value": v} for k, v in after.items() if before.get(k) != v]:
        service.call("AddTags", {"ResourceArn": arn, "Tags": changed})
    if dropped := [key for key in before if key not in after]:
        service.call("DeleteTags", {"ResourceArn": arn, "TagKeys": dropped})


def unless_there(service: Service, operation: str, asked: dict[str, Any]) -> None:
    """Create, unless this stack made the resource already, before a restart."""
    try:
        service.call(operation, asked)
    except ApiError as error:
        if not _made_by_this_stack(service, asked, error):
            raise


def _made_by_this_stack(service: Service, asked: Mapping[str, Any], error: ApiError) -> bool:
    """Tell whether the resource that is in the way carries this very stack's tags."""
    mine = {tag["Key"]: tag["Value"] for tag in asked.get("Tags") or []}
    arn = re.search(r"arn:aws:sagemaker:[^\s\"']+[^\s\"'.,]", error.message)
    if arn is None or "aws:cloudformation:stack-id" not in mine:
        return False
    try:
        there = service.call("ListTags", {"ResourceArn": arn[0]})["Tags"]
    except ApiError:
        return False
    theirs = {tag["Key"]: tag["Value"] for tag in there}
    keys = ("aws:cloudformation:stack-id", "aws:cloudformation:logical-id")
    return all(theirs.get(key) == mine.get(key) for key in keys)


def unless_gone(work: Callable[[], Any]) -> None:
    """Do it, unless there is nothing left to do it to: a delete may come twice."""
    try:
        work()
    except ApiError as error:
        if not _is_missing(error):
            raise


def wait_until_gone(describe: Callable[[], Any]) -> None:
    """Return when there is nothing left to describe."""
    while True:
        try:
            describe()
        except ApiError as error:
            if _is_missing(error):
                return
            raise
        time.sleep(POLL_SECONDS)


def _is_missing(error: ApiError) -> bool:
    words = ("could not find", "does not exist", "not found", "recordnotfound")
    return error.code == "ResourceNotFound" or any(word in error.message.lower() for word in words)
