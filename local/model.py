"""Requests and answers checked against botocore's own model of a service, with AWS's messages."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from botocore.loaders import Loader
from botocore.model import (
    ListShape,
    MapShape,
    OperationModel,
    ServiceModel,
    Shape,
    StringShape,
    StructureShape,
)

from local.errors import ApiError, ValidationException

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "boolean": (bool,),
    "timestamp": (int, float, str, datetime),
    "blob": (str, bytes),
    "structure": (Mapping,),
    "map": (Mapping,),
    "list": (list, tuple),
}
# Everything beyond 16 bits, which Java writes as a range of surrogate pairs.
_JAVA_ASTRAL, _ASTRAL = r"\uD800\uDC00-\uDBFF\uDFFF", r"\U00010000-\U0010FFFF"
_TOKEN = re.compile(r"\\p\{(?P<category>\w+)\}|\\.|[\[\]]")
# Unicode categories of Java's regular expressions in Python's terms, to go inside a character class.
_CATEGORIES = {"L": r"\w", "N": r"\d", "Z": r"\s", "M": r"\u0300-\u036f", "Alnum": "a-zA-Z0-9"}


@cache
def service_model(service: str) -> ServiceModel:
    """Botocore's model of a service, by its boto3 name."""
    return ServiceModel(Loader().load_service_model(service, "service-2"), service)


def operation_model(service: str, operation: str) -> OperationModel:
    """The model of an operation; ApiError UnknownOperationException if the service has none of that name."""
    model = service_model(service)
    if operation not in model.operation_names:
        raise ApiError("UnknownOperationException", f"{service} has no operation {operation}.")
    return model.operation_model(operation)


def check_input(
    service: str,
    operation: str,
    params: Mapping[str, Any],
    unknown_until_run: Callable[[Any], bool] = lambda _: False,
) -> dict[str, Any]:
    """The request with its nulls dropped; SerializationException or ValidationException if it is not one.

    Members that the model does not know are refused: a misspelt one must not pass in silence. Values for
    which `unknown_until_run` holds pass wherever they stand.
    """
    shape = operation_model(service, operation).input_shape
    request: dict[str, Any] = _without_nulls(params)
    if shape is None:
        return request
    checker = _Checker(unknown_until_run=unknown_until_run)
    problems = [
        f"Value {shown} failed to satisfy constraint: {rule}"
        for shown, rule in checker.problems(request, shape, "")
    ]
    if problems:
        count = f"{len(problems)} validation error{'s' if len(problems) > 1 else ''} detected: "
        raise ValidationException(count + "; ".join(problems))
    return request


def shape_output(service: str, operation: str, answer: Mapping[str, Any] | None) -> dict[str, Any]:
    """The answer with the members that the model knows, and no others; ApiError if it breaks the model."""
    shape = operation_model(service, operation).output_shape
    if shape is None:
        return {}
    shaped: dict[str, Any] = _shaped(answer or {}, shape)
    for shown, rule in _Checker(complete=False).problems(shaped, shape, ""):
        raise ApiError("InternalFailure", f"{operation} answered with value {shown}: {rule}", status=500)
    return shaped


def _without_nulls(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_without_nulls(item) for item in value]
    return value


def _shaped(value: Any, shape: Shape) -> Any:
    if isinstance(shape, StructureShape):
        members = shape.members.items()
        return {name: _shaped(value[name], member) for name, member in members if value.get(name) is not None}
    if isinstance(shape, ListShape):
        return [_shaped(item, shape.member) for item in value]
    if isinstance(shape, MapShape):
        return {key: _shaped(item, shape.value) for key, item in value.items()}
    return value


@dataclass(frozen=True)
class _Checker:
    """Walks a value along its shape."""

    unknown_until_run: Callable[[Any], bool] = lambda _: False
    complete: bool = True
    """Whether required members must be there; AWS's own answers leave out what is not known yet."""

    def problems(self, value: Any, shape: Shape, path: str) -> Iterator[tuple[str, str]]:
        """(the value and where it is, the rule that it breaks), for the value and everything inside."""
        if self.unknown_until_run(value):
            return
        expected = _TYPES[shape.type_name]
        fits = isinstance(value, expected) and (bool in expected or not isinstance(value, bool))
        if not fits:
            raise ApiError(
                "SerializationException",
                f"{type(value).__name__} value at '{path}' can not be converted to {shape.type_name}",
            )
        yield from ((f"{_shown(value)} at '{path}'", rule) for rule in _broken(value, shape))
        if isinstance(shape, StructureShape):
            yield from self._structure(value, shape, path)
        elif isinstance(shape, ListShape):
            for index, item in enumerate(value, start=1):
                yield from self.problems(item, shape.member, f"{path}.{index}.member")
        elif isinstance(shape, MapShape):
            for key, item in value.items():
                yield from self.problems(key, shape.key, path)
                yield from self.problems(item, shape.value, f"{path}.{key}.member")

    def _structure(
        self, value: Mapping[str, Any], shape: StructureShape, path: str
    ) -> Iterator[tuple[str, str]]:
        if getattr(shape, "is_document_type", False):
            return
        for name in shape.required_members:
            if self.complete and name not in value:
                yield f"null at '{_join(path, name)}'", "Member must not be null"
        for name, item in value.items():
            if name not in shape.members:
                known = ", ".join(shape.members)
                yield f"{_shown(item)} at '{_join(path, name)}'", f"Member must be one of: {known}"
            else:
                yield from self.problems(item, shape.members[name], _join(path, name))


def _broken(value: Any, shape: Shape) -> Iterator[str]:
    rules: Mapping[str, Any] = shape.metadata
    if isinstance(value, int | float):
        size, noun = value, "value"
    elif isinstance(value, str | bytes | list | tuple | Mapping):
        size, noun = len(value), "length"
    else:
        return
    # Botocore keeps the range of a map or list of its own beside it, that of a member in the member.
    if "min" in rules and size < rules["min"]:
        yield f"Member must have {noun} greater than or equal to {rules['min']}"
    if "max" in rules and size > rules["max"]:
        yield f"Member must have {noun} less than or equal to {rules['max']}"
    if isinstance(shape, StringShape) and shape.enum and value not in shape.enum:
        yield f"Member must satisfy enum value set: [{', '.join(shape.enum)}]"
    if "pattern" in rules and isinstance(value, str) and not _pattern(rules["pattern"]).fullmatch(value):
        yield f"Member must satisfy regular expression pattern: {rules['pattern']}"


@cache
def _pattern(java: str) -> re.Pattern[str]:
    """A Java regular expression as Python's; those that Python cannot read at all accept everything."""
    in_class = False

    def python(token: re.Match[str]) -> str:
        nonlocal in_class
        if token["category"]:
            members = _CATEGORIES.get(token["category"], r"\x20-\uffff")
            return members if in_class else f"[{members}]"
        if token[0] in "[]":
            in_class = token[0] == "["
        return token[0]

    try:
        return re.compile(_TOKEN.sub(python, java.replace(_JAVA_ASTRAL, _ASTRAL)))
    except re.error:
        return re.compile(".*", re.DOTALL)


def _join(path: str, name: str) -> str:
    camel = name[:1].lower() + name[1:]
    return f"{path}.{camel}" if path else camel


def _shown(value: Any) -> str:
    text = f"'{value}'" if isinstance(value, str | int | float) else str(value)
    return text if len(text) <= 200 else text[:200] + "…"
