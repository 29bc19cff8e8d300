"""Mappings that a frozen declaration can hold."""

from collections.abc import Iterator, Mapping
from typing import TypeVar

T = TypeVar("T")


class FrozenMapping(Mapping[str, T]):
    """A mapping that never changes, so that a declaration with it stays hashable; it is shown as a dict."""

    def __init__(self, items: Mapping[str, T]) -> None:
        self._items = dict(items)

    def __getitem__(self, key: str) -> T:
        return self._items[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __hash__(self) -> int:
        return hash(frozenset(self._items.items()))

    def __repr__(self) -> str:
        return repr(self._items)
