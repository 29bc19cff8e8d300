"""Every call of a function to AWS is a point of its history, at which something may go wrong."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from botocore.exceptions import ReadTimeoutError

Trouble = Literal[
    "crash before",  # the process dies, and AWS has heard nothing
    "crash after",  # AWS has done it, and the process dies before it hears so
    "throttled",  # AWS refuses because of too many calls
    "fault",  # AWS fails with a 5xx and does nothing
    "answer lost",  # AWS does it, and the answer never comes
    "sent twice",  # an answer is lost, and the client's own second attempt gets one
    "another",  # before the call, another invocation runs from its begin to its end
    "slow",  # the call takes longer than the function likes to wait
    "overwritten",  # during the call an object has another content, and then the old one again
]
TROUBLES: tuple[Trouble, ...] = get_args(Trouble)
# What is a fault of an API: each call of each function must stand each of them.
API_FAULTS: tuple[Trouble, ...] = ("throttled", "fault", "answer lost")

# How each service refuses a call that comes too soon after others.
# https://docs.aws.amazon.com/boto3/latest/guide/retries.html (the codes of its standard mode)
# https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
_TOO_MANY = {
    "dynamodb": ("ProvisionedThroughputExceededException", 400),
    "s3": ("SlowDown", 503),
    "sqs": ("RequestThrottled", 403),
    "sns": ("Throttled", 429),
    "cloudformation": ("Throttling", 400),
    "cloudwatch": ("Throttling", 400),
    "chat": ("TooManyRequests", 429),
}
_THROTTLED = ("ThrottlingException", 400)
# Two tries of a client that gets no answer take 16 s.
SLOW_SECONDS = 12.0
_FAULT = ("InternalFailure", 500)


class Crash(BaseException):
    """The process of a function died: no handler of exceptions runs in it any more."""


class Refused(Exception):
    """AWS refuses a call; the client makes the service's own exception of it."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.status = code, message, status


@dataclass
class Points:
    """Counts the calls of all invocations; `at` is what goes wrong, by the number of the call, or by the
    operation at its next call.

    `down` are services that refuse every call with a 5xx. `another` runs another invocation, `wait` lets
    time pass, `overwrite` changes an object and gives what takes the change back. `made` are the calls so
    far, as `function: service:Operation`, and `happened` says at how many of them something went wrong.
    """

    at: dict[int | str, Trouble] = field(default_factory=dict)
    down: frozenset[str] = frozenset()
    another: Callable[[], None] = lambda: None
    wait: Callable[[float], None] = lambda _seconds: None
    overwrite: Callable[[], Callable[[], None]] = lambda: lambda: None
    made: list[str] = field(default_factory=list)
    happened: int = 0

    def call(self, function: str, service: str, operation: str, perform: Callable[[], Any]) -> Any:
        """Perform a call, with what goes wrong at this point; raises Crash, Refused or ReadTimeoutError."""
        trouble = self.at.pop(len(self.made), None) or self.at.pop(operation, None)
        self.happened += trouble is not None
        self.made.append(f"{function}: {service}:{operation}")
        if service in self.down:
            self.happened += 1
            raise Refused(_FAULT[0], "The service is unavailable", 503)
        match trouble:
            case None:
                return perform()
            case "another":
                self.another()
                return perform()
            case "slow":
                self.wait(SLOW_SECONDS)
                return perform()
            case "overwritten":
                restore = self.overwrite()
                try:
                    return perform()
                finally:
                    restore()
            case "crash before":
                raise Crash
            case "throttled":
                code, status = _TOO_MANY.get(service, _THROTTLED)
                raise Refused(code, "Rate exceeded", status)
            case "fault":
                raise Refused(_FAULT[0], "An internal error occurred", _FAULT[1])
            case "crash after":
                perform()
                raise Crash
            case "answer lost":
                perform()
                raise ReadTimeoutError(endpoint_url=f"https://{service}.us-east-1.amazonaws.com/")
            case "sent twice":
                perform()
                return perform()
