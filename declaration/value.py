"""How the types of a declaration are made: frozen, strict, refused with one sentence per problem."""

import functools
from collections.abc import Callable, Iterator
from typing import Any, Protocol, TypeVar, dataclass_transform, runtime_checkable

from pydantic import ConfigDict, Field, ValidationError
from pydantic.dataclasses import dataclass as pydantic_dataclass

from declaration.errors import DeclarationError, Problem
from declaration.explain import problems_of

T = TypeVar("T")

# Strict: "500" is not 500, and True is not 1. A declaration is Python, so nothing has to be coerced.
_CONFIG = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)


@runtime_checkable
class CrossChecked(Protocol):
    """A declared type whose fields must also fit each other."""

    def problems(self) -> Iterator[Problem]:
        """Every way in which the fields, each valid alone, do not fit each other."""


@dataclass_transform(frozen_default=True, field_specifiers=(Field,))
def declared(cls: type[T]) -> type[T]:
    """Make a class a frozen dataclass that raises DeclarationError with all its problems."""
    built: Any = pydantic_dataclass(frozen=True, config=_CONFIG)(cls)
    validated: Callable[..., None] = built.__init__

    @functools.wraps(validated)
    def __init__(self: Any, /, *args: Any, **kwargs: Any) -> None:
        try:
            validated(self, *args, **kwargs)
        except ValidationError as error:
            raise DeclarationError(problems_of(built, _label(built, args, kwargs), error)) from None
        problems = tuple(self.problems()) if isinstance(self, CrossChecked) else ()
        if problems:
            raise DeclarationError(problems)

    built.__init__ = __init__
    made: type[T] = built
    return made


def _label(cls: type, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    """How messages call the value: `Gate`, or `Project "flights"` for one that has a name."""
    name = kwargs.get("name", args[0] if args else None) if "name" in cls.__annotations__ else None
    return f'{cls.__name__} "{name}"' if isinstance(name, str) else cls.__name__
