"""The properties of AWS::SNS::Topic that ministack drops."""

from local.adapter import seams
from local.adapter.cfn.types import Created, Props

TYPE = "AWS::SNS::Topic"
_KEPT = ("KmsMasterKeyId", "SignatureVersion", "TracingConfig")


def complete() -> None:
    """Let topics keep every attribute that a template gives them: they are encrypted, then, as on AWS."""
    before = dict(seams.provisioners._RESOURCE_HANDLERS[TYPE])

    def create(logical_id: str, props: Props, stack_name: str) -> Created:
        made: Created = before["create"](logical_id, props, stack_name)
        _keep(made[0], props)
        return made

    def update(physical_id: str, old: Props, new: Props, stack_name: str, logical_id: str) -> Created:
        made: Created = before["update"](physical_id, old, new, stack_name, logical_id)
        _keep(made[0], new)
        return made

    seams.provisioners._RESOURCE_HANDLERS[TYPE] = before | {"create": create, "update": update}


def _keep(arn: str, props: Props) -> None:
    attributes = seams.sns._topics[arn]["attributes"]
    for name in _KEPT:
        if name in props:
            attributes[name] = props[name]
        else:
            attributes.pop(name, None)
