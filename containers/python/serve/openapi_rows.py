"""The rows that a model takes, in the words of JSON Schema: by name, by position, and each column's values.

https://json-schema.org/draft/2020-12/json-schema-validation
"""

import json
from collections.abc import Sequence
from typing import Any

from serve.limits import MOST_ROWS
from tabular.schema import DATETIME, Column, Feature, Schema

Json = dict[str, Any]

ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"
# More would make the document long without telling more.
_MOST_CATEGORIES = 100
# Whole numbers up to here are exact in JSON, which has only doubles.
_EXACT = 2**53
_LARGEST = 3.4028234663852886e38


def instances() -> Json:
    """The layout {"instances": [...]}."""
    return {
        "type": "object",
        "description": "Rows as objects, or as lists of values in the model's order",
        "properties": {
            "instances": {
                "type": "array",
                "minItems": 1,
                "maxItems": MOST_ROWS,
                "anyOf": [
                    {"items": {"$ref": "#/components/schemas/Row"}},
                    {"items": {"$ref": "#/components/schemas/Values"}},
                ],
            }
        },
        "required": ["instances"],
        "additionalProperties": False,
    }


def table(schema: Schema) -> Json:
    """The layout {"columns": [...], "rows": [...]}."""
    names = [column.name for column in schema.requested]
    return {
        "type": "object",
        "description": "The names once, then rows of values in the order of the names; any order will do, "
        "and the model's is shown here",
        "properties": {
            "columns": {**exactly([{"const": name} for name in names]), "type": "array"},
            "rows": {
                "type": "array",
                "minItems": 1,
                "maxItems": MOST_ROWS,
                "items": {"$ref": "#/components/schemas/Values"},
            },
        },
        "required": ["columns", "rows"],
        "additionalProperties": False,
    }


def row(schema: Schema) -> Json:
    """A row as an object."""
    columns = schema.requested
    return {
        "type": "object",
        "description": "A row by the names of its columns; null where a value is not known",
        "properties": {column.name: _column(column) for column in columns},
        "required": [column.name for column in columns],
        "additionalProperties": False,
    }


def values(schema: Schema) -> Json:
    """A row as a list."""
    return {
        "type": "array",
        "description": f"A row by position: {', '.join(column.name for column in schema.requested)}",
        **exactly([_column(column) for column in schema.requested]),
    }


def exactly(items: Sequence[Json]) -> Json:
    """A list of just these."""
    return {"prefixItems": list(items), "items": False, "minItems": len(items), "maxItems": len(items)}


def _column(column: Feature | Column) -> Json:
    """One value; null is a missing one, which every column may have."""
    match column.type:
        case "category":
            return _category(column)
        case "boolean":
            return {"type": ["boolean", "null"], "description": "true or false", "examples": [True, False]}
        case "datetime":
            return {
                "type": ["string", "null"],
                "pattern": DATETIME.replace(r"\d", "[0-9]"),
                "description": "A date, or a date and a time, that exists; without an offset it is UTC",
                "examples": ["2013-04-01T15:00:00Z", "2013-04-01"],
            }
        case "integer":
            low, high = (column.minimum, column.maximum) if isinstance(column, Feature) else (None, None)
            return {
                "type": ["integer", "null"],
                "minimum": min(-_EXACT, round(low or 0)),
                "maximum": max(_EXACT, round(high or 0)),
                **_figures(column, whole=True),
            }
        case _:
            limits = {"minimum": -_LARGEST, "maximum": _LARGEST}
            return {"type": ["number", "null"], **limits, **_figures(column, whole=False)}


def _category(column: Feature | Column) -> Json:
    known = column.categories if isinstance(column, Feature) else ()
    if not known:
        return {"type": ["string", "null"], "description": "Text"}
    more = f"; the first {_MOST_CATEGORIES} are shown" if len(known) > _MOST_CATEGORIES else ""
    return {
        "type": ["string", "null"],
        "description": f"One of {len(known):,} categories{more}. One that training never saw counts as "
        f"missing, and is counted in {ATTRIBUTES}",
        "examples": list(known[:_MOST_CATEGORIES]),
    }


def _figures(column: Feature | Column, *, whole: bool) -> Json:
    """What is known of the values that the model learnt from."""
    if not isinstance(column, Feature) or column.minimum is None or column.maximum is None:
        return {"examples": [0]}
    middle = column.mean if column.mean is not None else (column.minimum + column.maximum) / 2
    return {
        "description": f"{column.minimum:g} to {column.maximum:g} in training",
        "examples": [round(middle) if whole else float(f"{middle:.4g}")],
    }


def example(schema: Schema) -> Json:
    """A row that is predicted, made of typical values."""
    return {column.name: _column(column).get("examples", ["text"])[0] for column in schema.requested}


def cell(value: object) -> str:
    """A value as CSV writes it."""
    text = json.dumps(value) if isinstance(value, bool) else str(value)
    return '"' + text.replace('"', '""') + '"' if any(mark in text for mark in ',"\r\n') else text
