"""What the API of one model takes and answers, as an OpenAPI 3.1 document made from the model's schema.

The document is strict: each request that its schemas allow is predicted, although the server takes a little
more (columns in another order, a list for each column, columns of the training files that the model does not
use). Parquet and Arrow are said to be tables of the columns of Row, for which there is no schema. The columns
of a row are in `components.schemas.Row.properties`, in the model's order, and `components.schemas.Values`
has them by position.

https://spec.openapis.org/oas/v3.1.0
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions-authtype.html
"""

import json

from serve import openapi_rows as rows
from serve.limits import MOST_ROWS
from serve.negotiation import ARROW, CSV, JSON, LINES, PARQUET
from serve.openapi_rows import ATTRIBUTES, Json
from tabular.schema import Schema

FILE = "openapi.json"
_VARIANT = "x-Amzn-Invoked-Production-Variant"


def document(schema: Schema, *, title: str, version: str) -> Json:
    """The document of a model.

    `version` is what answers of this model carry in their attributes. The address is not known here: who
    shows the document adds `servers`.
    """
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version, "description": _purpose(schema)},
        "paths": {"/predict": {"post": _operation(schema)}},
        "security": [{"awsSigv4": []}],
        "components": {
            "schemas": {
                "Row": rows.row(schema),
                "Values": rows.values(schema),
                "Instances": rows.instances(),
                "Table": rows.table(schema),
                "Predictions": _predictions(schema),
                "Refusal": _REFUSAL,
            },
            "headers": _HEADERS,
            "responses": _refusals(),
            "securitySchemes": {
                "awsSigv4": {
                    "type": "apiKey",
                    "name": "Authorization",
                    "in": "header",
                    "description": "Signature Version 4 for the service execute-api, by a caller whom IAM "
                    "allows execute-api:Invoke on this API",
                    "x-amazon-apigateway-authtype": "awsSigv4",
                }
            },
        },
    }


def _purpose(schema: Schema) -> str:
    return f"Predicts {_meaning(schema)}. Up to {MOST_ROWS:,} rows a call, one prediction for each, in order."


def _meaning(schema: Schema) -> str:
    match schema.problem:
        case "binary":
            return f"the probability that {schema.target} is {schema.classes[-1]}"
        case "multiclass":
            return f"the probability of each of the {len(schema.classes)} classes of {schema.target}"
        case "ranking":
            return "a score by which rows of one group are put in order, the highest first"
        case "forecast":
            return f"{schema.target} of each series at each time"
        case _:
            return schema.target


def _operation(schema: Schema) -> Json:
    example = rows.example(schema)
    header = ",".join(map(rows.cell, example))
    cells = ",".join(rows.cell(value) for value in example.values())
    values = list(example.values())
    named = {str(value) for value in values} & {*example, *schema.unused}
    return {
        "operationId": "predict",
        "summary": f"Predict {schema.target}",
        "requestBody": {
            "required": True,
            "content": {
                JSON: {
                    "schema": {
                        "oneOf": [
                            {"$ref": "#/components/schemas/Instances"},
                            {"$ref": "#/components/schemas/Table"},
                        ]
                    },
                    "examples": {
                        "objects": {"value": {"instances": [example]}},
                        "lists": {"value": {"instances": [values]}},
                        "table": {"value": {"columns": list(example), "rows": [values]}},
                    },
                },
                CSV: {
                    "schema": {"type": "string", "minLength": 1, "description": _CSV},
                    "examples": {
                        "header": {"value": f"{header}\n{cells}\n"},
                        # A row that names columns would be taken for a header.
                        **({} if named else {"positions": {"value": f"{cells}\n"}}),
                    },
                },
                LINES: {
                    "schema": {"type": "string", "minLength": 1, "description": _LINES},
                    "examples": {"objects": {"value": json.dumps(example, ensure_ascii=False) + "\n"}},
                },
                PARQUET: {"schema": {"description": _BINARY}},
                ARROW: {"schema": {"description": _BINARY}},
            },
        },
        "responses": {
            "200": {
                "description": "One prediction for each row, in order, in the format that Accept asks for: "
                "by default that of a request in text. A binary one is given where Accept names it first",
                "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in _HEADERS},
                "content": {
                    JSON: {"schema": {"$ref": "#/components/schemas/Predictions"}},
                    CSV: {"schema": {"type": "string", "description": "A line for each row"}},
                    LINES: {"schema": {"type": "string", "description": "A JSON value for each row"}},
                    PARQUET: {"schema": {"description": _BINARY_ANSWER}},
                    ARROW: {"schema": {"description": _BINARY_ANSWER}},
                },
            },
            **{status: {"$ref": f"#/components/responses/{name}"} for status, (name, _) in _STATUSES.items()},
        },
    }


def _predictions(schema: Schema) -> Json:
    if schema.predict:
        prediction: Json = {"description": "What the project's own predict function answers for a row"}
    elif schema.problem == "multiclass":
        prediction = {**rows.exactly([_PROBABILITY] * len(schema.classes)), "type": "array"}
    elif schema.problem == "binary":
        prediction = _PROBABILITY
    else:
        prediction = {"type": ["number", "null"]}
    classes: Json = {}
    if schema.problem == "multiclass" and not schema.predict:
        classes = {"classes": {"type": "array", "const": list(schema.classes)}}
    return {
        "type": "object",
        "description": _meaning(schema)[:1].upper() + _meaning(schema)[1:],
        "properties": {"predictions": {"type": "array", "items": prediction}, **classes},
        "required": ["predictions", *classes],
    }


_PROBABILITY: Json = {"type": "number", "minimum": 0, "maximum": 1}
_CSV = (
    "UTF-8, with a header in any order, or without one in the model's order; a hole is a missing value. "
    "Columns: see Row"
)
_BINARY = "A table with the columns of Row, in any order"
_BINARY_ANSWER = "A row for each row: the column prediction, or one for each class"
_LINES = "A row a line, as an object (Row) or as a list (Values)"
_REFUSAL: Json = {
    "type": "object",
    "description": "Why a call is refused, in one sentence; rows count from 1",
    "properties": {
        "code": {"type": "string", "examples": ["BadValue", "Malformed", "TooManyRows"]},
        "message": {"type": "string"},
        "request_id": {"type": "string", "description": "Finds the call in the logs"},
        "row": {"type": "integer", "minimum": 1},
        "column": {"type": "string"},
    },
    "required": ["code", "message", "request_id"],
}
_HEADERS: Json = {
    ATTRIBUTES: {
        "description": "model=VERSION, and unseen=COUNT when that many values named a category which "
        "training never saw",
        "schema": {"type": "string"},
    },
    _VARIANT: {"description": "The variant of the endpoint that answered", "schema": {"type": "string"}},
}
# By status: a name for the response, and when it comes.
_STATUSES = {
    "400": ("BadRequest", "The body is no table of the model's columns; the message names row and column"),
    "403": ("Forbidden", "The call is not signed, or IAM does not allow it"),
    "406": ("NotAcceptable", "Accept allows none of the formats"),
    "408": ("TooSlow", "The body took too long to arrive"),
    "413": ("TooLarge", f"The body is larger than 10 MB, or has more than {MOST_ROWS:,} rows"),
    "415": (
        "UnsupportedMediaType",
        f"The Content-Type is none of {CSV}, {JSON}, {LINES}, Parquet and Arrow",
    ),
    "429": ("TooMany", "More calls than are allowed, or than the model takes now: try again shortly"),
    "500": ("Failed", "The prediction failed; the log has the request id"),
    "503": ("Unavailable", "No instance can take the call now: try again shortly"),
    "504": ("TimedOut", "No answer within 29 seconds: send fewer rows"),
}


def _refusals() -> Json:
    content = {JSON: {"schema": {"$ref": "#/components/schemas/Refusal"}}}
    return {name: {"description": when, "content": content} for name, when in _STATUSES.values()}
