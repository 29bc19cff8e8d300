"""The properties of AWS::S3::Bucket that ministack drops, put through the S3 API."""

from collections.abc import Callable, Mapping
from typing import Any

from local.adapter import seams
from local.adapter.cfn.types import Created, Props, run_in_threads
from local.adapter.host import MinistackHost

TYPE = "AWS::S3::Bucket"


def complete(host: MinistackHost) -> None:
    """Let creates and updates of buckets set every property that our templates have."""
    before = dict(seams.provisioners._RESOURCE_HANDLERS[TYPE])

    def create(logical_id: str, props: Props, stack_name: str) -> Created:
        made: Created = before["create"](logical_id, props, stack_name)
        _apply(host, made[0], {}, props)
        return made

    def update(physical_id: str, old: Props, new: Props, stack_name: str) -> Created:
        made: Created = before["update"](physical_id, old, new, stack_name)
        _apply(host, made[0], old, new)
        return made

    def delete(physical_id: str, props: Props) -> None:
        bucket = seams.s3._buckets.get(physical_id)
        if bucket and bucket.get("objects"):
            raise ValueError(f"The bucket you tried to delete is not empty: {physical_id} (Status Code: 409)")
        before["delete"](physical_id, props)

    seams.provisioners._RESOURCE_HANDLERS[TYPE] = before | {
        "create": create,
        "update": update,
        "delete": delete,
    }
    seams.provisioners._STACK_TAG_PROPERTY[TYPE] = ("Tags", "list")
    run_in_threads([TYPE])


def _apply(host: MinistackHost, name: str, old: Props, new: Props) -> None:
    """Put each property that changed; take away each that was dropped."""
    s3 = host.client("s3")
    for prop, put, take_away in _PROPERTIES:
        if prop in new and new[prop] != old.get(prop):
            put(s3, name, new[prop])
        elif prop in old and prop not in new:
            take_away(s3, name)
    if new.get("Tags"):
        # The aws: tags of CloudFormation cannot come through the API.
        seams.s3._bucket_tags[name] = {tag["Key"]: tag["Value"] for tag in new["Tags"]}


def _encryption(s3: Any, name: str, value: Props) -> None:
    rules = []
    for rule in value["ServerSideEncryptionConfiguration"]:
        asked: dict[str, Any] = {}
        if default := rule.get("ServerSideEncryptionByDefault"):
            asked["ApplyServerSideEncryptionByDefault"] = default
        if "BucketKeyEnabled" in rule:
            asked["BucketKeyEnabled"] = _true(rule["BucketKeyEnabled"])
        rules.append(asked)
    s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": rules})


def _lifecycle(s3: Any, name: str, value: Props) -> None:
    rules = [_lifecycle_rule(rule) for rule in value["Rules"]]
    s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": rules})


def _lifecycle_rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    asked: dict[str, Any] = {"Status": rule["Status"], "Filter": {"Prefix": rule.get("Prefix", "")}}
    if "Id" in rule:
        asked["ID"] = rule["Id"]
    expiration = {
        api: convert(rule[prop])
        for prop, api, convert in (
            ("ExpirationInDays", "Days", int),
            ("ExpirationDate", "Date", str),
            ("ExpiredObjectDeleteMarker", "ExpiredObjectDeleteMarker", _true),
        )
        if prop in rule
    }
    if expiration:
        asked["Expiration"] = expiration
    if days := rule.get("NoncurrentVersionExpirationInDays"):
        asked["NoncurrentVersionExpiration"] = {"NoncurrentDays": int(days)}
    if noncurrent := rule.get("NoncurrentVersionExpiration"):
        asked["NoncurrentVersionExpiration"] = {key: int(item) for key, item in noncurrent.items()}
    if abort := rule.get("AbortIncompleteMultipartUpload"):
        asked["AbortIncompleteMultipartUpload"] = {"DaysAfterInitiation": int(abort["DaysAfterInitiation"])}
    if transitions := rule.get("Transitions"):
        asked["Transitions"] = [
            {"StorageClass": t["StorageClass"], "Days": int(t["TransitionInDays"])} for t in transitions
        ]
    if transitions := rule.get("NoncurrentVersionTransitions"):
        asked["NoncurrentVersionTransitions"] = [
            {"StorageClass": t["StorageClass"], "NoncurrentDays": int(t["TransitionInDays"])}
            for t in transitions
        ]
    return asked


def _logging(s3: Any, name: str, value: Props) -> None:
    enabled = {
        "TargetBucket": value.get("DestinationBucketName", name),
        "TargetPrefix": value.get("LogFilePrefix", ""),
    }
    s3.put_bucket_logging(Bucket=name, BucketLoggingStatus={"LoggingEnabled": enabled})


def _ownership(s3: Any, name: str, value: Props) -> None:
    s3.put_bucket_ownership_controls(Bucket=name, OwnershipControls={"Rules": value["Rules"]})


def _true(value: Any) -> bool:
    return str(value).lower() == "true"


Put = Callable[[Any, str, Props], Any]
TakeAway = Callable[[Any, str], Any]
_PROPERTIES: tuple[tuple[str, Put, TakeAway], ...] = (
    ("BucketEncryption", _encryption, lambda s3, name: s3.delete_bucket_encryption(Bucket=name)),
    ("LifecycleConfiguration", _lifecycle, lambda s3, name: s3.delete_bucket_lifecycle(Bucket=name)),
    (
        "LoggingConfiguration",
        _logging,
        lambda s3, name: s3.put_bucket_logging(Bucket=name, BucketLoggingStatus={}),
    ),
    ("OwnershipControls", _ownership, lambda s3, name: s3.delete_bucket_ownership_controls(Bucket=name)),
)
