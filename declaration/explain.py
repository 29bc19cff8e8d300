"""Turns what pydantic found into sentences in the user's words."""

import dataclasses
import inspect
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from annotated_types import Ge, Gt, Le
from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from declaration.durations import spoken
from declaration.errors import Problem, Refusal, closest, one_of
from declaration.rules import Rule

_NOUNS = {
    int: "a whole number",
    float: "a number",
    str: "a text",
    bool: "True or False",
    timedelta: "a timedelta",
}
_MAX_SHOWN = 60


def shown(value: object) -> str:
    """A value as the user wrote it, shortened to one line."""
    if isinstance(value, types.FunctionType | type):
        # Their repr has an address, or the module that a user does not know.
        return value.__name__
    text = repr(spoken(value)) if isinstance(value, timedelta) else repr(value)
    return text if len(text) <= _MAX_SHOWN else f"{text[: _MAX_SHOWN - 1]}…"


def problems_of(cls: type, label: str, error: ValidationError) -> Iterator[Problem]:
    """One problem per wrong field of a declared type."""
    told: dict[str, Problem] = {}
    for found in error.errors(include_url=False):
        problem = _problem(cls, label, found)
        # Each member of a union refuses in turn; one sentence speaks for all, best that of a rule.
        if problem.where not in told or _refusal(found):
            told[problem.where] = problem
    for where, problem in told.items():
        # An item of a list says more than the list.
        if not any(other.startswith(f"{where}[") for other in told):
            yield problem


def _refusal(found: ErrorDetails) -> Refusal | None:
    error = found.get("ctx", {}).get("error")
    return error if isinstance(error, Refusal) else None


def _problem(cls: type, label: str, found: ErrorDetails) -> Problem:
    names = _field_names(cls)
    first, *rest = found["loc"]
    if found["type"] == "unexpected_positional_argument":
        return _unnamed(cls, label, names, int(first), found["input"])
    name = names[first] if isinstance(first, int) else first
    if name not in names:
        return _unknown(cls, label, name, names, found["input"])
    annotation = get_type_hints(cls, include_extras=True)[name]
    where = f"{label}, {name}"
    item = rest[:1] if _is_mapping(annotation) else [part for part in rest if isinstance(part, int)][:1]
    if item:
        where = f"{where}[{item[0]!r}]"
        annotation = str if "[key]" in rest else _item(annotation)
    given = "nothing" if found["type"] == "missing" else shown(found["input"])
    refusal = _refusal(found)
    rule = refusal.rule if refusal else f"it must be {allowed(annotation)}"
    fix = refusal.fix if refusal else _match(annotation, found["input"])
    return Problem(where, given, rule, fix or _example(cls, name))


def _field_names(cls: type) -> list[str]:
    """The fields as a call takes them: those by position, then the type's own, then inherited ones."""
    fields = dataclasses.fields(cls)
    own = inspect.get_annotations(cls)
    return [each.name for each in sorted(fields, key=lambda each: (each.kw_only, each.name not in own))]


def _unnamed(cls: type, label: str, names: Sequence[str], index: int, value: object) -> Problem:
    rule = f"{cls.__name__} takes its fields by name: {', '.join(names)}"
    if not names:
        rule = f"{cls.__name__} takes nothing"
    fix = f"write {names[index]}={shown(value)}" if index < len(names) else "leave it out"
    return Problem(f"{label}, value {index + 1}", shown(value), rule, fix)


def _unknown(cls: type, label: str, name: str, names: Sequence[str], value: object) -> Problem:
    match = vars(cls).get("aliases", {}).get(name) or closest(name, names)
    rule = f"{cls.__name__} has no such field, it has {', '.join(names) or 'none'}"
    fix = f"did you mean {match}" if match else f"leave {name} out"
    return Problem(f"{label}, {name}", shown(value), rule, fix)


def allowed(annotation: Any) -> str:
    """What an annotation allows, as a phrase: `a whole number from 1 to 16`."""
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        metadata = list(_constraints(args[1:]))
        rules = [each.text for each in metadata if isinstance(each, Rule)]
        return rules[0] if rules else allowed(args[0]) + _bounds(metadata)
    if origin is Literal:
        return one_of([repr(arg) for arg in args])
    if origin in (Union, types.UnionType):
        # None means that the field may be left out, which is no value to propose.
        return one_of([allowed(arg) for arg in args if arg is not types.NoneType])
    if origin is Callable:
        return "a function"
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return f"a dict of names, each with {allowed(args[1])}"
    if isinstance(origin, type) and issubclass(origin, Sequence):
        return f"a list, each item {allowed(args[0])}"
    return _NOUNS.get(annotation) or f"{annotation.__name__}(...)"


def _constraints(metadata: Sequence[Any]) -> Iterator[Any]:
    for each in metadata:
        yield from each.metadata if isinstance(each, FieldInfo) else [each]


def _bounds(constraints: Sequence[Any]) -> str:
    low: dict[str, Any] = {}
    for each in constraints:
        if isinstance(each, Gt):
            low["greater than"] = each.gt
        if isinstance(each, Ge):
            low["from"] = each.ge
    high = [each.le for each in constraints if isinstance(each, Le)]
    for word, bound in low.items():
        start = f" {word} {bound:,}"
        if not high:
            return start if word == "greater than" else f"{start} up"
        return f"{start} {'to' if word == 'from' else 'and at most'} {high[0]:,}"
    return ""


def _bare(annotation: Any) -> Any:
    return _bare(get_args(annotation)[0]) if get_origin(annotation) is Annotated else annotation


def _is_mapping(annotation: Any) -> bool:
    origin = get_origin(_bare(annotation))
    return isinstance(origin, type) and issubclass(origin, Mapping)


def _item(annotation: Any) -> Any:
    """What a sequence or the values of a mapping may hold."""
    bare = _bare(annotation)
    if get_origin(bare) in (Union, types.UnionType):
        bare = next(_bare(arg) for arg in get_args(bare) if get_args(_bare(arg)))
    return get_args(bare)[-1]


def _match(annotation: Any, given: object) -> str | None:
    if not isinstance(given, str):
        return None
    match = closest(given, _options(annotation))
    if match:
        return f"did you mean {match!r}"
    name = closest(given, [each.__name__ for each in _types(annotation)])
    return f"did you mean {name}(...)" if name else None


def _options(annotation: Any) -> list[str]:
    if get_origin(annotation) is Literal:
        return [arg for arg in get_args(annotation) if isinstance(arg, str)]
    return [option for arg in get_args(annotation) for option in _options(arg)]


def _types(annotation: Any) -> list[type]:
    """The declared types that an annotation allows."""
    if isinstance(annotation, type) and dataclasses.is_dataclass(annotation):
        return [annotation]
    return [found for arg in get_args(annotation) for found in _types(arg)]


def _example(cls: type, name: str) -> str:
    """A value that the field takes, as the user would write it: its example, else its default."""
    info: FieldInfo = vars(cls)["__pydantic_fields__"][name]
    if info.examples:
        return f"write for example {name}={info.examples[0]}"
    default = info.get_default(call_default_factory=True, validated_data={})
    return f"write for example {name}={shown(default)}"
