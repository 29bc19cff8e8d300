"""What the monitoring queue may hold."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.messages import Asked, Labelled, Look, MalformedMessage, look_again, parse


def created(key: str, time: str = "2026-11-01T13:00:00Z") -> str:
    return json.dumps(
        {
            "source": "aws.s3",
            "detail-type": "Object Created",
            "time": time,
            "detail": {"bucket": {"name": "b"}, "object": {"key": key}},
        }
    )


def test_labels_count_by_the_time_of_their_upload() -> None:
    assert parse(created("labels/2026-11.csv")) == Labelled(1_793_538_000)


def test_the_marker_of_a_folder_holds_no_labels() -> None:
    assert parse(created("labels/")) == Look()


def test_a_wish_has_an_id() -> None:
    body = {"source": "sageloop", "detail-type": "Look Requested", "id": "7", "detail": {"who": "arn"}}
    assert parse(json.dumps(body)) == Asked("7")


def test_our_own_looks_come_back_as_they_were_sent() -> None:
    assert parse(look_again(1_700_000_000)) == Look(1_700_000_000)


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("aws.events", "Scheduled Event"),
        ("aws.sagemaker", "SageMaker Model Building Pipeline Execution Status Change"),
    ],
)
def test_what_happened_elsewhere_only_causes_a_look(source: str, kind: str) -> None:
    assert parse(json.dumps({"source": source, "detail-type": kind, "id": "1", "detail": {}})) == Look()


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        "{",
        "{}",
        "[" * 100_000,
        '{"source": "aws.s3", "detail-type": "Object Created", "detail": {}}',
        '{"source": "aws.s3", "detail-type": "Object Created", "time": "2026-11-01T13:00:00Z", "detail": {}}',
        '{"source": "sageloop", "detail-type": "Look Requested"}',
        '{"source": "sageloop", "detail-type": "Look Again", "detail": {"at": "soon"}}',
        created("labels/a.csv", time="yesterday"),
    ],
)
def test_anything_else_is_malformed(body: str) -> None:
    with pytest.raises(MalformedMessage):
        parse(body)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda each: (
            st.lists(each)
            | st.dictionaries(
                st.sampled_from(["source", "detail-type", "detail", "time", "id", "at"]) | st.text(), each
            )
        ),
    )
)
def test_no_json_makes_it_fail(content: object) -> None:
    try:
        parse(json.dumps(content))
    except MalformedMessage as error:
        assert str(error)
