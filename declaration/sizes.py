"""Amounts of data as people write them: "50 MB", "2 GB"; a kB has 1,000 bytes."""

import re
from typing import Any

from declaration.errors import Refusal, closest
from declaration.rules import Rule

_UNITS = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_SHAPE = re.compile(r"(\d{1,15})\s*([a-zA-Z]+)")


def bytes_in(text: str) -> int:
    """The bytes that a text such as "50 MB" means; raises Refusal."""
    match = _SHAPE.fullmatch(text.strip())
    if match and match[2] in _UNITS:
        return int(match[1]) * _UNITS[match[2]]
    unit = closest(match[2], _UNITS) if match else None
    fix = f"did you mean '{match[1]} {unit}'" if match and unit else None
    raise Refusal("a size is a whole number and a unit: B, kB, MB, GB or TB", fix)


class SizeRange(Rule):
    """An amount of data between two bounds, kept as it was written."""

    def __init__(self, least: str, most: str) -> None:
        self.least = least
        self.most = most

    @property
    def text(self) -> str:
        """The bounds in words."""
        return f'a size from {self.least} to {self.most}, such as "50 MB"'

    def check(self, value: Any) -> str:
        """The text itself; raises Refusal."""
        size = bytes_in(value)
        if not bytes_in(self.least) <= size <= bytes_in(self.most):
            nearest = self.least if size < bytes_in(self.least) else self.most
            raise Refusal(f"it must be {self.text}", f"the nearest is {nearest!r}")
        return str(value)
