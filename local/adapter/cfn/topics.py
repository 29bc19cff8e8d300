"""The properties of AWS::SNS::Topic that ministack drops."""

from local.adapter import seams
from local.adapter.cfn.types import Props, keep_after

TYPE = "AWS::SNS::Topic"
_KEPT = ("KmsMasterKeyId", "SignatureVersion", "TracingConfig")


def complete() -> None:
    """Let topics keep every attribute that a template gives them: they are encrypted, then, as on AWS."""
    keep_after(TYPE, _keep)


def _keep(arn: str, props: Props) -> None:
    attributes = seams.sns._topics[arn]["attributes"]
    for name in _KEPT:
        if name in props:
            attributes[name] = props[name]
        else:
            attributes.pop(name, None)
