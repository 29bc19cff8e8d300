"""A chat that notifications go to."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Chat:
    """A server beside the embedded AWS, which takes what is posted to it."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        texts = self.texts

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                texts.append(json.loads(body)["text"])
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    @property
    def address(self) -> str:
        """What belongs into the secret."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/hook"

    def heard(self, *words: str) -> str | None:
        """The first text with these words, if it has come."""
        return next((text for text in self.texts if all(word in text for word in words)), None)

    def close(self) -> None:
        """Stop the server."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
