"""The bodies that arrive on the retraining queue."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain.messages import Look, MalformedMessage, Request, look_again, parse


def object_created(key: str = "data/2013-01.csv", sequencer: str = "0A", **extra: str) -> str:
    detail = {"bucket": {"name": "incoming"}, "object": {"key": key, "sequencer": sequencer, "size": 1}}
    return json.dumps({"source": "aws.s3", "detail-type": "Object Created", "detail": detail, **extra})


def test_an_object_is_a_request_and_its_duplicate_the_same_request() -> None:
    first, again = parse(object_created(id="1")), parse(object_created(id="2"))
    assert isinstance(first, Request)
    assert first == again
    assert first.reason == "s3://incoming/data/2013-01.csv"
    assert not first.urgent


def test_the_same_key_written_again_is_another_request() -> None:
    assert parse(object_created(sequencer="0A")) != parse(object_created(sequencer="0B"))


def test_the_marker_of_a_folder_holds_no_data() -> None:
    assert parse(object_created(key="data/2013/")) == Look()


def test_a_schedule_waits_and_a_person_does_not() -> None:
    schedule = parse(json.dumps({"source": "aws.events", "detail-type": "Scheduled Event", "id": "x"}))
    person = parse(json.dumps({"source": "sageloop", "detail-type": "Retrain Requested", "id": "x"}))
    assert isinstance(schedule, Request)
    assert isinstance(person, Request)
    assert (schedule.urgent, person.urgent) == (False, True)
    assert schedule.id != person.id


def test_the_end_of_an_execution_only_causes_a_look() -> None:
    kind = "SageMaker Model Building Pipeline Execution Status Change"
    assert parse(json.dumps({"source": "aws.sagemaker", "detail-type": kind, "detail": {}})) == Look()


@given(at=st.integers())
def test_our_own_look_comes_back_as_it_was_sent(at: int) -> None:
    assert parse(look_again(at)) == Look(at)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "[]",
        "3",
        "null",
        "{}",
        "[" * 100_000,
        json.dumps({"source": "aws.s3", "detail-type": "Object Deleted", "detail": {}}),
        json.dumps({"source": "aws.s3", "detail-type": "Object Created", "detail": {"bucket": 1}}),
        json.dumps({"source": "sageloop", "detail-type": "Look Again", "detail": {"at": "soon"}}),
        json.dumps({"source": "aws.events", "detail-type": "Scheduled Event"}),
    ],
)
def test_anything_else_is_malformed(body: str) -> None:
    with pytest.raises(MalformedMessage):
        parse(body)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(detail=JSON, source=st.sampled_from(["aws.s3", "sageloop", "aws.events"]) | JSON)
def test_no_body_breaks_the_parser(detail: object, source: object) -> None:
    for kind in ("Object Created", "Look Again", "Scheduled Event", detail):
        body = json.dumps({"source": source, "detail-type": kind, "detail": detail})
        try:
            assert isinstance(parse(body), Look | Request)
        except MalformedMessage as error:
            assert str(error)
