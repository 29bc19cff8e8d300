"""Start, find and stop, without the server: tests/loop has that."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from local import cloud
from local.cloud import Cloud, CloudError


def test_it_needs_nothing_but_the_standard_library() -> None:
    look = "import sys; sys.path.insert(0, '.'); import local.cloud; print('botocore' in sys.modules)"
    run = [sys.executable, "-I", "-S", "-c", look]
    done = subprocess.run(run, capture_output=True, text=True, cwd=cloud.ROOT, check=False)
    assert done.stdout.strip() == "False", done.stderr


def test_the_environment_names_the_cloud_and_hides_the_users_own(tmp_path: Path) -> None:
    running = Cloud(1, "http://127.0.0.1:4000", "000000000000", "eu-west-1", 1.0, tmp_path)
    environment = running.environment()
    assert environment["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4000"
    assert environment["AWS_REGION"] == environment["CDK_DEFAULT_REGION"] == "eu-west-1"
    assert environment["CDK_DOCKER"] == str(cloud.ROOT / "local" / "docker")
    assert environment["CDK_HOME"].startswith(str(tmp_path))


@pytest.mark.parametrize("content", [None, "", "{", "{}", '{"pid": 1}', "[]"])
def test_a_state_without_a_server_is_not_running(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "aws.json").write_text(content)
    assert cloud.running(tmp_path) is None
    assert cloud.processes(tmp_path) == []
    assert not cloud.stop(tmp_path)


def test_a_process_id_that_is_used_again_is_not_the_server(tmp_path: Path) -> None:
    record = {
        "pid": os.getpid(),
        "url": "http://127.0.0.1:1",
        "account": "000000000000",
        "region": "us-east-1",
        "speed": 1.0,
        "state": str(tmp_path),
    }
    (tmp_path / "aws.json").write_text(json.dumps(record))
    assert cloud.running(tmp_path) is None


def test_without_its_environment_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cloud, "PYTHON", tmp_path / "missing")
    with pytest.raises(CloudError, match="make setup"):
        cloud.start(tmp_path / "state")


def test_a_server_that_ends_at_its_start_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failing = tmp_path / "python"
    failing.write_text("#!/bin/sh\necho ministack changed under the embedded AWS\nexit 1\n")
    failing.chmod(0o755)
    monkeypatch.setattr(cloud, "PYTHON", failing)
    with pytest.raises(CloudError, match="ministack changed under the embedded AWS"):
        cloud.start(tmp_path / "state")
    assert cloud.running(tmp_path / "state") is None


def test_its_port_taken_by_another_program_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        record = {
            "pid": 2**22,
            "url": f"http://127.0.0.1:{port}",
            "account": "000000000000",
            "region": "us-east-1",
            "speed": 1.0,
            "state": str(tmp_path),
        }
        (tmp_path / "aws.json").write_text(json.dumps(record))
        with pytest.raises(CloudError, match=f"Port {port}"):
            cloud.start(tmp_path)


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CloudError, match=r"cannot write to .*file/state \(Not a directory\): make room"):
        cloud.start(tmp_path / "file" / "state")


def test_a_full_disk_is_named(tmp_path: Path) -> None:
    start = f"from pathlib import Path; from local import cloud; cloud.start(Path({str(tmp_path)!r}))"
    limited = ["sh", "-c", 'ulimit -f 1; exec "$@"', "sh", sys.executable, "-B", "-c", start]
    done = subprocess.run(limited, capture_output=True, text=True, cwd=cloud.ROOT, check=False)
    assert "cannot write to" in done.stderr
    assert "File too large" in done.stderr
    assert cloud.running(tmp_path) is None
