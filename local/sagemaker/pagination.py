"""Lists: filters, order and pages, as SageMaker's List operations have them."""

import base64
import binascii
import json
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from local.errors import ValidationException
from local.sagemaker.operations import Params
from local.sagemaker.store import Record


def page(records: list[Record], params: Params, size: int = 10) -> tuple[list[Record], str | None]:
    """The page that MaxResults and NextToken ask for, and the token of the next one.

    Without MaxResults a page has 10 records, the default that AWS documents for ListEndpoints. Raises
    ValidationException when the token was not made here.
    """
    start = 0
    if token := params.get("NextToken"):
        try:
            start = int(json.loads(base64.urlsafe_b64decode(token))["start"])
        except (binascii.Error, ValueError, KeyError, TypeError):
            raise ValidationException("Invalid NextToken.") from None
    end = start + int(params.get("MaxResults", size))
    rest = base64.urlsafe_b64encode(json.dumps({"start": end}).encode()).decode()
    return records[start:end], rest if end < len(records) else None


def listed(
    records: Iterable[Record],
    params: Params,
    *,
    name: str,
    order: str = "Descending",
    created: str = "CreationTime",
) -> list[Record]:
    """The records that the usual filters let through, in the order that SortBy and SortOrder ask for.

    Filters: NameContains on member `name`, CreationTimeAfter/Before on member `created`,
    LastModifiedTimeAfter/Before, and StatusEquals is left to the caller. SortBy is CreationTime unless the
    request says Name, Status or LastModifiedTime. `order` is the operation's default.
    """
    sort_by = params.get("SortBy", "CreationTime")
    keys: dict[str, Callable[[Record], Any]] = {
        "Name": lambda record: record[name],
        "Status": lambda record: next((v for k, v in sorted(record.items()) if k.endswith("Status")), ""),
        "LastModifiedTime": lambda record: record.get("LastModifiedTime", record[created]),
    }
    chosen = [record for record in records if _matches(record, params, name, created)]
    chosen.sort(key=lambda record: str(record[name]))
    chosen.sort(
        key=keys.get(sort_by, lambda record: record[created]),
        reverse=params.get("SortOrder", order) == "Descending",
    )
    return chosen


def _matches(record: Record, params: Params, name: str, created: str) -> bool:
    if params.get("NameContains", "").lower() not in str(record[name]).lower():
        return False
    modified = record["LastModifiedTime"] if "LastModifiedTime" in record else record[created]
    for moment, filter_name in (
        (record[created], "CreationTime"),
        (record[created], "Created"),
        (modified, "LastModifiedTime"),
    ):
        after, before = params.get(f"{filter_name}After"), params.get(f"{filter_name}Before")
        if after is not None and moment <= seconds(after):
            return False
        if before is not None and moment >= seconds(before):
            return False
    return True


def seconds(moment: float | str | datetime) -> float:
    """A timestamp of a request as Unix seconds."""
    if isinstance(moment, datetime):
        return moment.timestamp()
    if isinstance(moment, str):
        try:
            return datetime.fromisoformat(moment).timestamp()
        except ValueError:
            raise ValidationException(f"'{moment}' is not a timestamp.") from None
    return float(moment)
