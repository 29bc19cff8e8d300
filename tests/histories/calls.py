"""Which calls of AWS the code of a function can make, as far as its text says so."""

import ast
from collections.abc import Iterator
from pathlib import Path

from botocore import xform_name
from botocore.session import get_session

FUNCTIONS = Path(__file__).resolve().parents[2] / "lambda"
# How the clients are called in the code, and the services that they are of.
CLIENTS = {name: name for name in ("dynamodb", "sqs", "s3", "sagemaker", "events", "sns", "kms")} | {
    "cloudformation": "cloudformation",
    "cloudwatch": "cloudwatch",
    "secrets": "secretsmanager",
}
PAGES, CLIENT = "get_paginator", "client"


def written_calls(package: str) -> set[str]:
    """`service:Operation` of each call that stands in the modules of a function's package."""
    found: set[str] = set()
    for path in sorted((FUNCTIONS / package).glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                found |= set(_called(node))
    return found


def asked_clients(package: str) -> set[str]:
    """The services of the clients that a function's package makes."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in (FUNCTIONS / package).glob("*.py"))
    calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    return {
        argument.value
        for call in calls
        if _name(call.func) == CLIENT
        for argument in call.args
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    }


def _called(call: ast.Call) -> Iterator[str]:
    if not isinstance(call.func, ast.Attribute):
        return
    service = CLIENTS.get(_name(call.func.value).removeprefix("_"))
    if service is None:
        return
    method = call.func.attr
    if method == PAGES and call.args and isinstance(call.args[0], ast.Constant):
        method = str(call.args[0].value)
    names = get_session().get_service_model(service).operation_names
    yield from (f"{service}:{name}" for name in names if xform_name(name) == method)


def _name(node: ast.expr) -> str:
    match node:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
        case _:
            return ""
