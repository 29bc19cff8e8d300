"""The document of an API tells the truth: what it allows is predicted, what it forbids is refused."""

import json
from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from serve import openapi
from serve.answers import Writer
from serve.codecs import MatrixCodec, TableCodec
from serve.limits import Limits
from serve.negotiation import ARROW, CSV, JSON, LINES, PARQUET, formats
from serve.refusal import Refusal
from tabular.schema import Column, Feature, Ignored, Preparation, Problem, Schema, Split, Type
from tests.unit.containers.image_jobs import Job
from tests.unit.containers.test_evaluate import AUC, prepared

Json = dict[str, Any]
NAMES = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=8)
TYPES: st.SearchStrategy[Type] = st.sampled_from(["number", "integer", "boolean", "category", "datetime"])
PROBLEMS: st.SearchStrategy[Problem] = st.sampled_from(
    ["binary", "multiclass", "regression", "ranking", "forecast"]
)
CLASSES = {"binary": ("no", "yes"), "multiclass": ("a", "b", "c")}


@st.composite
def features(draw: st.DrawFn, name: str) -> Feature:
    kind: Type = draw(TYPES)
    if kind == "category":
        return Feature(name, kind, tuple(draw(st.lists(NAMES, max_size=4, unique=True))))
    if kind in ("number", "integer") and draw(st.booleans()):
        low, high = sorted(draw(st.tuples(*[st.floats(-1e30, 1e30)] * 2)))
        return Feature(name, kind, mean=draw(st.none() | st.just(low)), minimum=low, maximum=high)
    return Feature(name, kind)


@st.composite
def schemas(draw: st.DrawFn) -> Schema:
    """Any schema; its names may look like numbers, commas or quotation marks."""
    target, ignored, *names = draw(st.lists(NAMES, min_size=3, max_size=8, unique_by=str.strip))
    problem: Problem = draw(PROBLEMS)
    columns = tuple(draw(features(name)) for name in names)
    preparation = None
    if draw(st.booleans()):
        asked = tuple(Column(column.name, column.type) for column in columns)
        preparation = Preparation("features:prepare", asked, others=())
    return Schema(
        problem=problem,
        target=target,
        classes=CLASSES.get(problem, ()),
        time=None,
        features=columns,
        ignored=(Ignored(ignored, "it says nothing"),),
        split=Split(1, 1),
        files=(),
        preparation=preparation,
    )


def described(schema: Schema) -> Json:
    return openapi.document(schema, title="Predictions of x", version="0123456789ab")


def checked(document: Json, name: str) -> Draft202012Validator:
    """One of the document's schemas, as a validator."""
    references = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
    return Draft202012Validator(references)


def value(column: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """Any value that the schema of a column allows."""
    kinds = {
        "null": st.none(),
        "boolean": st.booleans(),
        "integer": st.integers(column.get("minimum"), column.get("maximum")),
        "number": st.floats(column.get("minimum"), column.get("maximum")),
        "string": st.datetimes(datetime(1, 1, 2)).map(datetime.isoformat)
        if "pattern" in column
        else st.text(),
    }
    return st.one_of([kinds[kind] for kind in column["type"]])


@st.composite
def requests(draw: st.DrawFn) -> tuple[Schema, Json, Json]:
    """A schema, its document, and a request that the document allows."""
    schema = draw(schemas())
    document = described(schema)
    columns = document["components"]["schemas"]["Row"]["properties"]
    rows = draw(
        st.lists(st.fixed_dictionaries({n: value(c) for n, c in columns.items()}), min_size=1, max_size=4)
    )
    lists = [[row[name] for name in columns] for row in rows]
    layouts: list[Json] = [
        {"instances": rows},
        {"instances": lists},
        {"columns": list(columns), "rows": lists},
    ]
    return schema, document, draw(st.sampled_from(layouts))


def allowed(document: Json, request: Json) -> bool:
    """Whether one of the layouts of JSON bodies allows it."""
    return any(checked(document, name).is_valid(request) for name in ("Instances", "Table"))


def read(schema: Schema, body: str, content_type: str = JSON) -> int:
    """How many rows the server sees in a body; raises Refusal."""
    codec = (TableCodec if schema.preparation else MatrixCodec)(schema, Limits())
    return codec.read(body.encode(), content_type).height


def refused(schema: Schema, request: Json) -> Refusal:
    with pytest.raises(Refusal) as raised:
        read(schema, json.dumps(request))
    return raised.value


@given(schemas())
@settings(max_examples=30, deadline=None)  # the validator takes a while
def test_the_document_is_openapi(schema: Schema) -> None:
    document = described(schema)
    OpenAPIV31SpecValidator(json.loads(json.dumps(document, allow_nan=False))).validate()
    for each in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(each)


@given(requests())
@settings(max_examples=200, deadline=None)
def test_what_the_document_allows_is_read(drawn: tuple[Schema, Json, Json]) -> None:
    schema, document, request = drawn
    assert allowed(document, request)
    sent = request.get("instances", request.get("rows"))
    assert sent is not None
    assert read(schema, json.dumps(request)) == len(sent)


@given(schemas())
def test_its_examples_are_read(schema: Schema) -> None:
    document = described(schema)
    content = document["paths"]["/predict"]["post"]["requestBody"]["content"]
    assert set(content) == {CSV, JSON, LINES, PARQUET, ARROW}
    for content_type in (CSV, JSON, LINES):
        for example in content[content_type]["examples"].values():
            body = example["value"]
            if content_type == JSON:
                assert allowed(document, body)
                body = json.dumps(body)
            assert read(schema, body, content_type) == 1


@given(requests(), st.data())
@settings(max_examples=200, deadline=None)
def test_a_value_of_another_type_is_refused_by_row_and_column(
    drawn: tuple[Schema, Json, Json], data: st.DataObject
) -> None:
    schema, document, request = drawn
    rows = request.get("instances", request.get("rows"))
    assert rows is not None
    row = data.draw(st.integers(0, len(rows) - 1), "row")
    place = data.draw(st.integers(0, len(schema.requested) - 1), "place")
    column = schema.requested[place]
    wrong = {"category": 5, "datetime": 5, "boolean": "true"}.get(column.type, "five")
    rows[row][column.name if isinstance(rows[row], dict) else place] = wrong
    assert not allowed(document, request)
    refusal = refused(schema, request)
    assert (refusal.status, refusal.row, refusal.column) == (HTTPStatus.BAD_REQUEST, row + 1, column.name)
    checked(document, "Refusal").validate(json.loads(refusal.body("0f")))


@given(requests(), st.data())
def test_rows_of_another_shape_are_refused(drawn: tuple[Schema, Json, Json], data: st.DataObject) -> None:
    schema, document, request = drawn
    rows = request.get("instances", request.get("rows"))
    assert rows is not None
    row = data.draw(st.sampled_from(rows), "row")
    match data.draw(st.sampled_from(["more", "less", "none", "members"]), "how"):
        case "more" if isinstance(row, dict):
            row["".join(schema.names) + "?" + schema.ignored[0].name + schema.target] = 1
        case "more":
            row.append(None)
        case "less" if isinstance(row, dict):
            del row[schema.requested[-1].name]
        case "less":
            row.pop()
        case "none":
            rows.clear()
        case _:
            request["more"] = []
    assert not allowed(document, request)
    refusal = refused(schema, request)
    assert (refusal.status, refusal.code) == (HTTPStatus.BAD_REQUEST, "Malformed")


SCHEMA = Schema(
    problem="binary",
    target="late",
    classes=("0", "1"),
    time="when",
    features=(Feature("distance", "number", minimum=80.0, maximum=3000.0, mean=1234.5678),),
    ignored=(),
    split=Split(1, 1),
    files=(),
)


def test_the_other_refusals_are_the_documented_ones() -> None:
    responses = described(SCHEMA)["paths"]["/predict"]["post"]["responses"]
    many = {"instances": [[1.0]] * (Limits().rows + 1)}
    assert not allowed(described(SCHEMA), many)
    seen = {refused(SCHEMA, many).status}
    for content_type, accept in ((b"image/png", b""), (CSV.encode(), b"image/png")):
        with pytest.raises(Refusal) as raised:
            formats(content_type, accept)
        seen.add(raised.value.status)
    assert {str(int(status)) for status in seen} == {"406", "413", "415"} <= set(responses)


@pytest.mark.parametrize(
    ("problem", "predicted", "fits"),
    [
        ("binary", [0.25, 0.75], True),
        ("binary", [1.5], False),
        ("multiclass", [[0.2, 0.3, 0.5]], True),
        ("multiclass", [[0.2, 0.8]], False),
        ("regression", [-3.5, 1e9], True),
        ("forecast", [2.0], True),
        ("ranking", [-0.1], True),
    ],
)
def test_answers_are_as_documented(problem: Problem, predicted: list[Any], fits: bool) -> None:
    schema = Schema(
        problem=problem,
        target="y",
        classes=CLASSES.get(problem, ()),
        time=None,
        features=SCHEMA.features,
        ignored=(),
        split=Split(1, 1),
        files=(),
    )
    answer = json.loads(Writer(schema, "0f").whole(np.array(predicted, dtype=np.float32), JSON))
    assert checked(described(schema), "Predictions").is_valid(answer) is fits


def test_what_training_saw_is_told() -> None:
    column = described(SCHEMA)["components"]["schemas"]["Row"]["properties"]["distance"]
    assert column["description"] == "80 to 3000 in training"
    assert column["examples"] == [1235.0]


def test_an_evaluation_describes_the_model_that_it_judged(trained: Job, job: Job) -> None:
    done = prepared(trained, job).run("evaluate", *AUC, "--project", "flights")
    assert done.returncode == 0, done.stderr
    document = json.loads((job.ml / "processing/output/evaluation/openapi.json").read_text())
    OpenAPIV31SpecValidator(document).validate()
    assert document["info"]["title"] == "Predictions of flights"
    columns = document["components"]["schemas"]["Row"]["properties"]
    assert columns["carrier"]["examples"] == ["AA", "B6", "UA"]
    assert "late" not in columns
