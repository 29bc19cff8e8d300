"""What ministack's CloudFormation leaves out of Lambda: properties, and the checks that Lambda makes."""

from collections.abc import Callable

from local.adapter import authorization, seams
from local.adapter.cfn.types import Created, Props
from local.adapter.deliveries import LAMBDA, check_queue_reader
from local.host import AccessDenied

TYPE = "AWS::Lambda::Function"
MAPPING = "AWS::Lambda::EventSourceMapping"
# Property of the template, member of the function's configuration.
_KEPT = {
    "DeadLetterConfig": "DeadLetterConfig",
    "VpcConfig": "VpcConfig",
    "KmsKeyArn": "KMSKeyArn",
    "FileSystemConfigs": "FileSystemConfigs",
}


def complete() -> None:
    """Let functions keep every property that our templates have, and check their roles as Lambda does."""
    _check_roles()
    _check_mappings()
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


def _keep(name: str, props: Props) -> None:
    function = seams.lambda_svc._functions[name]
    for prop, member in _KEPT.items():
        if prop in props:
            function["config"][member] = props[prop]
        else:
            function["config"].pop(member, None)
    reserved = props.get("ReservedConcurrentExecutions")
    function["concurrency"] = None if reserved is None else int(reserved)


def _check_roles() -> None:
    """A function whose role Lambda cannot assume is refused."""

    def check(props: Props) -> None:
        try:
            authorization.assume(props["Role"], "check", LAMBDA)
        except AccessDenied as error:
            raise ValueError("The role defined for the function cannot be assumed by Lambda.") from error

    _before(TYPE, check)


def _check_mappings() -> None:
    """A mapping to a queue that the function's role may not read is refused."""

    def check(props: Props) -> None:
        source = props["EventSourceArn"]
        function, config, _ = seams.lambda_svc._get_func_record_for_ref(props["FunctionName"])
        if function and source.split(":")[2] == "sqs":
            try:
                check_queue_reader(config["Role"], source)
            except AccessDenied as error:
                raise ValueError(
                    f"The function execution role does not have permissions to read {source}: {error}"
                ) from error

    _before(MAPPING, check)


def _before(type_: str, check: Callable[[Props], None]) -> None:
    """Check the properties before each create of this type."""
    handlers = seams.provisioners._RESOURCE_HANDLERS[type_]
    create = handlers["create"]

    def checked(logical_id: str, props: Props, stack_name: str) -> Created:
        check(props)
        made: Created = create(logical_id, props, stack_name)
        return made

    seams.provisioners._RESOURCE_HANDLERS[type_] = handlers | {"create": checked}
