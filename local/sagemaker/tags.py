"""Tags of every resource that has an ARN."""

from local.errors import ResourceLimitExceeded, ResourceNotFound, ValidationException
from local.sagemaker.context import Context
from local.sagemaker.operations import Answer, Params, operation
from local.sagemaker.pagination import page
from local.sagemaker.store import Record

_LIMIT = 50
"""User tags on one resource (docs.aws.amazon.com/tag-editor/latest/userguide/tagging.html)."""


def set_tags(context: Context, arn: str, tags: list[dict[str, str]] | None) -> None:
    """Give a resource these tags beside those it has; call it in the transaction that makes the resource.

    Raises ValidationException for a key given twice, ResourceLimitExceeded beyond 50 tags.
    """
    if not tags:
        return
    keys = [tag["Key"] for tag in tags]
    if repeated := {key for key in keys if keys.count(key) > 1}:
        raise ValidationException(f"Duplicate tag keys found: {', '.join(sorted(repeated))}.")
    merged = {tag["Key"]: tag["Value"] for tag in [*tags_of(context, arn), *tags]}
    if len(merged) > _LIMIT:
        raise ResourceLimitExceeded(f"The resource {arn} can have no more than {_LIMIT} tags.")
    _write(context, arn, merged)


def tags_of(context: Context, arn: str) -> list[dict[str, str]]:
    """The tags of a resource, by key."""
    record = context.store.get("tags", arn) or {}
    return [{"Key": key, "Value": value} for key, value in sorted(record.items())]


def forget_tags(context: Context, arn: str) -> None:
    """Drop the tags of a resource that is being deleted."""
    context.store.delete("tags", arn)


def _write(context: Context, arn: str, tags: Record) -> None:
    context.store.put("tags", arn, tags)


class Tags:
    """AddTags, ListTags and DeleteTags."""

    def __init__(self, context: Context) -> None:
        self._context = context

    @operation("AddTags")
    def add(self, params: Params) -> Answer:
        """Add tags, or new values for the keys that are there."""
        with self._context.store.transaction():
            self._must_exist(params["ResourceArn"])
            set_tags(self._context, params["ResourceArn"], params["Tags"])
        return {"Tags": tags_of(self._context, params["ResourceArn"])}

    @operation("ListTags")
    def list(self, params: Params) -> Answer:
        """Page through the tags of a resource."""
        self._must_exist(params["ResourceArn"])
        tags, token = page(list(tags_of(self._context, params["ResourceArn"])), params, size=_LIMIT)
        return {"Tags": tags, "NextToken": token}

    @operation("DeleteTags")
    def delete(self, params: Params) -> Answer:
        """Remove the keys named; keys that are not there are no error."""
        with self._context.store.transaction():
            self._must_exist(params["ResourceArn"])
            keep = {
                tag["Key"]: tag["Value"]
                for tag in tags_of(self._context, params["ResourceArn"])
                if tag["Key"] not in params["TagKeys"]
            }
            _write(self._context, params["ResourceArn"], keep)
        return {}

    def _must_exist(self, arn: str) -> None:
        kind, _, name = arn.removeprefix(self._context.arn("", "")[:-1]).partition("/")
        if self._context.store.get(kind, name) is None:
            raise ResourceNotFound(f"The resource {arn} does not exist.")

    def resume(self) -> None:
        """Nothing runs behind tags."""

    def close(self) -> None:
        """Nothing runs behind tags."""
