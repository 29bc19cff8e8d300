"""How the parts of the embedded SageMaker declare the operations that they answer."""

from collections.abc import Callable, Iterator
from typing import Any, Protocol, TypeVar

Params = dict[str, Any]
"""The members of a request, checked against the model."""
Answer = dict[str, Any] | None
"""The members of an answer; those that the model does not know are dropped on the way out."""
Handler = Callable[[Params], Answer]

_Method = TypeVar("_Method", bound=Callable[..., Answer])


def operation(*names: str) -> Callable[[_Method], _Method]:
    """Mark the method of a part that answers these operations: `def create(self, params) -> Answer`.

    `{noun}` in a name is the part's `noun`.
    """

    def mark(method: _Method) -> _Method:
        method.__dict__["operations"] = names
        return method

    return mark


class Part(Protocol):
    """A part of the service: it holds methods marked with `@operation`, and what runs behind them."""

    def resume(self) -> None:
        """Take up again, after a restart, what the store says was under way."""

    def close(self) -> None:
        """Stop everything that runs; what is unfinished is taken up by the next `resume`."""


def handlers(part: Part) -> Iterator[tuple[str, Handler]]:
    """The operations of a part with the bound methods that answer them."""
    for name in dir(type(part)):
        for operation_name in getattr(getattr(type(part), name), "operations", ()):
            yield operation_name.format(noun=getattr(part, "noun", "")), getattr(part, name)
