"""mosec with its batching: up to 64 requests that come within a millisecond; ONNX Runtime."""

from typing import Any

import numpy as np
from mosec import Server, Worker  # type: ignore[import-not-found,unused-ignore]


class Predictor(Worker):  # type: ignore[misc,unused-ignore]
    """One process."""

    resp_mime_type = "text/csv"

    def __init__(self) -> None:
        super().__init__()
        from benchmarks.serving.peers import quick

        self._quick = quick

    def deserialize(self, data: bytes) -> Any:
        """The rows of one request."""
        return self._quick.rows(data)

    def forward(self, data: list[Any]) -> list[Any]:
        """Predict the rows of all requests at once."""
        predicted = self._quick.predict(np.concatenate(data))
        ends = np.cumsum([len(rows) for rows in data])
        return np.split(predicted, ends[:-1])

    def serialize(self, data: Any) -> bytes:
        """One number a line."""
        return self._quick.text(data)


if __name__ == "__main__":
    server = Server()
    server.append_worker(Predictor, num=2, max_batch_size=64, max_wait_time=1, route="/invocations")
    server.run()
