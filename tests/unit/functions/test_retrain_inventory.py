"""What lies in data/, on S3 as moto has it."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import boto3
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto import mock_aws

from retrain import inventory
from retrain.inventory import Inventory

INCOMING, ARTIFACTS = "incoming", "artifacts"


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        client = boto3.client("s3")
        for bucket in (INCOMING, ARTIFACTS):
            client.create_bucket(Bucket=bucket)
        yield client


def make(s3: Any, *admitted: str) -> Inventory:
    return Inventory(s3, lambda: frozenset(admitted), incoming=INCOMING, artifacts=ARTIFACTS)


def put(s3: Any, key: str, body: bytes = b"1") -> str:
    etag: str = s3.put_object(Bucket=INCOMING, Key=key, Body=body)["ETag"]
    return etag.strip('"')


def document(s3: Any, uri: str) -> Any:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())


def kept(s3: Any) -> list[str]:
    return [each["Key"] for each in s3.list_objects_v2(Bucket=ARTIFACTS).get("Contents", [])]


def test_nothing_there_is_read_as_ever(s3: Any) -> None:
    put(s3, "data/")
    put(s3, "rows/a.csv")
    found = make(s3).take("")
    assert (found.uri, found.objects, found.new_files) == ("s3://incoming/data/", (), 0)
    make(s3).keep(found)
    assert kept(s3) == []


def test_a_list_that_is_acted_on_is_kept_with_what_the_objects_were(s3: Any) -> None:
    etags = [put(s3, "data/b.csv", b"22"), put(s3, "data/sub/ü.csv", b"1")]
    put(s3, "data/sub/")
    found = make(s3, etags[0], "of something else").take("")
    assert (found.new_files, found.new_bytes) == (2, 3)
    assert kept(s3) == [], "a look alone writes nothing"
    make(s3).keep(found)
    make(s3).keep(found)
    assert found.uri == f"s3://artifacts/inputs/{found.digest}/data.manifest"
    assert document(s3, found.uri) == [{"prefix": "s3://incoming/data/"}, "b.csv", "sub/ü.csv"]
    snapshot = document(s3, found.uri.replace("data.manifest", "snapshot.json"))
    assert {name: snapshot[name] for name in ("format", "bucket", "admitted")} == {
        "format": 1,
        "bucket": INCOMING,
        "admitted": [etags[0]],
    }
    assert [(each["key"], each["etag"], each["size"]) for each in snapshot["objects"]] == [
        ("data/b.csv", etags[0], 2),
        ("data/sub/ü.csv", etags[1], 1),
    ]
    written = datetime.fromisoformat(snapshot["objects"][0]["modified"])
    assert int(written.timestamp()) == found.oldest_new
    assert len(kept(s3)) == 2


def test_only_what_is_not_in_the_last_list_is_new(s3: Any) -> None:
    taken = make(s3)
    put(s3, "data/a.csv")
    put(s3, "data/b.csv")
    first = taken.take("")
    taken.keep(first)
    assert taken.take(first.uri).new_files == 0
    put(s3, "data/b.csv", b"other")
    put(s3, "data/c.csv", b"333")
    second = taken.take(first.uri)
    assert (second.new_files, second.new_bytes) == (2, 8)
    assert second.digest != first.digest
    s3.delete_object(Bucket=INCOMING, Key="data/a.csv")
    taken.keep(second)
    assert taken.take(second.uri).new_files == 0, "what is gone is not new"


@pytest.mark.parametrize("previous", ["", "s3://incoming/data/", "s3://artifacts/inputs/gone/data.manifest"])
def test_without_an_earlier_list_all_is_new(s3: Any, previous: str) -> None:
    put(s3, "data/a.csv")
    assert make(s3).take(previous).new_files == 1


def test_what_a_person_lets_pass_is_new_though_it_has_not_changed(s3: Any) -> None:
    etag = put(s3, "data/refused.csv")
    put(s3, "data/good.csv", b"good")
    first = make(s3).take("")
    make(s3).keep(first)
    released = make(s3, etag).take(first.uri)
    assert released.new_files == 1
    make(s3, etag).keep(released)
    assert make(s3, etag).take(released.uri).new_files == 0


def rewrite(s3: Any, key: str, body: bytes) -> None:
    """Write an object anew until S3 says another time, which has seconds."""
    before = s3.head_object(Bucket=INCOMING, Key=key)["LastModified"]
    while s3.head_object(Bucket=INCOMING, Key=key)["LastModified"] == before:
        put(s3, key, body)


def test_what_was_written_anew_during_a_run_is_new_whatever_it_is_now(s3: Any) -> None:
    taken = make(s3)
    for name in "abc":
        put(s3, f"data/{name}.csv")
    first = taken.take("")
    taken.keep(first)
    assert taken.known(first.uri, ()) == first.uri
    # The run may have read what lay there in between; c was refused by it, and moved away.
    rewrite(s3, "data/b.csv", b"1")
    s3.delete_object(Bucket=INCOMING, Key="data/c.csv")
    known = taken.known(first.uri, {"data/c.csv"})
    snapshot = document(s3, known.replace("data.manifest", "snapshot.json"))
    assert [each["key"] for each in snapshot["objects"]] == ["data/a.csv", "data/c.csv"]
    assert [each.new_files for each in (taken.take(first.uri), taken.take(known))] == [0, 1]
    # What is gone may have been gone when it was to be read.
    known = taken.known(first.uri, ())
    put(s3, "data/c.csv")
    assert taken.take(known).new_files == 2
    second = taken.take(known)
    taken.keep(second)
    assert second.uri != first.uri, "each list says when its objects were written"
    assert taken.known(second.uri, ()) == second.uri


def test_of_what_was_read_as_a_whole_nothing_more_is_known(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    everything = "s3://incoming/data/"
    assert make(s3).known(everything, ()) == everything
    put(s3, "data/a.csv")
    first = make(s3).take("")
    make(s3).keep(first)
    put(s3, "data/b.csv")
    monkeypatch.setattr(inventory, "MOST_OBJECTS", 1)
    assert make(s3).known(first.uri, ()) == first.uri


def test_too_much_to_list_is_read_as_a_whole(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inventory, "MOST_OBJECTS", 3)
    for number in range(3):
        put(s3, f"data/{number}.csv")
    assert make(s3).take("").complete
    put(s3, "data/3.csv")
    found = make(s3).take("")
    assert (found.complete, found.uri) == (False, "s3://incoming/data/")
    make(s3).keep(found)
    assert kept(s3) == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25)
@given(
    before=st.dictionaries(st.sampled_from("abcdef"), st.binary(max_size=3)),
    after=st.dictionaries(st.sampled_from("abcdef"), st.binary(max_size=3)),
)
def test_every_object_is_in_the_list_and_new_if_it_is(
    s3: Any, before: dict[str, bytes], after: dict[str, bytes]
) -> None:
    def hold(contents: dict[str, bytes]) -> None:
        for each in s3.list_objects_v2(Bucket=INCOMING).get("Contents", []):
            s3.delete_object(Bucket=INCOMING, Key=each["Key"])
        for name, body in contents.items():
            put(s3, f"data/{name}", body)

    taken = make(s3)
    hold(before)
    first = taken.take("")
    taken.keep(first)
    hold(after)
    second = taken.take(first.uri)
    assert [each.key for each in second.objects] == sorted(f"data/{name}" for name in after)
    assert second.new_files == sum(before.get(name) != body for name, body in after.items())
