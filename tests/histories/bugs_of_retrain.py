"""Bugs of the function that starts trainings, to be planted: each is what its name says."""

from contextlib import AbstractContextManager
from dataclasses import replace
from hashlib import sha256
from typing import Any
from unittest import mock

from botocore.exceptions import BotoCoreError, ClientError

from retrain import decision, handler, inventory, messages, quarantine, reconcile
from retrain.decision import Cover, Decision, Intend, Wait
from retrain.executions import Executions
from retrain.faults import Busy
from retrain.inventory import Inventory
from retrain.measured import Least, Measured, Object
from retrain.messages import MalformedMessage
from retrain.quarantine import Quarantine, Rejected
from retrain.reconcile import Contended, Reconciler
from retrain.state import Running, State
from retrain.table import Table
from tests.histories.aws.client import Turn


def covers_at_the_end() -> AbstractContextManager[Any]:
    finish = Reconciler._finish

    def planted(self: Reconciler, state: State, status: Any) -> None:
        finish(self, state.passed_over(), status)

    return mock.patch.object(Reconciler, "_finish", planted)


def new_token_for_each_try() -> AbstractContextManager[Any]:
    start = Executions.start

    def planted(self: Executions, running: Running) -> str:
        assert Turn.account
        token = sha256(f"{running.token} {len(Turn.account.points.made)}".encode()).hexdigest()
        return start(self, replace(running, token=token))

    return mock.patch.object(Executions, "start", planted)


class _Unconditional:
    """A client of DynamoDB that leaves conditions out."""

    def __init__(self, dynamodb: Any) -> None:
        self._dynamodb = dynamodb

    def __getattr__(self, name: str) -> Any:
        return getattr(self._dynamodb, name)

    def put_item(self, **request: Any) -> Any:
        left = ("ConditionExpression", "ExpressionAttributeValues")
        return self._dynamodb.put_item(**{name: value for name, value in request.items() if name not in left})


def writes_over_others() -> AbstractContextManager[Any]:
    save = Table.save

    def planted(self: Table, state: State) -> State:
        with mock.patch.object(self, "_dynamodb", _Unconditional(self._dynamodb)):
            return save(self, state)

    return mock.patch.object(Table, "save", planted)


def forgets_when_busy() -> AbstractContextManager[Any]:
    step = Reconciler._step

    def planted(self: Reconciler, state: State, now: int) -> bool:
        try:
            return step(self, state, now)
        except Busy:
            self._aws.table.save(state.passed_over())
            return False

    return mock.patch.object(Reconciler, "_step", planted)


def acknowledges_before_it_counts() -> AbstractContextManager[Any]:
    count = handler._reconcile

    def planted(messages: Any) -> None:
        try:
            count(messages)
        except (Busy, Contended, ClientError, BotoCoreError):
            return

    return mock.patch.object(handler, "_reconcile", planted)


def a_person_passes_the_lock() -> AbstractContextManager[Any]:
    decide = decision.decide

    def planted(state: State, *rest: Any, **more: Any) -> Decision:
        if state.running and state.running.arn and "manual" in state.since:
            return Intend(Measured(state.inputs), unconditional=True)
        return decide(state, *rest, **more)

    return mock.patch.object(reconcile, "decide", planted)


def compares_names_alone() -> AbstractContextManager[Any]:
    return mock.patch.object(Object, "content", property(lambda self: (self.key, "", 0)))


def trusts_its_list() -> AbstractContextManager[Any]:
    return mock.patch.object(Inventory, "known", lambda self, manifest, refused: manifest)


def never_looks_for_what_is_lost() -> AbstractContextManager[Any]:
    return mock.patch.object(Reconciler, "_find_lost", lambda self: None)


def quarantines_whatever_is_there() -> AbstractContextManager[Any]:
    def planted(self: Quarantine, rejected: Rejected, execution: str) -> str:
        key = quarantine.QUARANTINE + rejected.key.removeprefix(inventory.DATA)
        source = {"Bucket": self._incoming, "Key": rejected.key}
        try:
            self._s3.copy_object(Bucket=self._incoming, Key=key, CopySource=source)  # type: ignore[arg-type]
            self._s3.delete_object(Bucket=self._incoming, Key=rejected.key)
        except ClientError as error:
            return str(error)
        return ""

    return mock.patch.object(Quarantine, "move", planted)


def trains_without_cause() -> AbstractContextManager[Any]:
    judge = decision._judge

    def planted(state: State, now: int, found: Measured, least: Any) -> Any:
        judged = judge(state, now, found, least)
        return Intend(found) if isinstance(judged, Cover) else judged

    return mock.patch.object(decision, "_judge", planted)


def sees_no_stranger() -> AbstractContextManager[Any]:
    return mock.patch.object(Executions, "in_flight", lambda self: None)


def one_bad_message_spoils_the_batch() -> AbstractContextManager[Any]:
    parse = messages.parse

    def planted(body: str) -> Any:
        try:
            return parse(body)
        except MalformedMessage as error:
            raise RuntimeError("the batch cannot be read") from error

    return mock.patch.object(handler, "parse", planted)


def never_takes_less() -> AbstractContextManager[Any]:
    judge = decision._judge

    def planted(state: State, now: int, found: Measured, least: Least) -> Any:
        too_few = set(state.since) == {"data"} and least.lacking(found)
        return Wait(0, too_few) if too_few else judge(state, now, found, least)

    return mock.patch.object(decision, "_judge", planted)
