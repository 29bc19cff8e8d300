"""DynamoDB's condition expressions, as far as our functions write them.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html
"""

import operator
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

Item = Mapping[str, Any]
Test = Callable[[Item, Mapping[str, Any]], bool]
Operand = Callable[[Item, Mapping[str, Any]], Any]

_TOKEN = re.compile(r"\s*(<>|<=|>=|[=<>(),]|:\w+|#\w+|\w+)")
_COMPARED = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def holds(
    expression: str, item: Item | None, values: Mapping[str, Any], names: Mapping[str, str] | None = None
) -> bool:
    """Whether an item fulfils a condition; an item that is not there has no attributes."""
    for name, meant in (names or {}).items():
        expression = re.sub(rf"{re.escape(name)}\b", meant, expression)
    return _parsed(expression)(item or {}, values)


def plain(value: Mapping[str, Any]) -> Any:
    """An attribute value as Python compares it."""
    ((kind, content),) = value.items()
    match kind:
        case "N":
            return Decimal(content)
        case "NULL":
            return None
        case "L":
            return [plain(member) for member in content]
        case "M":
            return {name: plain(member) for name, member in content.items()}
        case "SS" | "NS" | "BS":
            return frozenset(content)
        case _:
            return content


@lru_cache(maxsize=256)
def _parsed(expression: str) -> Test:
    tokens = _TOKEN.findall(expression)
    if "".join(tokens) != re.sub(r"\s", "", expression):
        raise AssertionError(f"cannot read the condition {expression!r}")
    parser = _Parser(tokens)
    test = parser.either()
    assert not parser.tokens, f"cannot read the condition {expression!r}"
    return test


class _Parser:
    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens

    def either(self) -> Test:
        tests = [self._both()]
        while self._next_is("OR"):
            tests.append(self._both())
        return lambda item, values: any(test(item, values) for test in tests)

    def _both(self) -> Test:
        tests = [self._one()]
        while self._next_is("AND"):
            tests.append(self._one())
        return lambda item, values: all(test(item, values) for test in tests)

    def _one(self) -> Test:
        if self._next_is("NOT"):
            test = self._one()
            return lambda item, values: not test(item, values)
        if self._next_is("("):
            test = self.either()
            self._take(")")
            return test
        match self.tokens[0].lower():
            case "attribute_exists":
                name = self._argument()
                return lambda item, values: name in item
            case "attribute_not_exists":
                name = self._argument()
                return lambda item, values: name not in item
            case _:
                return self._comparison()

    def _comparison(self) -> Test:
        left, compare, right = self._operand(), _COMPARED[self.tokens.pop(0)], self._operand()

        def test(item: Item, values: Mapping[str, Any]) -> bool:
            one, other = left(item, values), right(item, values)
            # A comparison with an attribute that is not there is false, of other types as well.
            return one is not None and other is not None and bool(compare(one, other))

        return test

    def _operand(self) -> Operand:
        token = self.tokens.pop(0)
        if token.startswith(":"):
            return lambda item, values: plain(values[token])
        return lambda item, values: plain(item[token]) if token in item else None

    def _argument(self) -> str:
        self.tokens.pop(0)
        self._take("(")
        name = self.tokens.pop(0)
        self._take(")")
        return name

    def _next_is(self, word: str) -> bool:
        if self.tokens and self.tokens[0].upper() == word:
            self.tokens.pop(0)
            return True
        return False

    def _take(self, word: str) -> None:
        found = self.tokens.pop(0)
        assert found == word, f"{found} stands where {word} should"
