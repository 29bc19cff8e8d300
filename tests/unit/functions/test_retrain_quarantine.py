"""Objects that an execution refused leave data/, and nothing else does: on S3 as moto has it."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

import boto3
import pytest
from botocore.stub import Stubber
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from retrain import quarantine
from retrain.faults import Busy
from retrain.quarantine import Quarantine, Rejected

INCOMING, ARTIFACTS, RUN = "incoming", "artifacts", "9k2x1"
INTAKE = f"executions/{RUN}/prepare/intake/intake.json"


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        client = boto3.client("s3")
        for bucket in (INCOMING, ARTIFACTS):
            client.create_bucket(Bucket=bucket)
        client.put_bucket_versioning(Bucket=INCOMING, VersioningConfiguration={"Status": "Enabled"})
        yield client


def make(s3: Any, **more: Any) -> Quarantine:
    return Quarantine(s3, incoming=INCOMING, artifacts=ARTIFACTS, **more)


def put(s3: Any, key: str, body: bytes) -> str:
    etag: str = s3.put_object(Bucket=INCOMING, Key=key, Body=body)["ETag"]
    return etag.strip('"')


def keys(s3: Any) -> list[str]:
    return [each["Key"] for each in s3.list_objects_v2(Bucket=INCOMING).get("Contents", [])]


def test_what_was_refused_is_what_intake_says(s3: Any) -> None:
    assert make(s3).rejected(RUN) == ()
    rejected = [
        {"key": "data/a.csv", "etag": "e", "reason": "no column late"},
        {"key": "data/b.csv", "etag": None, "reason": "empty"},
    ]
    s3.put_object(Bucket=ARTIFACTS, Key=INTAKE, Body=json.dumps({"format": 1, "rejected": rejected}))
    made = make(s3)
    expected = (Rejected("data/a.csv", "e", "no column late"), Rejected("data/b.csv", "", "empty"))
    assert made.rejected(RUN) == expected
    s3.delete_object(Bucket=ARTIFACTS, Key=INTAKE)
    assert made.rejected(RUN) == expected, "read once"
    assert made.rejected("another") == ()


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"rejected": [{"key": 1}]}', b"\xff"])
def test_an_intake_that_cannot_be_read_keeps_nothing_from_starting(s3: Any, body: bytes) -> None:
    s3.put_object(Bucket=ARTIFACTS, Key=INTAKE, Body=body)
    said: list[object] = []
    assert make(s3, report=lambda *what, **_more: said.append(what)).rejected(RUN) == ()
    assert said


def test_an_object_goes_with_the_reason_and_can_be_brought_back(s3: Any) -> None:
    etag = put(s3, "data/2013/ü.csv", b"bad")
    put(s3, "data/good.csv", b"good")
    rejected = Rejected("data/2013/ü.csv", etag, "column „temp“ is 100 % empty\nor nearly")
    assert make(s3).move(rejected, RUN) == ""
    assert keys(s3) == ["data/good.csv", "quarantine/2013/ü.csv"]
    apart = s3.get_object(Bucket=INCOMING, Key="quarantine/2013/ü.csv")
    assert apart["Body"].read() == b"bad"
    assert unquote(apart["Metadata"]["reason"]) == rejected.reason
    assert (apart["Metadata"]["execution"], apart["Metadata"]["etag"]) == (RUN, etag)
    versions = s3.list_object_versions(Bucket=INCOMING, Prefix="data/2013/")
    assert [each["Key"] for each in versions["Versions"]] == ["data/2013/ü.csv"], "nothing is lost"
    assert make(s3).move(rejected, RUN) == "", "once more after a crash"
    assert keys(s3) == ["data/good.csv", "quarantine/2013/ü.csv"]


def test_a_newer_content_stays(s3: Any) -> None:
    etag = put(s3, "data/a.csv", b"bad")
    put(s3, "data/a.csv", b"repaired")
    assert make(s3).move(Rejected("data/a.csv", etag, "bad"), RUN) == ""
    assert keys(s3) == ["data/a.csv"]


def test_what_is_written_while_it_is_moved_stays(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    etag = put(s3, "data/a.csv", b"bad")
    copy = s3.copy_object

    def copy_and_another_writes(**request: Any) -> Any:
        answer = copy(**request)
        put(s3, "data/a.csv", b"repaired")
        return answer

    monkeypatch.setattr(s3, "copy_object", copy_and_another_writes)
    assert make(s3).move(Rejected("data/a.csv", etag, "bad"), RUN) == ""
    assert s3.get_object(Bucket=INCOMING, Key="data/a.csv")["Body"].read() == b"repaired"


@pytest.mark.parametrize(("key", "etag"), [("data/a.csv", ""), ("models/a.csv", "e")])
def test_what_nobody_can_tell_apart_stays(s3: Any, key: str, etag: str) -> None:
    put(s3, key, b"1")
    assert "not known" in make(s3).move(Rejected(key, etag, "bad"), RUN)
    assert keys(s3) == [key]


def stubbed(code: str, status: int) -> tuple[Quarantine, Stubber]:
    client = boto3.client("s3", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
    stub = Stubber(client)
    stub.add_response("list_objects_v2", {"Contents": [{"Key": "data/a.csv", "ETag": '"e"'}]})
    stub.add_client_error("copy_object", code, "because", status)
    return make(client), stub


def test_what_s3_refuses_stays_and_says_why() -> None:
    made, stub = stubbed("InvalidRequest", 400)
    with stub:
        assert made.move(Rejected("data/a.csv", "e", "bad"), RUN) == "InvalidRequest: because"
    made, stub = stubbed("SlowDown", 503)
    with stub, pytest.raises(Busy):
        made.move(Rejected("data/a.csv", "e", "bad"), RUN)


@given(st.text())
def test_any_reason_fits_into_a_header(reason: str) -> None:
    written = quarantine._ascii(reason)
    assert written.isascii()
    assert written.isprintable()
    assert len(written) <= 1000
    assert reason.startswith(unquote(written))
    assert unquote(written) == reason or len(written) > 980
