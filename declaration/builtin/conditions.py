"""Conditions on hyperparameters: `{"objective": ["multi:*"]}` holds for every multiclass objective."""

from collections.abc import Mapping
from fnmatch import fnmatchcase

# Each hyperparameter that is named must be like one of its patterns.
Condition = Mapping[str, tuple[str, ...]]


def holds(condition: Condition | None, values: Mapping[str, object]) -> bool:
    """Whether the hyperparameters meet a condition; none at all is always met."""
    return all(
        any(fnmatchcase(str(values.get(name)), pattern) for pattern in patterns)
        for name, patterns in (condition or {}).items()
    )


def spoken(condition: Condition) -> str:
    """A condition in words: `mode is skipgram or cbow`."""
    return " and ".join(f"{name} is {' or '.join(patterns)}" for name, patterns in condition.items())
