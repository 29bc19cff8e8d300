"""What passes by itself is told from what does not, whatever the service."""

import pytest
from botocore import exceptions
from botocore.exceptions import ClientError

import awsclients
from retrain.faults import Busy, passing, patient


def refusal(code: str, status: int = 400) -> ClientError:
    response = {"Error": {"Code": code, "Message": "m"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "Operation")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "error",
    [
        refusal("ThrottlingException"),
        refusal("ProvisionedThroughputExceededException"),
        refusal("RequestThrottled", 403),
        refusal("SlowDown", 503),
        refusal("ResourceLimitExceeded"),
        refusal("ConflictException"),
        refusal("Unheard", 500),
        refusal("Unheard", 429),
        exceptions.ReadTimeoutError(endpoint_url="https://aws"),
        exceptions.ConnectTimeoutError(endpoint_url="https://aws"),
        exceptions.EndpointConnectionError(endpoint_url="https://aws"),
        exceptions.ConnectionClosedError(endpoint_url="https://aws"),
        exceptions.IncompleteReadError(actual_bytes=1, expected_bytes=2),
    ],
    ids=str,
)
def test_what_passes_is_waited_for(error: Exception) -> None:
    assert passing(error)
    with pytest.raises(Busy), patient():
        raise error


@pytest.mark.parametrize(
    "error",
    [
        refusal("AccessDeniedException"),
        refusal("ValidationException"),
        refusal("ConditionalCheckFailedException"),
        exceptions.NoCredentialsError(),
        exceptions.ParamValidationError(report="wrong"),
    ],
    ids=str,
)
def test_what_does_not_pass_comes_through(error: Exception) -> None:
    assert not passing(error)
    with pytest.raises(type(error)), patient():
        raise error


def test_a_call_that_hangs_ends_before_the_function_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    config = awsclients.client("sqs").meta.config
    tries = config.retries["total_max_attempts"]
    assert tries * (config.connect_timeout + config.read_timeout) < 30
