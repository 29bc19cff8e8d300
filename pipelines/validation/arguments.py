"""The arguments of a step against the API operation that they are the request of.

botocore's own validator knows types, members and minima; the model also has enums, patterns and maxima, which
SageMaker enforces and botocore does not.
"""

import difflib
import functools
import re
from collections.abc import Callable, Iterator

from pipelines.validation.model import Shape, shape_of_request
from pipelines.validation.rules import rule_problems
from pipelines.validation.steps import OPERATIONS, Json, Step, has_token, is_expression

Found = Iterator[tuple[str, str]]

_TYPES: dict[str, tuple[type, ...]] = {
    "structure": (dict,),
    "map": (dict,),
    "list": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "timestamp": (str, int, float),
}


def argument_problems(step: Step) -> Iterator[str]:
    """Everything that the API would refuse in a step's request."""
    shape = shape_of_request(step.kind)
    if shape is None:
        return
    # Pipelines gives every job its name at run time.
    arguments = {OPERATIONS[step.kind][1]: {"Get": "Execution.PipelineExecutionId"}, **step.arguments}
    found = list(_value(arguments, shape, ""))
    for path, problem in found or rule_problems(step):
        yield f"Step {step.name!r}, {path.lstrip('.') or 'Arguments'}: {problem}."


def _value(value: Json, shape: Shape, path: str) -> Found:
    if is_expression(value):
        return
    kind = shape.type_name
    # In Python True is an int, in JSON it is not a number.
    if not isinstance(value, _TYPES[kind]) or (isinstance(value, bool) and kind != "boolean"):
        yield path, f"{value!r} is not a {kind}"
        return
    yield from _CHECKS.get(kind, _range)(value, shape, path)


def _structure(value: Json, shape: Shape, path: str) -> Found:
    for name, member in value.items():
        if name in shape.members:
            yield from _value(member, shape.members[name], f"{path}.{name}")
            continue
        close = difflib.get_close_matches(name, shape.members, n=1)
        hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(shape.members)}"
        yield path, f"the member {name!r} does not exist, {hint}"
    for name in shape.required_members:
        if name not in value:
            yield path, f"{name} is missing"


def _map(value: Json, shape: Shape, path: str) -> Found:
    yield from _length(value, shape, path, "entries")
    for key, member in value.items():
        yield from _value(key, shape.key, f"{path}[{key!r}]")
        yield from _value(member, shape.value, f"{path}[{key!r}]")


def _list(value: Json, shape: Shape, path: str) -> Found:
    yield from _length(value, shape, path, "items")
    for index, member in enumerate(value):
        yield from _value(member, shape.member, f"{path}[{index}]")


def _string(value: str, shape: Shape, path: str) -> Found:
    if has_token(value):
        return
    yield from _length(value, shape, path, "characters")
    if shape.enum and value not in shape.enum:
        close = difflib.get_close_matches(value, shape.enum, n=1)
        hint = f"did you mean {close[0]!r}" if close else f"it must be one of {', '.join(shape.enum)}"
        yield path, f"{value!r} is not allowed, {hint}"
    pattern = shape.metadata.get("pattern")
    if pattern and not _fits(pattern, value):
        yield path, f"{value!r} does not match {pattern}"


@functools.cache
def _compiled(pattern: str) -> re.Pattern[str] | None:
    # The patterns are Java's; a few use Unicode classes that Python's re does not know, and are not checked.
    try:
        return re.compile(pattern, re.ASCII)
    except re.error:
        return None


def _fits(pattern: str, value: str) -> bool:
    compiled = _compiled(pattern)
    return compiled is None or compiled.fullmatch(value) is not None


def _length(value: Json, shape: Shape, path: str, unit: str) -> Found:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if (low is not None and len(value) < low) or (high is not None and len(value) > high):
        yield path, f"it has {len(value):,} {unit}, allowed are {_bounds(low, high)}"


def _range(value: Json, shape: Shape, path: str) -> Found:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if (low is not None and value < low) or (high is not None and value > high):
        yield path, f"it is {value:,}, allowed are {_bounds(low, high)}"


def _bounds(low: int | None, high: int | None) -> str:
    return f"{low or 0:,} to {high:,}" if high is not None else f"{low or 0:,} and more"


_CHECKS: dict[str, Callable[[Json, Shape, str], Found]] = {
    "structure": _structure,
    "map": _map,
    "list": _list,
    "string": _string,
}
