"""What a CloudFormation resource type is to ministack's engine."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from botocore.model import ListShape, Shape, StructureShape

from local.adapter import seams
from local.errors import ApiError
from local.host import AccessDenied
from local.model import operation_model

T = TypeVar("T")
Props = dict[str, Any]
Created = tuple[str, dict[str, Any]]
"""What Ref gives, and what Fn::GetAtt gives."""


@dataclass(frozen=True)
class ResourceType:
    """A resource type; its functions run in a thread of their own and may block or call back over HTTP.

    `create(name, props)` gets the name that the resource has to take if its properties name none.
    `replacing` are the properties whose change makes a new resource; an `update` of None: all of them.
    """

    type: str
    create: Callable[[str, Props], Created]
    delete: Callable[[str, Props], None]
    update: Callable[[str, Props, Props], Created] | None
    replacing: tuple[str, ...]
    tags: bool = True
    name_length: int = 63


def install(types: Iterable[ResourceType]) -> None:
    """Give the types to the engine."""
    known = {type_.type: type_ for type_ in types}
    for name, type_ in known.items():
        seams.provisioners._RESOURCE_HANDLERS[name] = _handlers(type_)
        seams.provisioners._REPLACING_PROPERTIES[name] = type_.replacing
        if type_.tags:
            seams.provisioners._STACK_TAG_PROPERTY[name] = ("Tags", "list")
    run_in_threads(known)


def run_in_threads(types: Iterable[str]) -> None:
    """Let the engine run these types in threads: what they call must not wait for the engine."""
    names, before = frozenset(types), seams.stacks._runs_on_worker_thread
    seams.stacks._runs_on_worker_thread = lambda resource_type: (
        resource_type in names or before(resource_type)
    )


def _handlers(type_: ResourceType) -> dict[str, Any]:
    def create(logical_id: str, props: Props, stack_name: str) -> Created:
        name = seams.provisioners._physical_name(stack_name, logical_id, max_len=type_.name_length)
        return _in_words(lambda: type_.create(name, dict(props)))

    def update(physical_id: str, old: Props, new: Props, _stack_name: str) -> Created:
        if type_.update is None:
            raise ValueError(f"{type_.type} cannot be updated in place.")
        change = type_.update
        return _in_words(lambda: change(physical_id, dict(old), dict(new)))

    def delete(physical_id: str, props: Props) -> None:
        _in_words(lambda: type_.delete(physical_id, dict(props)))

    return {"create": create, "update": update, "delete": delete}


def check_before(type_: str, check: Callable[[Props], None]) -> None:
    """Check the properties before each create of a type of ministack's; the check raises ValueError."""
    handlers = seams.provisioners._RESOURCE_HANDLERS[type_]
    create = handlers["create"]

    def checked(logical_id: str, props: Props, stack_name: str) -> Created:
        check(props)
        made: Created = create(logical_id, props, stack_name)
        return made

    seams.provisioners._RESOURCE_HANDLERS[type_] = handlers | {"create": checked}


def keep_after(type_: str, keep: Callable[[str, Props], None]) -> None:
    """After each create and update of a type of ministack's, let `keep(physical_id, props)` add to it."""
    before = dict(seams.provisioners._RESOURCE_HANDLERS[type_])

    def create(logical_id: str, props: Props, stack_name: str) -> Created:
        made: Created = before["create"](logical_id, props, stack_name)
        keep(made[0], props)
        return made

    def update(physical_id: str, old: Props, new: Props, stack_name: str, logical_id: str) -> Created:
        made: Created = before["update"](physical_id, old, new, stack_name, logical_id)
        keep(made[0], new)
        return made

    seams.provisioners._RESOURCE_HANDLERS[type_] = before | {"create": create, "update": update}


def _in_words(work: Callable[[], T]) -> T:
    try:
        return work()
    except ApiError as error:
        raise ValueError(f"{error.message} (Error Code: {error.code})") from error
    except AccessDenied as error:
        raise ValueError(str(error)) from error


def typed(service: str, operation: str, props: Mapping[str, Any]) -> dict[str, Any]:
    """The properties with the scalar types of the operation's model; in templates "1" and "true" do."""
    shape = operation_model(service, operation).input_shape
    result: dict[str, Any] = _typed(dict(props), shape)
    return result


def _typed(value: Any, shape: Shape | None) -> Any:
    if isinstance(value, Mapping) and isinstance(shape, StructureShape):
        return {key: _typed(item, shape.members.get(key)) for key, item in value.items()}
    if isinstance(value, list) and isinstance(shape, ListShape):
        return [_typed(item, shape.member) for item in value]
    if shape is None or not isinstance(value, str | int | float):
        return value
    if shape.type_name in ("integer", "long"):
        return int(value)
    if shape.type_name in ("float", "double"):
        return float(value)
    if shape.type_name == "boolean":
        return str(value).lower() == "true"
    if shape.type_name == "string":
        return str(value)
    return value


def only(service: str, operation: str, props: Mapping[str, Any]) -> dict[str, Any]:
    """The properties that are members of the operation's request, typed."""
    shape = operation_model(service, operation).input_shape
    members = shape.members if isinstance(shape, StructureShape) else {}
    return typed(service, operation, {key: value for key, value in props.items() if key in members})
