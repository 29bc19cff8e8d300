"""serve: answers /ping and /invocations with the user's functions.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
"""

import os
import signal
import sys
import threading
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from .contract import ClientError
from .handler import BadRequest, Handler, load
from .media import JSON

_MAX_BYTES = 25 * 2**20
"""https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html"""


class Server(ThreadingHTTPServer):
    """One thread for each connection; one call of the user's functions at a time, as in AWS's servers."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, handler: Handler, port: int) -> None:
        super().__init__(("0.0.0.0", port), _Connection)  # noqa: S104 - the container's own network
        self.handler = handler
        self.turn = threading.Lock()


class _Connection(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    # An answer of two packets would wait for the client's acknowledgement of the first.
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """Healthy, as the model is loaded before the server listens."""
        if self.path == "/ping":
            self._reply(200, b"")
        else:
            self._reply(404, f"there is no {self.path}\n".encode())

    def do_POST(self) -> None:
        """Predict."""
        body = self._body()
        if body is None:
            return
        if self.path != "/invocations":
            self._reply(404, f"there is no {self.path}\n".encode())
            return
        content_type = self.headers.get("Content-Type", JSON).partition(";")[0].strip().lower()
        accept = self.headers.get("Accept", "*/*").partition(";")[0].strip()
        if accept in ("", "*/*"):
            accept = os.environ.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", JSON)
        try:
            with self.server.turn:
                answer, written_as = self.server.handler.answer(body, content_type, accept)
        except BadRequest as mistake:
            self._reply(mistake.status, f"{mistake}\n".encode())
        except Exception as error:  # noqa: BLE001 - the user's functions may raise anything
            traceback.print_exc()
            self._reply(500, f"{type(error).__name__}: {error}\n".encode())
        else:
            self._reply(200, answer, written_as)

    def _body(self) -> bytes | None:
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > _MAX_BYTES:
            self.close_connection = True
            self._reply(413 if length.isdigit() else 411, b"a request has a length of at most 25 MB\n")
            return None
        return self.rfile.read(int(length))

    def _reply(self, status: int, body: bytes, written_as: str = "text/plain") -> None:
        self.send_response(status)
        self.send_header("Content-Type", written_as)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:
        """One line for each request that is no health check."""
        if self.path != "/ping":
            print(format % args, flush=True)


def main() -> int:
    """Load the model, then serve until SIGTERM."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        handler = load()
    except ClientError as mistake:
        print(mistake, file=sys.stderr)
        return 1
    Server(handler, int(os.environ.get("SAGEMAKER_BIND_TO_PORT", "8080"))).serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
