"""Mapping templates of API Gateway: what ministack's subset of the language lacks.

#if/#elseif/#else, $context.responseOverride and some of $util; see
docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from local.adapter import seams

_DIRECTIVE = re.compile(r"#\{?(if|elseif|else|end)\}?")
_UNKNOWN = re.compile(r"#(foreach|macro|parse|include|define|evaluate|stop|break)\b")
_OVERRIDE = re.compile(
    r"\s*\$context\.(?:response|request)Override\.((?:status|header|path|querystring)[\w.\-]*)\s*=(.*)",
    re.DOTALL,
)
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda a, b: _text(a) == _text(b),
    "!=": lambda a, b: _text(a) != _text(b),
    ">=": lambda a, b: float(a) >= float(b),
    "<=": lambda a, b: float(a) <= float(b),
    ">": lambda a, b: float(a) > float(b),
    "<": lambda a, b: float(a) < float(b),
}
State = dict[str, Any]


class UnknownTemplate(ValueError):
    """The template uses a directive that the embedded API Gateway does not know; the text names it."""


def install() -> None:
    """Extend ministack's evaluation of references and assignments."""
    set_before, util_before = seams.apigateway._vtl_set, seams.apigateway._vtl_util

    def set_(inner: str, state: State) -> None:
        if override := _OVERRIDE.fullmatch(inner):
            value = seams.apigateway._vtl_value(override[2], state)
            if value is not None:
                state["overrides"][override[1]] = value
        else:
            set_before(inner, state)

    def util(steps: list[tuple[str, str | None]], state: State) -> Any:
        name, arguments = steps[0] if steps else ("", None)
        if name in _UTIL and arguments is not None:
            [argument] = seams.apigateway._vtl_split_args(arguments)
            value = _UTIL[name](seams.apigateway._vtl_value(argument, state))
            for method, given in steps[1:]:
                value = _method(value, method, given, state)
            return value
        return util_before(steps, state)

    seams.apigateway._vtl_set, seams.apigateway._vtl_util = set_, util


def _method(value: Any, name: str, arguments: str | None, state: State) -> Any:
    """A member of a value, or `replaceAll`, the one method of texts that AWS's own templates need."""
    if isinstance(value, str) and name == "replaceAll" and arguments is not None:
        pattern, new = (
            _text(seams.apigateway._vtl_value(each, state))
            for each in seams.apigateway._vtl_split_args(arguments)
        )
        return re.sub(pattern, lambda _: new, value)
    return seams.apigateway._vtl_walk(value, [(name, arguments)], state)


def render(
    template: str, body: str, parameters: Mapping[str, str], context: Mapping[str, Any]
) -> tuple[str, dict[str, Any]]:
    """The rendered text, and the overrides that it assigned ("status": 404, "header.X": …)."""
    if unknown := _UNKNOWN.search(template):
        raise UnknownTemplate(f"The embedded API Gateway does not know #{unknown[1]} in mapping templates.")
    state: State = {
        "vars": {},
        "context": dict(context),
        "body": body,
        "params": dict(parameters),
        "gobbled": False,
        "overrides": {},
    }
    text, _, _ = _render(template, 0, state, active=True)
    return text, state["overrides"]


def _render(text: str, at: int, state: State, *, active: bool) -> tuple[str, int, str]:
    """Render up to the directive that closes this block: (output, where it ends, its name or "")."""
    output = ""
    while True:
        found = _DIRECTIVE.search(text, at)
        piece = text[at : found.start() if found else len(text)]
        if active:
            output += seams.apigateway._vtl_render(piece, state)
        if found is None:
            return output, len(text), ""
        if found[1] != "if":
            return output, found.start(), found[1]
        block, at = _if(text, found.end(), state, active=active)
        output += block


def _if(text: str, at: int, state: State, *, active: bool) -> tuple[str, int]:
    """Render an #if, `at` being behind its name, to behind its #end."""
    output, done, name = "", False, "if"
    while name != "end":
        holds = not done
        if name in ("if", "elseif"):
            at = text.index("(", at)
            close = seams.apigateway._vtl_close_paren(text, at)
            holds = holds and active and _holds(text[at + 1 : close], state)
            at = close + 1
        part, at, name = _render(text, at, state, active=active and holds)
        if not name:
            raise UnknownTemplate("A mapping template has an #if without #end.")
        output, done = output + part, done or holds
        found = _DIRECTIVE.match(text, at)
        at = found.end() if found else at
    return output, at


def _holds(condition: str, state: State) -> bool:
    condition = condition.strip()
    if "||" in condition:
        return any(_holds(part, state) for part in condition.split("||"))
    if "&&" in condition:
        return all(_holds(part, state) for part in condition.split("&&"))
    for sign, compare in _COMPARE.items():
        left, found, right = condition.partition(sign)
        if found:
            return compare(_value(left, state), _value(right, state))
    if condition.startswith("!"):
        return not _holds(condition[1:], state)
    value = _value(condition, state)
    return value is not None and value is not False


def _value(expression: str, state: State) -> Any:
    value = seams.apigateway._vtl_value(expression, state)
    # ministack gives "" where the JSON has nothing; the language gives null.
    return None if value == "" and expression.strip().startswith("$") else value


def _text(value: Any) -> str:
    return str(seams.apigateway._vtl_str(value))


_UTIL: dict[str, Callable[[Any], Any]] = {
    "parseJson": lambda value: json.loads(_text(value)),
    "escapeJavaScript": lambda value: json.dumps(_text(value))[1:-1].replace("'", "\\'"),
}
