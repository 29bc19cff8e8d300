"""granian by its own interface RSGI, without a framework; ONNX Runtime."""

from typing import Any

from benchmarks.serving.peers import quick

_HEADERS = [("content-type", "text/csv")]


async def app(scope: Any, protocol: Any) -> None:
    """Predict, or answer /ping."""
    if scope.path == "/ping":
        protocol.response_empty(200, [])
        return
    protocol.response_bytes(200, _HEADERS, quick.answer(await protocol()))
