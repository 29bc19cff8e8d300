"""Uploads: what becomes of files and directories, and of mistakes."""

import json
from pathlib import Path
from typing import Any

import boto3


def keys(aws: boto3.Session) -> list[str]:
    listed = aws.client("s3").list_objects_v2(Bucket="flights-incoming")
    return [item["Key"] for item in listed.get("Contents", [])]


def test_files_land_below_data(sageloop: Any, flights: boto3.Session, tmp_path: Path) -> None:
    (tmp_path / "2013-01.csv").write_bytes(b"a,b\n1,2\n")
    (tmp_path / "2013-02.csv").write_bytes(b"x" * 20_000_000)  # in several parts
    result = sageloop("upload", "2013-01.csv", "2013-02.csv", "--json")
    assert result.exit_code == 0
    assert keys(flights) == ["data/2013-01.csv", "data/2013-02.csv"]
    assert json.loads(result.stdout)[1] == {
        "file": "2013-02.csv",
        "uri": "s3://flights-incoming/data/2013-02.csv",
        "bytes": 20_000_000,
    }
    assert "20.0 MB" in sageloop("upload", "2013-02.csv").stdout


def test_a_directory_keeps_its_paths(sageloop: Any, flights: boto3.Session, tmp_path: Path) -> None:
    (tmp_path / "months" / "q1").mkdir(parents=True)
    (tmp_path / "months" / "q1" / "jan.csv").write_text("a\n1\n")
    (tmp_path / "months" / "q2.csv").write_text("a\n1\n")
    assert sageloop("upload", "months").exit_code == 0
    assert keys(flights) == ["data/q1/jan.csv", "data/q2.csv"]


def test_mistakes_are_sentences_and_nothing_is_uploaded(
    sageloop: Any, flights: boto3.Session, tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_text("a\n")
    (tmp_path / "other").mkdir()
    (tmp_path / "empty").mkdir()
    (tmp_path / "other" / "a.csv").write_text("a\n")
    assert sageloop("upload").exit_code == 2
    for arguments, sentence in (
        (["a.csv", "nothing.csv"], "There is no file nothing.csv."),
        (["a.csv", "other/a.csv"], "would both become data/a.csv"),
        (["a.csv", "empty"], "Directory empty holds no file."),
    ):
        result = sageloop("upload", *arguments)
        assert result.exit_code == 1
        assert sentence in result.stderr
    assert keys(flights) == []


def test_a_bucket_that_is_gone_is_named(sageloop: Any, flights: boto3.Session, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a\n")
    flights.client("s3").delete_bucket(Bucket="flights-incoming")
    result = sageloop("upload", "a.csv")
    assert result.exit_code == 1
    assert "Bucket flights-incoming does not exist any more" in result.stderr
