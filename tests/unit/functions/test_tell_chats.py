"""Chats: what is posted, where, and what is not."""

import http.server
import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tell.channels import NotPosted, Webhook
from tell.messages import Notice

NOTICE = Notice("1", "flights: version 5 waits", "größer ☃")


class Server(http.server.ThreadingHTTPServer):
    """A chat that answers with a status."""

    status = 200
    got: list[tuple[str, str, Any]]


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.path, self.headers["Content-Type"], json.loads(content)))
        self.send_response(self.server.status)
        if self.server.status == 302:
            self.send_header("Location", f"http://127.0.0.1:{self.server.server_port}/elsewhere")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def chat() -> Iterator[Server]:
    server = Server(("127.0.0.1", 0), Handler)
    server.got = []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


class Secrets:
    """Secrets Manager with one secret."""

    def __init__(self, address: str) -> None:
        self.address = address

    def get_secret_value(self, *, SecretId: str) -> Any:
        assert SecretId == "flights-chat"
        return {"SecretString": self.address}


def post(address: str) -> None:
    Webhook(Secrets(address), "flights-chat").post(NOTICE)


def test_a_notice_is_posted_as_json_with_a_text(chat: Server) -> None:
    post(f"http://127.0.0.1:{chat.server_port}/hooks/abc?thread=1\n")
    ((path, kind, content),) = chat.got
    assert path == "/hooks/abc?thread=1"
    assert kind.startswith("application/json")
    assert content == {"text": "flights: version 5 waits\n\ngrößer ☃"}


@pytest.mark.parametrize("status", [302, 404, 500])
def test_any_other_answer_is_tried_again_and_no_redirect_followed(chat: Server, status: int) -> None:
    chat.status = status
    with pytest.raises(NotPosted, match=f"the secret flights-chat answered {status}"):
        post(f"http://127.0.0.1:{chat.server_port}/hook")
    assert len(chat.got) == 1


@pytest.mark.parametrize(
    "address",
    [
        "http://chat.example.com/secret-path",
        "ftp://127.0.0.1/secret-path",
        "secret-path",
        "",
        "https://[secret-path",
        "https://127.0.0.1:secret-path/",
        "http://127.0.0.1@chat.example.com/secret-path",
    ],
)
def test_no_other_address_is_called_and_none_is_shown(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket, "create_connection", refuse)
    with pytest.raises(NotPosted) as refused:
        post(address)
    assert "secret-path" not in str(refused.value)


def test_a_chat_that_is_not_there(chat: Server) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(NotPosted, match="cannot be called: ConnectionRefusedError"):
        post(f"http://127.0.0.1:{port}/hook")
