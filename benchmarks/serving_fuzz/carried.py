"""The corpus as it travels through AWS: InvokeEndpoint, and the API in front of it.

Of a request, SageMaker passes on the body and some headers; API Gateway takes most bodies for text.
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from benchmarks.serving_fuzz.case import Case
from benchmarks.serving_fuzz.client import Answer, answers

_PASSED = ("content-type", "accept", "x-amzn-sagemaker-custom-attributes")
_LONGEST_HEADER = 1024
_WRAPPED = 424
_SECONDS = 20.0


@dataclass(frozen=True)
class Carried:
    """The part of a request that reaches the model server."""

    headers: Mapping[str, str]
    body: bytes

    @classmethod
    def of(cls, case: Case) -> "Carried | None":
        """None where no client of AWS can send the case: broken HTTP, or a header that AWS refuses."""
        head, _, body = case.wire.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        if case.alone or not case.complete or first != "POST /invocations HTTP/1.1":
            return None
        pairs = (line.partition(":")[::2] for line in lines)
        headers = {name.lower(): value.strip() for name, value in pairs}
        passed = {name: headers[name] for name in _PASSED if headers.get(name)}
        fits = all(
            value.isascii() and value.isprintable() and len(value) <= _LONGEST_HEADER
            for value in passed.values()
        )
        return cls(passed, body) if fits else None

    def through_api(self, binary: Sequence[str]) -> "Carried | None":
        """As the API passes it on, `binary` types as they are; None without a type, which it refuses itself.

        https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-payload-encodings-workflow.html
        """
        media = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if not media:
            return None
        headers = {"accept": "application/json", **self.headers}
        headers.pop("x-amzn-sagemaker-custom-attributes", None)
        if any(fnmatch(media, pattern) for pattern in binary):
            return Carried(headers, self.body)
        return Carried(headers, self.body.decode("utf-8", "replace").encode())


@dataclass(frozen=True)
class Door:
    """Somewhere to send it to: the port, the path, the host, and the service that it is signed for."""

    port: int
    path: str = "/invocations"
    host: str = "127.0.0.1"
    service: str = ""
    region: str = "us-east-1"

    def request(self, carried: Carried) -> bytes:
        """The request as it goes over the wire."""
        headers = {"host": self.host, **carried.headers}
        if self.service:
            asked = AWSRequest("POST", f"http://{self.host}{self.path}", data=carried.body, headers=headers)
            SigV4Auth(Credentials("test", "test"), self.service, self.region).add_auth(asked)
            headers = dict(asked.headers.items())
        lines = [f"POST {self.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        return "\r\n".join([*lines, f"Content-Length: {len(carried.body)}", "", ""]).encode() + carried.body


@dataclass(frozen=True)
class Outcome:
    """What the model server said: its status, and its body without the number of the request."""

    status: int | None
    body: object

    @classmethod
    def of(cls, answer: Answer) -> "Outcome":
        """The server's own answer, out of what SageMaker wraps it in."""
        if answer.status != _WRAPPED:
            return cls(answer.status, _said(answer.body))
        wrapped = json.loads(answer.body)
        return cls(wrapped["OriginalStatusCode"], _said(wrapped["OriginalMessage"].encode()))


def _said(body: bytes) -> object:
    try:
        fields = json.loads(body)
    except ValueError:
        return body
    if isinstance(fields, dict):
        fields.pop("request_id", None)
        return fields
    return body


async def outcomes(door: Door, asked: Sequence[Carried], connections: int) -> list[Outcome]:
    """Send everything; what came of it, in the order of the requests."""
    cases = [Case(str(place), door.request(each), None) for place, each in enumerate(asked)]
    found: dict[str, Outcome] = {}
    async for case, answer in answers(door.port, cases, connections, _SECONDS):
        found[case.family] = Outcome.of(answer)
    return [found[case.family] for case in cases]
