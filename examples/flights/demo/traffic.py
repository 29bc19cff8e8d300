"""Requests to the IAM-authorised API: single ones, and a steady open-loop rate in the background."""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import TracebackType

import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

MODEL_HEADER = "X-Amzn-SageMaker-Custom-Attributes"
CSV = {"Content-Type": "text/csv", "Accept": "text/csv"}


@dataclass(frozen=True)
class Answer:
    """One answer of the API; `model` is the start of the model file's sha256, empty if none was named."""

    at: float
    seconds: float
    status: int
    body: bytes
    model: str


class Api:
    """The project's REST API as an AWS client calls it: signed, over a pool of connections."""

    def __init__(
        self, url: str, *, access_key: str, secret_key: str, region: str, connections: int = 16
    ) -> None:
        self._url = url
        self._signer = SigV4Auth(Credentials(access_key, secret_key), "execute-api", region)
        self._pool = urllib3.PoolManager(maxsize=connections, retries=False, timeout=urllib3.Timeout(10))

    def predict(self, rows: str) -> Answer:
        """Send CSV rows; a connection error counts as status 0."""
        request = AWSRequest("POST", self._url, data=rows.encode(), headers=CSV)
        self._signer.add_auth(request)
        began = time.monotonic()
        try:
            reply = self._pool.request("POST", self._url, body=request.data, headers=dict(request.headers))
            status, body, headers = reply.status, reply.data, reply.headers
        except urllib3.exceptions.HTTPError as error:
            status, body, headers = 0, str(error).encode(), urllib3.HTTPHeaderDict()
        attributes = dict(part.partition("=")[::2] for part in headers.get(MODEL_HEADER, "").split(","))
        return Answer(began, time.monotonic() - began, status, body, attributes.get("model", ""))


@dataclass
class SteadyTraffic:
    """Sends one row at a constant rate, whatever the answers do, until the block ends (open loop)."""

    api: Api
    rows: Sequence[str]
    per_second: float
    answers: list[Answer] = field(default_factory=list)

    def __enter__(self) -> SteadyTraffic:
        self._stop = threading.Event()
        self._senders = ThreadPoolExecutor(max_workers=16, thread_name_prefix="traffic")
        self._clock = threading.Thread(target=self._run, daemon=True)
        self._clock.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._clock.join()
        self._senders.shutdown(wait=True)

    def _run(self) -> None:
        began = time.monotonic()
        for number, row in enumerate(itertools.cycle(self.rows)):
            if self._stop.wait(max(0.0, began + number / self.per_second - time.monotonic())):
                return
            self._senders.submit(self._send, row)

    def _send(self, row: str) -> None:
        self.answers.append(self.api.predict(row))

    @property
    def failed(self) -> list[Answer]:
        """Answers that were not 200."""
        return [answer for answer in self.answers if answer.status != 200]

    def models(self) -> Counter[str]:
        """How many answers each model gave."""
        return Counter(answer.model for answer in self.answers if answer.status == 200)
