"""`python echo.py`: our server with an echo in the model's place, started as the server is.

What a request costs here is the part that no predictor makes cheaper. It runs on the image's programs.
"""

from serve import worker
from serve.__main__ import main
from serve.batching import Send
from serve.server import Server
from tabular.contract import run

_BODY = b"0.5\n"
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nContent-Length: %d\r\n" % len(_BODY)


class Echo(Server):
    """The server, but for reading and predicting."""

    def invoke(
        self,
        body: bytes,  # noqa: ARG002
        content_type: bytes,  # noqa: ARG002
        accept: bytes,  # noqa: ARG002
        attributes: bytes,  # noqa: ARG002
        send: Send,
    ) -> None:
        """Answer at once."""
        send(_HEAD, _BODY)


if __name__ == "__main__":
    vars(worker)["Server"] = Echo
    run(main, "serving")
