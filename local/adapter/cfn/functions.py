"""What ministack's CloudFormation leaves out of Lambda: properties, and the checks that Lambda makes."""

from typing import Any

from local.adapter import authorization, seams
from local.adapter.cfn.types import Props, check_before, keep_after
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
    _check_requests()
    _check_mappings()
    keep_after(TYPE, _keep)


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
        if refusal := _trace_refusal(props["Role"], props):
            raise ValueError(refusal)

    check_before(TYPE, check)


def _check_requests() -> None:
    """The Lambda API asks the same of a role as CloudFormation does."""
    create, update = seams.lambda_svc._create_function, seams.lambda_svc._update_config

    def checked_create(data: dict[str, Any]) -> Any:
        return _refused(data.get("Role"), data) or create(data)

    def checked_update(name: str, data: dict[str, Any]) -> Any:
        function = seams.lambda_svc._functions.get(name) or {"config": {}}
        return _refused(data.get("Role") or function["config"].get("Role"), data) or update(name, data)

    seams.lambda_svc._create_function = checked_create
    seams.lambda_svc._update_config = checked_update


def _refused(role: str | None, asked: Props) -> Any:
    if role and (refusal := _trace_refusal(role, asked)):
        return seams.responses.error_response_json("InvalidParameterValueException", refusal, 400)
    return None


def _trace_refusal(role: str, asked: Props) -> str:
    """Why a function with this role cannot be traced as asked; empty if it can, or is not to be."""
    if (asked.get("TracingConfig") or {}).get("Mode") != "Active":
        return ""
    for action in ("PutTraceSegments", "PutTelemetryRecords"):
        try:
            authorization.require(role, LAMBDA, f"xray:{action}", "*")
        except AccessDenied:
            return f"The provided execution role does not have permissions to call {action} on XRAY"
    return ""


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
