"""Signature Version 4 of requests to the SageMaker runtime, at the rate of predictions.

docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html

Only the usual request is read here: signed in its Authorization header, for the service `sagemaker`, without
a query string. What is not found to be right here is not found to be wrong either: ministack's evaluator then
reads the request again and says in AWS's words what it lacks.
"""

import hashlib
import hmac
import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote

from botocore.utils import normalize_url_path

SKEW_SECONDS = 300.0
"""How far the clocks may be apart: …/reference_sigv-troubleshooting.html, "Signature expired"."""
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/,\s]+)/(\d{8})/([a-z0-9-]+)/sagemaker/aws4_request, ?"
    r"SignedHeaders=([a-z0-9;_-]+), ?Signature=([0-9a-f]{64})"
)
_DATE = re.compile(r"\d{8}T\d{6}Z")


class Signature(NamedTuple):
    """A request's signature, and what it was made of, but for the secret."""

    access_key: str
    region: str
    value: str
    date: str
    text: str
    """The string to sign."""

    def made_with(self, secret: str) -> bool:
        """Whether this secret signed the request."""
        key = _signing_key(secret, self.date, self.region)
        expected = hmac.digest(key, self.text.encode(), "sha256").hex()
        return hmac.compare_digest(expected, self.value)


def read(raw_path: str, headers: Mapping[str, str], body: bytes) -> Signature | None:
    """The signature of a POST request of now (header names in lower case); None if it is not the usual one.

    The hash of the body is that of the body which came, whatever x-amz-content-sha256 says.
    """
    found = _AUTHORIZATION.fullmatch(headers.get("authorization", ""))
    date = headers.get("x-amz-date", "")
    if found is None or not _is_now(date):
        return None
    access_key, day, region, signed, value = found.groups()
    names = signed.split(";")
    if day != date[:8] or "host" not in names or "x-amz-date" not in names:
        return None
    lines = ["POST", _canonical_path(raw_path), ""]
    for name in names:
        text = headers.get(name)
        if text is None:
            return None
        lines.append(f"{name}:{' '.join(text.split())}")
    lines += ("", signed, hashlib.sha256(body).hexdigest())
    request = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    scope = f"{day}/{region}/sagemaker/aws4_request"
    return Signature(access_key, region, value, day, f"AWS4-HMAC-SHA256\n{date}\n{scope}\n{request}")


def _is_now(date: str) -> bool:
    moment = _moment(date)
    return moment is not None and abs(time.time() - moment) < SKEW_SECONDS


@lru_cache(maxsize=1024)
def _moment(date: str) -> float | None:
    """Unix seconds of a time as X-Amz-Date has it."""
    if not _DATE.fullmatch(date):
        return None
    try:
        return datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None


@lru_cache(maxsize=1024)
def _canonical_path(raw_path: str) -> str:
    """The path as services other than S3 sign it: normalised, and encoded once more."""
    return quote(normalize_url_path(raw_path), safe="/~")


@lru_cache(maxsize=1024)
def _signing_key(secret: str, day: str, region: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (day, region, "sagemaker", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
