"""Predictions: the signed request as a server sees it, and the answers that are no predictions."""

import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import boto3
import pytest


@dataclass
class Api:
    """A server on loopback that keeps what it was sent."""

    status: int = 200
    answer: bytes = b"0.25\n0.75\n"
    url: str = ""
    path: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    kept = Api()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            kept.path, kept.headers = self.path, dict(self.headers.items())
            kept.body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(kept.status)
            self.send_header("X-Amzn-SageMaker-Custom-Attributes", "model=abc123")
            self.end_headers()
            self.wfile.write(kept.answer)

        def log_message(self, *_: Any) -> None:
            """Keep the output of the tests clean."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("AWS_ENDPOINT_URL_EXECUTE_API", f"http://127.0.0.1:{server.server_port}")
    yield kept
    server.shutdown()
    server.server_close()


def test_a_file_is_sent_signed(sageloop: Any, flights: boto3.Session, api: Api, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("1,2\n3,4\n")
    result = sageloop("invoke", "rows.csv")
    assert (result.exit_code, result.stdout) == (0, "0.25\n0.75\n")
    assert "model=abc123" in result.stderr
    assert api.path == "/_aws/execute-api/abc12345/v1/predict"
    assert api.body == b"1,2\n3,4\n"
    assert (api.headers["Content-Type"], api.headers["Accept"]) == ("text/csv", "text/csv")
    assert re.match(
        r"AWS4-HMAC-SHA256 Credential=test/\d{8}/us-east-1/execute-api/aws4_request, ",
        api.headers["Authorization"],
    )


def test_stdin_is_read_and_its_type_guessed(sageloop: Any, flights: boto3.Session, api: Api) -> None:
    assert sageloop("invoke", "-", stdin=' {"instances": [[1]]}').exit_code == 0
    assert api.headers["Content-Type"] == "application/json"
    assert sageloop("invoke", "-", "--json", stdin="1,2").exit_code == 0
    assert (api.headers["Content-Type"], api.headers["Accept"]) == ("text/csv", "application/json")
    assert sageloop("invoke", "-", "--content-type", "text/x", stdin="1,2").exit_code == 0
    assert api.headers["Content-Type"] == "text/x"


@pytest.mark.parametrize(
    ("status", "answer", "sentence"),
    [
        (400, {"code": "bad_row", "message": "row 3 has 2 columns"}, "answered 400: row 3 has 2 columns"),
        (403, {"Message": "not authorized"}, "answered 403: not authorized"),
        (404, "nothing\nhere", "answered 404: nothing here Is a model approved?"),
        (500, [], "answered 500: []"),
    ],
)
def test_a_refusal_is_a_sentence(
    sageloop: Any, flights: boto3.Session, api: Api, status: int, answer: Any, sentence: str
) -> None:
    api.status = status
    api.answer = (answer if isinstance(answer, str) else json.dumps(answer)).encode()
    result = sageloop("invoke", "-", stdin="1,2")
    assert (result.exit_code, result.stdout) == (1, "")
    assert sentence in result.stderr


def test_no_file_and_no_api(sageloop: Any, flights: boto3.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    result = sageloop("invoke", "rows.csv")
    assert (result.exit_code, "rows.csv cannot be read: No such file" in result.stderr) == (1, True)
    monkeypatch.setenv("AWS_ENDPOINT_URL_EXECUTE_API", "http://127.0.0.1:9")
    assert sageloop("invoke", "-", stdin="1").exit_code == 3
