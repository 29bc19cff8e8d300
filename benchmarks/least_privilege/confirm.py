"""The proof of the method: statements said to be needed are taken away for real, and something fails."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from benchmarks.least_privilege.probes import Explorer
from benchmarks.least_privilege.statements import RESOURCE, TRUST, Statement
from benchmarks.least_privilege.workload import Workload
from examples.flights.demo.platform import PROJECT, DemoFailed


def sample(statements: Sequence[Statement], count: int, seed: int) -> list[Statement]:
    """Some statements of roles, by chance."""
    of_roles = [statement for statement in statements if statement.policy not in (TRUST, RESOURCE)]
    return random.Random(seed).sample(of_roles, min(count, len(of_roles)))  # noqa: S311 (no secret)


def failure_without(statement: Statement, workload: Workload, explorer: Explorer) -> str:
    """Take the statement out of the live role, do what the role is for, put it back; returns what failed.

    With the statement back the same must work; raises DemoFailed if it does not.
    """
    part = _part(statement, workload, explorer)
    failed = ""
    with _without(statement):
        try:
            part()
        except (DemoFailed, ClientError, BotoCoreError) as error:
            failed = str(error)
    _calm_down(explorer)
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


def _part(statement: Statement, workload: Workload, explorer: Explorer) -> Callable[[], None]:
    """What exercises the role."""
    by_stack = {
        "network": workload.train,
        "training": workload.train,
        "serving": workload.predict if statement.resource.startswith("Prediction") else workload.roll_out,
        "retraining": workload.retrain if statement.resource.startswith("Retrain") else workload.promote,
        "workbench": explorer.explore,
    }
    return by_stack[statement.stack.removeprefix(f"{PROJECT}-")]


def _calm_down(explorer: Explorer) -> None:
    """Leave nothing of the failure to the next one: no message that comes again, no stopped notebook."""
    sqs = boto3.client("sqs")
    for name in ("retrain", "promote"):
        sqs.purge_queue(QueueUrl=sqs.get_queue_url(QueueName=f"{PROJECT}-{name}")["QueueUrl"])
    explorer.start()
