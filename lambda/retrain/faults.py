"""Which refusals of AWS pass without anybody's help."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore import exceptions

# Rates and quotas: https://docs.aws.amazon.com/boto3/latest/guide/retries.html (standard retry mode)
THROTTLED = {
    "BandwidthLimitExceeded",
    "LimitExceededException",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "RequestTimeout",
    "RequestTimeoutException",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "TransactionInProgressException",
}
# An account's executions, 20 at once by default, and what somebody else is changing:
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_StartPipelineExecution.html
# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
OCCUPIED = {
    "ResourceLimitExceeded",
    "ConflictException",
    "OperationAborted",
    "ConditionalRequestConflict",
    "OverLimit",
    "KmsThrottled",
}
TOO_MANY_REQUESTS, SERVICE_FAULT = 429, 500
LOST = (exceptions.ConnectionError, exceptions.HTTPClientError, exceptions.IncompleteReadError)


class Busy(Exception):
    """AWS cannot take a call now, or its answer got lost; the message says why."""


def passing(error: Exception) -> bool:
    """Whether the same call may well succeed later: throttled, over a quota, a fault of AWS's, no answer."""
    if not isinstance(error, exceptions.ClientError):
        return isinstance(error, LOST)
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    code = error.response.get("Error", {}).get("Code", "")
    return code in THROTTLED | OCCUPIED or status == TOO_MANY_REQUESTS or status >= SERVICE_FAULT


@contextmanager
def patient() -> Iterator[None]:
    """Around calls to AWS: raises Busy for what passes, and all other errors as they are."""
    try:
        yield
    except (exceptions.ClientError, exceptions.BotoCoreError) as error:
        if passing(error):
            raise Busy(str(error)) from error
        raise
