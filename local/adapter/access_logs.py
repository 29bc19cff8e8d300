"""S3 server access logs: who asked a bucket for what, delivered as its target bucket's policy allows.

Format: docs.aws.amazon.com/AmazonS3/latest/userguide/LogFormat.html, with "-" for what is not known here.
Rights: docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html
"""

import json
import logging
import secrets
import threading
import time
from collections import deque
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import quote, unquote
from xml.etree import ElementTree

from local.adapter import authorization, seams
from local.adapter.host import MinistackHost

LOGGING = "logging.s3.amazonaws.com"
# AWS promises hours, not seconds.
_EVERY_SECONDS = 600.0
logger = logging.getLogger(__name__)


class _Target(NamedTuple):
    bucket: str
    prefix: str


class AccessLogs:
    """Collects the requests to buckets that log, and writes an object of them for each bucket at a time."""

    def __init__(self, host: MinistackHost) -> None:
        self._host = host
        self._waiting: deque[tuple[str, str]] = deque()
        self._closing = threading.Event()

    def install(self) -> None:
        """Note every request that S3 answers."""
        before = seams.app.SERVICE_HANDLERS["s3"]

        async def handle(
            method: str, path: str, headers: dict[str, str], body: bytes, query_params: dict[str, Any]
        ) -> Any:
            began = time.monotonic()
            answer = await before(method, path, headers, body, query_params)
            bucket, _, key = unquote(path).lstrip("/").partition("/")
            if seams.s3._bucket_logging_config.get(bucket):
                line = _line(bucket, key, method, path, headers, answer, time.monotonic() - began)
                self._waiting.append((bucket, line))
            return answer

        seams.app.SERVICE_HANDLERS["s3"] = handle

    def start(self) -> None:
        """Begin to deliver."""
        threading.Thread(target=self._run, name="access-logs", daemon=True).start()

    def close(self) -> None:
        """Stop; what has not been delivered is lost, as best-effort delivery may."""
        self._closing.set()

    def _run(self) -> None:
        while not self._closing.wait(max(1.0, _EVERY_SECONDS / self._host.speed)):
            lines: dict[str, list[str]] = {}
            while self._waiting:
                bucket, line = self._waiting.popleft()
                lines.setdefault(bucket, []).append(line)
            for bucket, found in lines.items():
                try:
                    self._deliver(bucket, found)
                except Exception:  # the next delivery is another chance
                    logger.exception("The access log of %s was not delivered", bucket)

    def _deliver(self, bucket: str, lines: list[str]) -> None:
        target = self._host.on_loop(lambda: _target(seams.s3._bucket_logging_config.get(bucket) or ""))
        if target is None:
            return
        key = f"{target.prefix}{datetime.now(UTC):%Y-%m-%d-%H-%M-%S}-{secrets.token_hex(8).upper()}"
        if not self._host.on_loop(lambda: _may_write(target, key, bucket)):
            logger.warning("%s does not let S3 write the access log of %s", target.bucket, bucket)
            return
        self._host.client("s3").put_object(Bucket=target.bucket, Key=key, Body="\n".join([*lines, ""]))


@lru_cache(maxsize=256)
def _target(configuration: str) -> _Target | None:
    """Where a bucket's configuration sends its log; None where logging is off."""
    if not configuration:
        return None
    found = {
        element.tag.rpartition("}")[2]: element.text or ""
        for element in ElementTree.fromstring(configuration).iter()  # noqa: S314 (of our own API)
    }
    return _Target(found["TargetBucket"], found.get("TargetPrefix", "")) if "TargetBucket" in found else None


def _may_write(target: _Target, key: str, source: str) -> bool:
    policy = json.loads(seams.s3._bucket_policies.get(target.bucket) or "{}")
    return authorization.policy_allows(
        policy, LOGGING, "s3:PutObject", f"arn:aws:s3:::{target.bucket}/{key}", f"arn:aws:s3:::{source}"
    )


def _line(
    bucket: str,
    key: str,
    method: str,
    path: str,
    headers: dict[str, str],
    answer: tuple[int, dict[str, str], Any],
    seconds: float,
) -> str:
    status, _, body = answer
    access_key = seams.router.extract_access_key_id(headers)
    caller = seams.iam_evaluator.resolve_caller_identity(access_key) or {}
    size = str(len(body)) if isinstance(body, bytes) and body else "-"
    milliseconds = str(round(seconds * 1000))
    return " ".join(
        [
            seams.responses.get_account_id(),
            bucket,
            f"[{datetime.now(UTC):%d/%b/%Y:%H:%M:%S} +0000]",
            "127.0.0.1",
            caller.get("userArn", "-"),
            secrets.token_hex(8).upper(),
            f"REST.{method}.{'OBJECT' if key else 'BUCKET'}",
            quote(key) or "-",
            f'"{method} {path} HTTP/1.1"',
            str(status),
            "-" if status < 400 else "AccessDenied" if status == 403 else "Error",
            size,
            "-",
            milliseconds,
            milliseconds,
            '"-"',
            f'"{headers.get("user-agent", "-")}"',
            "- - SigV4 - AuthHeader - - - -",
        ]
    )
