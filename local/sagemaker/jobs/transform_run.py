"""The work of a transform job: every object through the model server, its answers into one file each."""

import http.client
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from local.sagemaker.jobs.failure import JobFailed
from local.sagemaker.jobs.transform_records import Processing, RecordError, batches, records
from local.sagemaker.jobs.transform_server import SEE_LOGS, ModelServer
from local.sagemaker.s3 import Location
from local.sagemaker.store import Record

_MB = 2**20
_PAYLOAD_MB, _CONCURRENT = 6, 1
_TIMEOUT_SECONDS, _RETRIES = 600, 3
"""Defaults of InvocationsTimeoutInSeconds and InvocationsMaxRetries (API_ModelClientConfig)."""
_AGAIN_SECONDS = 0.1

Source = tuple[Location, str]
"""An object of the input, and its path below the input prefix."""


class RequestFailed(Exception):
    """A mini-batch has no usable answer: the text is for the log, `blame` ClientError or AlgorithmError."""

    def __init__(self, blame: str, text: str) -> None:
        super().__init__(text)
        self.blame = blame


@dataclass(frozen=True)
class Settings:
    """How the records go to the model: what the job asks for, else what the algorithm does."""

    payload_mb: int
    concurrent: int
    multiple: bool

    @classmethod
    def of(cls, record: Record, server: ModelServer) -> "Settings":
        """The settings of a job whose server answers."""
        asked = {**server.execution_parameters()}
        # Zero requests at a time stands for no choice of the job's own, while zero megabytes is no limit.
        asked |= {name: record[name] for name in ("MaxPayloadInMB", "BatchStrategy") if name in record}
        concurrent = record.get("MaxConcurrentTransforms") or asked.get("MaxConcurrentTransforms")
        return cls(
            int(asked.get("MaxPayloadInMB", _PAYLOAD_MB)),
            int(concurrent or _CONCURRENT),
            str(asked.get("BatchStrategy", "MultiRecord")).replace("_", "").upper() == "MULTIRECORD",
        )

    def __str__(self) -> str:
        strategy = "MULTI_RECORD" if self.multiple else "SINGLE_RECORD"
        return (
            f"MaxConcurrentTransforms={self.concurrent}, MaxPayloadInMB={self.payload_mb}, "
            f"BatchStrategy={strategy}"
        )


class Transform:
    """Sends the objects of one job; `note` gets the lines of the job's data log."""

    def __init__(self, record: Record, server: ModelServer, note: Callable[[Sequence[str]], None]) -> None:
        self._server = server
        self._note = note
        self._settings = Settings.of(record, server)
        self._processing = Processing.of(record.get("DataProcessing", {}))
        source, result = record["TransformInput"], record["TransformOutput"]
        self._split = source.get("SplitType", "None") == "Line"
        self._compressed = source.get("CompressionType", "None") == "Gzip"
        self._lines = result.get("AssembleWith", "None") == "Line"
        self._headers = {
            name: value
            for name, value in (("Content-Type", source.get("ContentType")), ("Accept", result.get("Accept")))
            if value
        }
        client = record.get("ModelClientConfig", {})
        self._timeout = client.get("InvocationsTimeoutInSeconds", _TIMEOUT_SECONDS)
        self._retries = client.get("InvocationsMaxRetries", _RETRIES)

    def run(
        self,
        sources: Iterable[Source],
        fetch: Callable[[Source], Path],
        publish: Callable[[Path, str], None],
        directory: Path,
    ) -> None:
        """Publish the answers to each object as a file; JobFailed, at the end, if there were failures.

        `fetch` copies an object here, `publish` takes the file with its answers and the object's path.
        """
        self._note([str(self._settings)])
        failed: dict[Source, str] = {}
        with ThreadPoolExecutor(self._settings.concurrent) as pool:
            for source, answers in groupby(self._ahead(pool, sources, fetch, failed), itemgetter(0)):
                path = directory.joinpath(source[1] + ".out")
                path.parent.mkdir(parents=True, exist_ok=True)
                try:
                    with path.open("wb") as file:
                        for _, answer in answers:
                            file.write(self._assembled(answer.result()))
                except RequestFailed as failure:
                    failed[source] = failure.blame
                    place = f"{source[0].bucket}/{source[0].key}"
                    self._note([f"{place}: {line}" for line in str(failure).splitlines()])
                else:
                    publish(path, source[1])
                path.unlink()
        if failed:
            # The algorithm's own failures weigh more than those of the data.
            raise JobFailed(f"{min(failed.values())}: {SEE_LOGS}")

    def _ahead(
        self,
        pool: ThreadPoolExecutor,
        sources: Iterable[Source],
        fetch: Callable[[Source], Path],
        failed: dict[Source, Any],
    ) -> Iterator[tuple[Source, Future[bytes]]]:
        """The answers in the order of the records, with some requests under way ahead of them."""
        waiting: deque[tuple[Source, Future[bytes]]] = deque()
        for source in sources:
            path = fetch(source)
            found = records(path, split=self._split, compressed=self._compressed)
            limit = self._settings.payload_mb * _MB
            for batch in batches(found, multiple=self._settings.multiple, limit=limit):
                if source in failed:
                    break
                waiting.append((source, pool.submit(self._answer, batch)))
                if len(waiting) > 2 * self._settings.concurrent:
                    yield waiting.popleft()
            path.unlink()
        yield from waiting

    def _answer(self, batch: Sequence[bytes]) -> bytes:
        """What is kept of one mini-batch."""
        try:
            payload = self._processing.payload(batch)
            if 0 < self._settings.payload_mb * _MB < len(payload):
                raise RequestFailed("ClientError", "Too much data for max payload size")
            return self._processing.result(batch, self._send(payload))
        except RecordError as error:
            raise RequestFailed("ClientError", str(error)) from None

    def _send(self, payload: bytes) -> bytes:
        for attempt in range(self._retries + 1):
            self._server.check()
            if attempt:
                time.sleep(_AGAIN_SECONDS)
            try:
                status, body = self._server.invoke(payload, self._headers, self._timeout)
            except (OSError, http.client.HTTPException):
                problem = RequestFailed("AlgorithmError", "Unable to get response from algorithm")
                continue
            if 200 <= status < 300:
                return body
            blame = "ClientError" if status < 500 else "AlgorithmError"
            said = body.decode(errors="replace")
            problem = RequestFailed(blame, f"{blame}: {status}\n \nMessage:\n{said[:1024]}")
            if status < 500:
                break
        self._server.check()
        raise problem

    def _assembled(self, answer: bytes) -> bytes:
        return answer + b"\n" if self._lines and not answer.endswith(b"\n") else answer
