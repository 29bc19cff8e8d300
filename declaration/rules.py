"""Checks that stand in a field's annotation and can also say, for a message, what they allow."""

import re
from abc import ABC, abstractmethod
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from declaration.errors import Refusal


class Rule(ABC):
    """A check of one value, after its type."""

    @property
    @abstractmethod
    def text(self) -> str:
        """What is allowed, so that "it must be <text>" is a sentence."""

    @abstractmethod
    def check(self, value: Any) -> Any:
        """The value to keep; raises Refusal."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))


class Matching(Rule):
    """A text of a fixed shape, which `text` describes."""

    def __init__(self, pattern: str, text: str) -> None:
        self.pattern = pattern
        self.described = text

    @property
    def text(self) -> str:
        """The shape in words."""
        return self.described

    def check(self, value: Any) -> str:
        """The text itself; raises Refusal."""
        if re.fullmatch(self.pattern, value):
            return str(value)
        raise Refusal(f"it must be {self.text}", self.likely(value))

    def likely(self, given: str) -> str | None:  # noqa: ARG002 (most shapes know no correction)
        """The likely correction, as the end of the sentence."""
        return None
