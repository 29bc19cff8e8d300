"""The proof of the method: statements said to be needed are taken away for real, and something fails."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from benchmarks.least_privilege.people import QUEUES, People
from benchmarks.least_privilege.probes import Explorer
from benchmarks.least_privilege.statements import RESOURCE, TRUST, Statement
from benchmarks.least_privilege.workload import Workload
from examples.flights.demo.platform import PROJECT, DemoFailed


@dataclass(frozen=True)
class Means:
    """Whatever makes a role do what it is for."""

    workload: Workload
    people: People
    explorer: Explorer


def sample(statements: Sequence[Statement], count: int, seed: int) -> list[Statement]:
    """Some statements of roles, by chance."""
    of_roles = [statement for statement in statements if statement.policy not in (TRUST, RESOURCE)]
    return random.Random(seed).sample(of_roles, min(count, len(of_roles)))  # noqa: S311 (no secret)


def failure_without(statement: Statement, means: Means) -> str:
    """Take the statement out of the live role, do what the role is for, put it back; returns what failed.

    With the statement back the same must work; raises DemoFailed if it does not.
    """
    part = _part(statement, means)
    failed = ""
    with _without(statement):
        try:
            part()
        except (DemoFailed, ClientError, BotoCoreError) as error:
            failed = str(error)
    _calm_down(means.explorer)
    if failed:
        part()
    return failed


@contextmanager
def _without(statement: Statement) -> Iterator[None]:
    iam = boto3.client("iam")
    held = iam.get_role_policy(RoleName=statement.role, PolicyName=statement.policy)["PolicyDocument"]
    document: Mapping[str, list[Mapping[str, str]]] = held  # type: ignore[assignment]
    rest = [found for found in document["Statement"] if found.get("Sid") != statement.title]
    if len(rest) != len(document["Statement"]) - 1:
        raise DemoFailed(f"{statement} cannot be told from the others of its role")

    def put(statements: Sequence[Mapping[str, str]]) -> None:
        changed = json.dumps({**document, "Statement": statements})
        iam.put_role_policy(RoleName=statement.role, PolicyName=statement.policy, PolicyDocument=changed)

    if rest:
        put(rest)
    else:
        iam.delete_role_policy(RoleName=statement.role, PolicyName=statement.policy)
    try:
        yield
    finally:
        put(document["Statement"])


def _part(statement: Statement, means: Means) -> Callable[[], None]:
    """What exercises the role; of the functions, it depends on what the statement is about."""
    workload, people = means.workload, means.people
    beside = {
        "BuryMalformed": people.confuse,
        "SendMessages": people.confuse,
        "TellWaits": people.sweep,
        "MoveData": people.refuse,
    }
    functions = {"Promote": workload.promote, "Tell": people.tell, "Approve": people.decide}
    by_stack = {
        "network": workload.train,
        "training": workload.train,
        "serving": workload.predict if statement.resource.startswith("Prediction") else workload.roll_out,
        "retraining": next(
            (part for name, part in functions.items() if statement.resource.startswith(name)),
            workload.retrain,
        ),
        "monitoring": workload.look,
        "workbench": means.explorer.explore,
    }
    return beside.get(statement.title) or by_stack[statement.stack.removeprefix(f"{PROJECT}-")]


def _calm_down(explorer: Explorer) -> None:
    """Leave nothing of the failure to the next one: no message that comes again, no stopped notebook."""
    sqs = boto3.client("sqs")
    for name in QUEUES:
        sqs.purge_queue(QueueUrl=sqs.get_queue_url(QueueName=name)["QueueUrl"])
    explorer.start()
