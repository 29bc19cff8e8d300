"""Arrays of numbers by name, as bytes: numpy's npz, which can hold objects but is not let here."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


def packed(arrays: Mapping[str, Array]) -> bytes:
    """The same bytes for the same arrays; ValueError for an array of objects."""
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **arrays)
    return file.getvalue()


def unpacked(content: bytes) -> dict[str, Array]:
    """What `packed` packed; ValueError for anything else."""
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return dict(arrays)


def numbered(name: str, arrays: Sequence[Array]) -> dict[str, Array]:
    """A list of arrays under names that end in their places."""
    return {f"{name}_{place}": array for place, array in enumerate(arrays)}


def listed(name: str, arrays: Mapping[str, Array]) -> list[Array]:
    """What `numbered` numbered."""
    found: list[Array] = []
    while f"{name}_{len(found)}" in arrays:
        found.append(arrays[f"{name}_{len(found)}"])
    return found
