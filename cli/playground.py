"""A page of this machine that tries an API: it takes the calls of the page, and signs them.

The page has no credentials, this server has. So it listens on the loopback address alone, answers only to
its own name (another one that resolves to it is refused), and calls the API for nobody but its page, which
shows a secret that no other page can read.
"""

import secrets
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cli.errors import CommandError, explain
from cli.predictions import MODEL_HEADER, Answer

SECRET_HEADER = "X-Sageloop-Page"  # noqa: S105  the name of a header
HOST = "127.0.0.1"
# What API Gateway takes.
LARGEST_BODY = 10 << 20
# A page waits for nothing; a client that sends half a request is not one.
_TIMEOUT_SECONDS = 30.0
_POLICY = (
    "default-src 'none'; style-src 'nonce-{0}'; script-src 'nonce-{0}'; connect-src 'self'; img-src data:"
)

Ask = Callable[[bytes, Mapping[str, str]], Answer]


class Playground(ThreadingHTTPServer):
    """Serves one page and its calls; `page` gets the secret that its calls must carry, and its nonce."""

    daemon_threads = True

    def __init__(self, port: int, ask: Ask, page: Callable[[str, str], str]) -> None:
        self.secret, self.nonce = secrets.token_urlsafe(), secrets.token_urlsafe()
        self.ask = ask
        self.page = page(self.secret, self.nonce).encode()
        try:
            super().__init__((HOST, port), _Handler)
        except OSError as error:
            raise CommandError(f"Port {port} cannot be used: {error.strerror}.") from error

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://{HOST}:{self.server_port}/"


class _Handler(BaseHTTPRequestHandler):
    server: Playground
    protocol_version = "HTTP/1.1"
    timeout = _TIMEOUT_SECONDS

    def do_GET(self) -> None:
        """The page."""
        if not self._is_addressed():
            return
        if self.path != "/":
            self._refuse(HTTPStatus.NOT_FOUND, "there is only the page at /")
            return
        headers = {"Content-Security-Policy": _POLICY.format(self.server.nonce), "Cache-Control": "no-store"}
        self._send(HTTPStatus.OK, "text/html; charset=utf-8", self.server.page, headers)

    def do_POST(self) -> None:
        """A call of the page's."""
        if not self._is_addressed():
            return
        given = self.headers.get(SECRET_HEADER, "")
        length = self.headers.get("Content-Length", "")
        if self.path != "/predict" or not secrets.compare_digest(given.encode(), self.server.secret.encode()):
            self._refuse(HTTPStatus.FORBIDDEN, "only the page that this server shows may call")
        elif not length.isdecimal() or int(length) > LARGEST_BODY:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the body is larger than 10 MB")
        else:
            self._ask(self.rfile.read(int(length)))

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the page shows what happens."""

    def _ask(self, body: bytes) -> None:
        headers = {name: value for name in ("Content-Type", "Accept") if (value := self.headers.get(name))}
        try:
            answer = self.server.ask(body, headers)
        except Exception as error:
            explained = explain(error)
            if explained is None:
                raise
            self._refuse(HTTPStatus.BAD_GATEWAY, str(explained))
            return
        kind = answer.headers.get("Content-Type", "text/plain")
        model = answer.headers.get(MODEL_HEADER)
        self._send(answer.status, kind, answer.body, {MODEL_HEADER: model} if model else {})

    def _is_addressed(self) -> bool:
        """Whether the request is for this server by its own name; it is refused where not."""
        if self.headers.get("Host") in {f"{name}:{self.server.server_port}" for name in (HOST, "localhost")}:
            return True
        self._refuse(HTTPStatus.FORBIDDEN, "this server answers to its own address alone")
        return False

    def _refuse(self, status: HTTPStatus, message: str) -> None:
        # What was not read of the body would be taken for the next request.
        self.close_connection = True
        self._send(status, "text/plain; charset=utf-8", message.encode(), {"Connection": "close"})

    def _send(self, status: int, kind: str, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        fixed = {"Content-Type": kind, "Content-Length": str(len(body)), "X-Content-Type-Options": "nosniff"}
        for name, value in {**fixed, **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
