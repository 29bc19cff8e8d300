"""Clients of the account in memory, with what boto3's own have: checks, pages, and typed exceptions."""

from collections import Counter
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

import botocore.session
from botocore import xform_name
from botocore.errorfactory import ClientExceptionsFactory
from botocore.exceptions import ParamValidationError
from botocore.paginate import Paginator
from botocore.validate import ParamValidator, validate_parameters

from tests.histories.aws.points import Refused

if TYPE_CHECKING:
    from tests.histories.aws.account import Account


MOST_CHECKED = 100


class Turn:
    """Whose account it is that clients speak to: one at a time, as each history has its own."""

    account: "Account | None" = None


class Client:
    """A client of one service, as boto3 makes it: it outlives the account, as a warm function's does."""

    def __init__(self, service: str) -> None:
        self._service = service
        session = _session()
        self._model = session.get_service_model(service)
        self._operations = {xform_name(name): name for name in self._model.operation_names}
        self._checked: Counter[tuple[str, str]] = Counter()
        self.exceptions = ClientExceptionsFactory().create_client_exceptions(self._model)

    def __getattr__(self, method: str) -> Callable[..., Any]:
        if method.startswith("_") or method not in self._operations:
            raise AttributeError(f"{self._service} has no operation {method}")
        operation = self._operations[method]

        def call(**request: Any) -> Any:
            return self._call(method, operation, request)

        # The next call finds it without coming here.
        self.__dict__[method] = call
        return call

    def get_paginator(self, method: str) -> "Paginator[Any]":
        """The real paginator of the operation."""
        operation = self._operations[method]
        pages = _session().get_paginator_model(self._service).get_paginator(operation)
        return Paginator(getattr(self, method), pages, self._model.operation_model(operation))

    def _call(self, method: str, operation: str, request: dict[str, Any]) -> Any:
        account = Turn.account
        assert account is not None, "a call outside of every history"
        self._check(account, operation, request)
        perform = getattr(account.service(self._service), method)
        account.alive()
        try:
            function = account.processes[-1].function if account.processes else ""
            answer = account.points.call(function, self._service, operation, lambda: perform(**request)) or {}
        except Refused as refused:
            raise self._error(refused, operation) from None
        self._check_answer(operation, answer)
        return answer

    def _check(self, account: "Account", operation: str, request: dict[str, Any]) -> None:
        """Raise ParamValidationError where boto3 would; of items, which its own serializer makes, some."""
        shape = self._model.operation_model(operation).input_shape
        if shape is None or (self._service == "dynamodb" and not self._is_early("request", operation)):
            return
        try:
            validate_parameters(_as_sent(request), shape)
        except ParamValidationError as error:
            # Functions take it for a fault of AWS, which would pass.
            account.mistakes.append(f"{operation}: {error}")
            raise

    def _check_answer(self, operation: str, answer: Any) -> None:
        """What we answer must have AWS's form; as checking takes so long, the first answers are checked."""
        shape = self._model.operation_model(operation).output_shape
        if shape is not None and self._is_early("answer", operation):
            wrong = ParamValidator().validate(answer, shape)
            assert not wrong.has_errors(), f"{operation} answers {wrong.generate_report()}"

    def _is_early(self, side: str, operation: str) -> bool:
        self._checked[side, operation] += 1
        return self._checked[side, operation] <= MOST_CHECKED

    def _error(self, refused: Refused, operation: str) -> Exception:
        body = {
            "Error": {"Code": refused.code, "Message": refused.message},
            "ResponseMetadata": {"HTTPStatusCode": refused.status},
        }
        made: Any = self.exceptions.from_code(refused.code)
        error: Exception = made(body, operation)
        return error


def _as_sent(request: dict[str, Any]) -> dict[str, Any]:
    """The request as boto3 sends it: the source of a copy may be given in parts.

    https://docs.aws.amazon.com/boto3/latest/reference/services/s3/client/copy_object.html
    """
    source = request.get("CopySource")
    return (
        request | {"CopySource": f"{source['Bucket']}/{source['Key']}"}
        if isinstance(source, dict)
        else request
    )


def client(service: str, *_: Any, **_options: Any) -> Client:
    """What `boto3.client` is during a history; its options are those of a network that is not there."""
    return _client(service)


@cache
def _client(service: str) -> Client:
    return Client(service)


@cache
def _session() -> botocore.session.Session:
    return botocore.session.get_session()
