"""Signatures of InvokeEndpoint: what botocore signs is accepted, and nothing that was changed afterwards."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from local.adapter import signatures

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
NAMES = st.text("abcXYZ019-", min_size=1, max_size=63)
TOKENS = st.none() | st.text("abcdef/+=019", min_size=1, max_size=100)
VALUES = st.text("abc ;=,/.-*019", max_size=40)


def signed(
    endpoint: str = "flights",
    body: bytes = b"1,2\n",
    token: str | None = None,
    attributes: str = "trace=1",
    secret: str = SECRET,
) -> tuple[str, dict[str, str]]:
    """The raw path and the headers, names in lower case, of a request as botocore signs it."""
    path = f"/endpoints/{quote(endpoint)}/invocations"
    request = AWSRequest(
        "POST",
        f"http://127.0.0.1:4566{path}",
        data=body,
        headers={"Content-Type": "text/csv", "X-Amzn-SageMaker-Custom-Attributes": attributes},
    )
    SigV4Auth(Credentials("AKIDEXAMPLE", secret, token), "sagemaker", "eu-central-1").add_auth(request)
    headers = {name.lower(): value for name, value in request.headers.items()}
    return path, headers | {"host": "127.0.0.1:4566", "user-agent": "Boto3"}


@given(NAMES, st.binary(max_size=300), TOKENS, VALUES)
def test_what_botocore_signs_is_accepted(name: str, body: bytes, token: str | None, attributes: str) -> None:
    path, headers = signed(name, body, token, attributes)
    found = signatures.read(path, headers, body)
    assert found is not None
    assert (found.access_key, found.region) == ("AKIDEXAMPLE", "eu-central-1")
    assert found.made_with(SECRET)
    assert not found.made_with(SECRET + "x")


@given(st.binary(min_size=1, max_size=300), st.data())
def test_another_body_is_not_signed(body: bytes, data: st.DataObject) -> None:
    path, headers = signed(body=body)
    other = data.draw(st.binary(max_size=300).filter(lambda drawn: drawn != body))
    found = signatures.read(path, headers, other)
    assert found is not None
    assert not found.made_with(SECRET)


@pytest.mark.parametrize(
    "change",
    [
        {"content-type": "application/json"},
        {"x-amzn-sagemaker-custom-attributes": "trace=2"},
        {"x-amz-security-token": "another"},
        {"host": "127.0.0.1:4567"},
    ],
)
def test_another_header_is_not_signed(change: dict[str, str]) -> None:
    path, headers = signed(token="session")
    found = signatures.read(path, headers | change, b"1,2\n")
    assert found is not None
    assert not found.made_with(SECRET)


def test_another_endpoint_is_not_signed() -> None:
    _, headers = signed("flights")
    found = signatures.read("/endpoints/secrets/invocations", headers, b"1,2\n")
    assert found is not None
    assert not found.made_with(SECRET)


def without(name: str) -> Callable[[dict[str, str]], dict[str, str]]:
    return lambda headers: {key: value for key, value in headers.items() if key != name}


def replaced(name: str, old: str, new: str) -> Callable[[dict[str, str]], dict[str, str]]:
    return lambda headers: headers | {name: headers[name].replace(old, new)}


@pytest.mark.parametrize(
    "change",
    [
        without("authorization"),
        without("x-amz-date"),
        without("host"),
        replaced("authorization", "AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"),
        replaced("authorization", "/sagemaker/", "/s3/"),
        replaced("authorization", "host;", ""),
        replaced("authorization", "aws4_request", "aws4_answer"),
        replaced("authorization", "Signature=", "Signature=0"),
        replaced("x-amz-date", "Z", ""),
        replaced("x-amz-date", "T", "t"),
    ],
)
def test_what_is_not_the_usual_request_is_left_to_others(
    change: Callable[[dict[str, str]], dict[str, str]],
) -> None:
    path, headers = signed()
    assert signatures.read(path, change(headers), b"1,2\n") is None


@pytest.mark.parametrize(("seconds", "timely"), [(-310, False), (-290, True), (290, True), (310, False)])
def test_clocks_may_be_five_minutes_apart(
    seconds: int, timely: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed_at = datetime.now(UTC).replace(tzinfo=None) + timedelta(seconds=seconds)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: signed_at)
    path, headers = signed()
    assert (signatures.read(path, headers, b"1,2\n") is not None) == timely
