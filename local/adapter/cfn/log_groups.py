"""The check that CloudWatch Logs makes of the key of a log group."""

from local.adapter import authorization, seams
from local.adapter.cfn.types import Props, check_before

TYPE = "AWS::Logs::LogGroup"


def complete() -> None:
    """Refuse a log group with a key that CloudWatch Logs may not use for it.

    docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
    """
    check_before(TYPE, _check_key)


def _check_key(props: Props) -> None:
    if not (key := props.get("KmsKeyId")):
        return
    region, account = seams.responses.get_region(), seams.responses.get_account_id()
    group = f"arn:aws:logs:{region}:{account}:log-group:{props.get('LogGroupName', '')}"
    arn = authorization.key_arn(key)
    if arn is None or not authorization.logs_may_use_key(arn, group):
        raise ValueError(
            f"The specified KMS key does not exist or is not allowed to be used with Arn '{group}'"
        )
