"""CloudWatch metric math over one period: arithmetic, comparisons, IF, FILL and the aggregates of a list.

docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
"""

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

Value = float | None
"""A value; None where there is no data, which makes the result of arithmetic None too."""

_BINARY: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Pow: operator.pow,
}
_COMPARE: dict[type[ast.cmpop], Callable[[float, float], bool]] = {
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_AGGREGATES: dict[str, Callable[[list[float]], float]] = {
    "SUM": sum,
    "MAX": max,
    "MIN": min,
    "AVG": lambda values: sum(values) / len(values),
}


class UnknownExpression(ValueError):
    """The expression uses what this evaluator does not know; the text names it."""


def evaluate(returned: str, expressions: Mapping[str, str], values: Mapping[str, Value]) -> Value:
    """The value of the query `returned`: a metric of `values`, or an expression over others."""
    if returned not in expressions:
        return values[returned]
    tree = ast.parse(expressions[returned], mode="eval").body
    return _value(tree, lambda name: evaluate(name, expressions, values))


def _value(node: ast.expr, look_up: Callable[[str], Value]) -> Value:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return float(node.value)
    if isinstance(node, ast.Name):
        return look_up(node.id)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        operand = _value(node.operand, look_up)
        return None if operand is None else -operand
    if isinstance(node, ast.BinOp):
        return _binary(node, look_up)
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in _COMPARE:
        left, right = _value(node.left, look_up), _value(node.comparators[0], look_up)
        if left is None or right is None:
            return None
        return float(_COMPARE[type(node.ops[0])](left, right))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return _call(node.func.id, node.args, look_up)
    raise UnknownExpression(f"The embedded AWS does not know metric math such as {ast.unparse(node)}.")


def _binary(node: ast.BinOp, look_up: Callable[[str], Value]) -> Value:
    left, right = _value(node.left, look_up), _value(node.right, look_up)
    if left is None or right is None:
        return None
    if isinstance(node.op, ast.Div):
        # CloudWatch has no datapoint where the divisor is 0.
        return left / right if right else None
    if type(node.op) not in _BINARY:
        raise UnknownExpression(f"The embedded AWS does not know metric math such as {ast.unparse(node)}.")
    return _BINARY[type(node.op)](left, right)


def _call(name: str, arguments: list[ast.expr], look_up: Callable[[str], Value]) -> Value:
    if name == "FILL" and len(arguments) == 2:
        value = _value(arguments[0], look_up)
        return _value(arguments[1], look_up) if value is None else value
    if name == "IF" and len(arguments) in (2, 3):
        condition = _value(arguments[0], look_up)
        if condition:
            return _value(arguments[1], look_up)
        return _value(arguments[2], look_up) if len(arguments) == 3 else None
    if name in _AGGREGATES and len(arguments) == 1:
        items: Any = arguments[0].elts if isinstance(arguments[0], ast.List) else arguments
        present = [value for value in (_value(item, look_up) for item in items) if value is not None]
        return _AGGREGATES[name](present) if present else None
    raise UnknownExpression(f"The embedded AWS does not know the metric math function {name}.")
