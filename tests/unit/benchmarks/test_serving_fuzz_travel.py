"""What travels through AWS of a request, what came of it, and archives that nobody may unpack."""

import json
from pathlib import Path

import pytest

from benchmarks.serving.load import post
from benchmarks.serving_fuzz import archives
from benchmarks.serving_fuzz.carried import Carried, Door, Outcome
from benchmarks.serving_fuzz.case import CSV, Case, asked
from benchmarks.serving_fuzz.client import Answer
from benchmarks.serving_fuzz.goals import Goal, table
from tabular import artifact


def test_a_request_is_carried_with_its_body_and_the_headers_that_sagemaker_passes_on() -> None:
    case = Case("", post(b"1,2\r\n\r\n3", "text/csv", Accept="text/csv", Content_Encoding="gzip"), None)
    assert Carried.of(case) == Carried({"content-type": "text/csv", "accept": "text/csv"}, b"1,2\r\n\r\n3")


@pytest.mark.parametrize(
    "case",
    [
        asked("a control character", b"1", "text/csv; charset=\x7f", None),
        asked("too long", b"1", "text/csv" + "x" * 5000, None),
        Case("broken", b"POST /invocations HTTP/1.1\r\n\r\n", None, complete=False),
        Case("another path", b"GET /ping HTTP/1.1\r\n\r\n", None),
    ],
    ids=lambda case: case.family,
)
def test_what_no_client_of_aws_can_send_is_not_carried(case: Case) -> None:
    assert Carried.of(case) is None


def test_the_api_takes_a_body_for_text_unless_its_type_is_binary() -> None:
    binary = ("application/x-npy", "image/*")
    text = Carried({"content-type": CSV}, b"\xff,1").through_api(binary)
    assert text == Carried({"accept": "application/json", "content-type": CSV}, "\ufffd,1".encode())
    for media in ("application/x-npy", "image/png"):
        passed = Carried({"content-type": media}, b"\xff").through_api(binary)
        assert passed is not None
        assert passed.body == b"\xff"
    assert Carried({}, b"1").through_api(binary) is None


def test_a_signed_request_is_one_of_http() -> None:
    door = Door(80, "/v1/predict", "x.execute-api.us-east-1.amazonaws.com", "execute-api")
    head, _, body = door.request(Carried({"content-type": CSV}, b"1,2")).partition(b"\r\n\r\n")
    assert body == b"1,2"
    assert head.startswith(b"POST /v1/predict HTTP/1.1\r\n")
    assert b"AWS4-HMAC-SHA256" in head
    assert head.lower().count(b"content-length: 3") == 1


def test_an_outcome_is_the_servers_own_whatever_it_came_through() -> None:
    said = {"code": "BadValue", "message": "row 1", "row": 1}
    direct = Answer(400, json.dumps(said | {"request_id": "a"}).encode())
    wrapped = {"OriginalStatusCode": 400, "OriginalMessage": json.dumps(said | {"request_id": "b"})}
    assert Outcome.of(direct) == Outcome.of(Answer(424, json.dumps(wrapped).encode())) == Outcome(400, said)
    assert Outcome.of(direct) != Outcome.of(Answer(400, json.dumps(said | {"row": 2}).encode()))
    assert Outcome.of(Answer(200, b"0.5\n")) == Outcome(200, b"0.5\n")


def test_no_hurtful_archive_is_unpacked(tmp_path: Path) -> None:
    hurtful = archives.hurtful(tmp_path / "canary")
    assert len(hurtful) >= 20
    for place, (name, archive) in enumerate(hurtful.items()):
        file, inside = tmp_path / f"{place}.tar.gz", tmp_path / str(place)
        file.write_bytes(archive)
        inside.mkdir()
        with pytest.raises(artifact.ArtifactError):
            artifact.extract(file, inside)
        assert not (tmp_path / "canary").exists(), name


def test_the_table_has_each_goal_once_and_says_what_is_missed() -> None:
    goals = [Goal(2, "two", "1", "0", held=False), Goal(1, "one", "0", "0", held=True)]
    shown = table(goals)
    assert list(shown.columns[0].cells) == ["I1", "I2"]
    assert ["missed" in str(cell) for cell in shown.columns[4].cells] == [False, True]
