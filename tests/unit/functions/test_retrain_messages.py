"""The bodies that arrive on the retraining queue."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain.messages import Look, MalformedMessage, Request, Sweep, found_by_list, look_again, parse


def object_created(key: str = "data/2013-01.csv", sequencer: str = "0A", **extra: str) -> str:
    detail = {"bucket": {"name": "incoming"}, "object": {"key": key, "sequencer": sequencer, "size": 1}}
    return json.dumps({"source": "aws.s3", "detail-type": "Object Created", "detail": detail, **extra})


def ours(kind: str, detail: object = None, **extra: str) -> str:
    event = {"source": "sageloop", "detail-type": kind, **extra}
    return json.dumps(event if detail is None else {**event, "detail": detail})


def request(body: str) -> Request:
    found = parse(body)
    assert isinstance(found, Request)
    return found


def test_an_object_is_a_request_and_its_duplicate_the_same_request() -> None:
    first, again = request(object_created(id="1")), request(object_created(id="2"))
    assert first == again
    assert (first.kind, first.reason) == ("data", "s3://incoming/data/2013-01.csv")


def test_the_same_key_written_again_is_another_request() -> None:
    assert parse(object_created(sequencer="0A")) != parse(object_created(sequencer="0B"))


def test_the_marker_of_a_folder_holds_no_data() -> None:
    assert parse(object_created(key="data/2013/")) == Look()


def test_the_schedule_and_a_person_have_kinds_of_their_own() -> None:
    schedule = request(json.dumps({"source": "aws.events", "detail-type": "Scheduled Event", "id": "x"}))
    person = request(ours("Retrain Requested", id="x"))
    assert (schedule.kind, person.kind) == ("schedule", "manual")
    assert schedule.id != person.id


def test_a_person_may_say_why_and_who() -> None:
    detail = {"reason": "new rules", "who": "arn:aws:iam::1:user/ann"}
    named = request(ours("Retrain Requested", detail, id="x"))
    assert (named.reason, named.who) == ("new rules", "arn:aws:iam::1:user/ann")
    assert named.id == request(ours("Retrain Requested", id="x")).id
    assert request(ours("Retrain Requested", {"reason": "", "who": "a"}, id="x")).reason


@pytest.mark.parametrize("kind", ["drift", "quality"])
def test_what_the_monitor_wants_is_a_request_once_a_window(kind: str) -> None:
    detail = {"project": "flights", "kind": kind, "id": f"{kind} w1", "version": 3, "reason": "temp drifts"}
    wanted = request(ours("Retrain Wanted", detail, id="1"))
    assert (wanted.kind, wanted.reason) == (kind, "temp drifts")
    assert wanted == request(ours("Retrain Wanted", detail, id="2"))
    assert wanted.id != request(ours("Retrain Wanted", {**detail, "id": f"{kind} w2"}, id="1")).id


def test_a_replay_is_the_same_request_for_the_same_content() -> None:
    detail = {"key": "data/a.csv", "etag": "e", "size": 1}
    replayed = request(ours("Object Replayed", detail))
    assert replayed.kind == "replay"
    assert replayed == request(ours("Object Replayed", detail))
    assert replayed.id != request(ours("Object Replayed", {**detail, "etag": "f"})).id


def test_the_end_of_an_execution_only_causes_a_look() -> None:
    kind = "SageMaker Model Building Pipeline Execution Status Change"
    assert parse(json.dumps({"source": "aws.sagemaker", "detail-type": kind, "detail": {}})) == Look()


def test_the_sweep_is_what_its_rule_says() -> None:
    assert parse(ours("Sweep")) == Sweep()


def test_what_a_list_finds_is_another_request_each_time() -> None:
    assert found_by_list("d", 1).kind == "data"
    assert found_by_list("d", 1).id != found_by_list("d", 2).id


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
        json.dumps({"source": "aws.events", "detail-type": "Scheduled Event"}),
        ours("Look Again", {"at": "soon"}),
        ours("Retrain Requested"),
        ours("Retrain Requested", {"reason": 1}, id="x"),
        ours("Retrain Wanted", {"kind": "boredom", "id": "1", "reason": "r"}),
        ours("Retrain Wanted", {"kind": "drift", "id": "1"}),
        ours("Object Replayed", {"key": "data/a.csv"}),
        ours("Retrain Started", {"project": "flights"}),
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
    for kind in ("Object Created", "Look Again", "Scheduled Event", "Retrain Wanted", "Sweep", detail):
        body = json.dumps({"source": source, "detail-type": kind, "detail": detail})
        try:
            assert isinstance(parse(body), Look | Request | Sweep)
        except MalformedMessage as error:
            assert str(error)
