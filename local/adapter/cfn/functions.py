"""What ministack's CloudFormation leaves out of Lambda: properties, and the checks that Lambda makes."""

from local.adapter import authorization, seams
from local.adapter.cfn.types import Created, Props, check_before
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
    """A function whose role Lambda cannot assume is refused, or may not send the traces that it asks for.

    docs.aws.amazon.com/lambda/latest/dg/services-xray.html
    """

    def check(props: Props) -> None:
        try:
            authorization.assume(props["Role"], "check", LAMBDA)
        except AccessDenied as error:
            raise ValueError("The role defined for the function cannot be assumed by Lambda.") from error
        if props.get("TracingConfig", {}).get("Mode") == "Active":
            for action in ("PutTraceSegments", "PutTelemetryRecords"):
                _check_trace(props["Role"], action)

    check_before(TYPE, check)


def _check_trace(role: str, action: str) -> None:
    try:
        authorization.require(role, LAMBDA, f"xray:{action}", "*")
    except AccessDenied as error:
        raise ValueError(
            f"The provided execution role does not have permissions to call {action} on XRAY"
        ) from error


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

    check_before(MAPPING, check)
