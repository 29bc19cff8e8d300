"""The expressions of a pipeline definition: references, Std:Join, Std:JsonGet and conditions."""

import json
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_FUNCTIONS = ("Get", "Std:Join", "Std:JsonGet")
_PART = re.compile(r"\.?([A-Za-z0-9_\-]+)|\[(\d+)\]|\[['\"]([^'\"]+)['\"]\]")
_NAMES = ("OutputName", "InputName", "ChannelName", "MetricName")
_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "Equals": operator.eq,
    "GreaterThan": operator.gt,
    "GreaterThanOrEqualTo": operator.ge,
    "LessThan": operator.lt,
    "LessThanOrEqualTo": operator.le,
}


class ExpressionError(Exception):
    """An expression has no value; the text says which and why."""


@dataclass(frozen=True)
class Scope:
    """What expressions may refer to while an execution runs."""

    parameters: Mapping[str, Any]
    execution: Mapping[str, Any]
    properties: Callable[[str], Mapping[str, Any]]
    """The properties of a step that is done."""
    property_file: Callable[[str, str], str]
    """The text of a property file, by step and name."""
    s3_text: Callable[[str], str]
    """The text of an object, by URI."""


def is_expression(value: Any) -> bool:
    """Whether the value is computed when the pipeline runs."""
    return isinstance(value, Mapping) and len(value) == 1 and next(iter(value)) in _FUNCTIONS


def references(value: Any) -> Iterator[str]:
    """The `Get` paths anywhere inside a value."""
    if isinstance(value, Mapping):
        if set(value) == {"Get"} and isinstance(value["Get"], str):
            yield value["Get"]
        else:
            for item in value.values():
                yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def evaluate(value: Any, scope: Scope) -> Any:
    """The value with what each expression inside stands for; ExpressionError if one has no value."""
    if isinstance(value, list):
        return [evaluate(item, scope) for item in value]
    if not isinstance(value, Mapping):
        return value
    if not is_expression(value):
        return {key: evaluate(item, scope) for key, item in value.items()}
    ((function, argument),) = value.items()
    if function == "Get":
        return _get(argument, scope)
    if function == "Std:Join":
        return argument.get("On", "").join(_text(evaluate(item, scope)) for item in argument["Values"])
    return _json_get(argument, scope)


def holds(condition: Mapping[str, Any], scope: Scope) -> bool:
    """Whether a condition of a Condition step is true; ExpressionError if it cannot be decided."""
    kind = condition["Type"]
    if kind == "Not":
        return not holds(condition["Condition"], scope)
    if kind == "Or":
        return any(holds(item, scope) for item in condition["Conditions"])
    if kind == "In":
        return evaluate(condition["QueryValue"], scope) in evaluate(condition["Values"], scope)
    if kind not in _COMPARISONS:
        raise ExpressionError(f"There is no condition of type {kind}.")
    left, right = evaluate(condition["LeftValue"], scope), evaluate(condition["RightValue"], scope)
    try:
        return _COMPARISONS[kind](left, right)
    except TypeError:
        raise ExpressionError(f"{kind} cannot compare {left!r} with {right!r}.") from None


def look_up(value: Any, path: str) -> Any:
    """Follow a path such as `ProcessingOutputConfig.Outputs['train'].S3Output.S3Uri`.

    A list of named members is addressed by their names, as in the SDK. ExpressionError where it ends nowhere.
    """
    position = 0
    while position < len(path):
        part = _PART.match(path, position)
        if part is None:
            raise ExpressionError(f"{path} is not a path.")
        position = part.end()
        name, index, key = part.groups()
        try:
            value = value[int(index)] if index else _member(value, name or key)
        except (KeyError, IndexError, TypeError):
            raise ExpressionError(f"There is nothing at {part[0]} of {path}.") from None
    return value


def _member(value: Any, name: str) -> Any:
    if isinstance(value, list):
        for item in value:
            if any(item.get(member) == name for member in _NAMES):
                return item
        raise KeyError(name)
    return value[name]


def _get(path: str, scope: Scope) -> Any:
    root, _, rest = path.partition(".")
    if root == "Parameters" and rest in scope.parameters:
        return scope.parameters[rest]
    if root == "Execution" and rest in scope.execution:
        return scope.execution[rest]
    if root == "Steps":
        step, _, inside = rest.partition(".")
        return look_up(scope.properties(step), inside)
    raise ExpressionError(f"There is no {path} in this execution.")


def _json_get(argument: Mapping[str, Any], scope: Scope) -> Any:
    if "S3Uri" in argument:
        source = _text(evaluate(argument["S3Uri"], scope))
        text = scope.s3_text(source)
    else:
        source = argument["PropertyFile"]["Get"]
        _, step, _, name = source.split(".", 3)
        text = scope.property_file(step, name)
    try:
        document = json.loads(text)
    except ValueError:
        raise ExpressionError(f"{source} is not JSON.") from None
    return look_up(document, argument["Path"].removeprefix("$"))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
