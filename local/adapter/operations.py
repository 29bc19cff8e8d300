"""Stack operations that survive kill -9: CloudFormation goes on with each where it was.

ministack runs an operation as a task that ends with the process. What the operation was given is kept on the
stack's record, and after a restart it is given again; what it had finished is not done twice.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from local.adapter import seams

Record = dict[str, Any]
_finished: dict[tuple[str, str], Record] = {}
"""The resources that the interrupted operation of a stack had finished, by stack and logical id."""


def install() -> None:
    """Keep what stack operations are given, until they end."""
    deploy_before = seams.stacks._deploy_stack_async
    _replace("_deploy_stack_async", _kept(deploy_before))
    roll_back_before = seams.stacks._roll_back_operation

    async def roll_back(stack_name: str, stack_id: str, stack: Record, operation: Record, *rest: Any) -> None:
        stack["_rolling_back"] = operation
        await roll_back_before(stack_name, stack_id, stack, operation, *rest)
        stack.pop("_rolling_back", None)

    _replace("_roll_back_operation", roll_back)
    _reuse_finished()


def resume() -> None:
    """Go on with the operations that the end of the process interrupted; on the event loop."""
    for stack in list(seams.cloudformation._stacks.values()):
        work = _interrupted(stack)
        if work is not None:
            seams.stacks._create_stack_task_in_region(work, stack, stack["StackId"])


def _interrupted(stack: Record) -> Any:
    """What is left to do for a stack, as a coroutine; None: nothing."""
    name, stack_id, status = stack["StackName"], stack["StackId"], stack["StackStatus"]
    if status == "DELETE_IN_PROGRESS":
        return seams.stacks._delete_stack_async(name, stack_id)
    if operation := stack.get("_rolling_back"):
        return seams.stacks._roll_back_operation(name, stack_id, stack, operation)
    if given := stack.get("_operation"):
        before = (given.get("previous_stack") or {}).get("_resources", {})
        for logical_id, record in stack.get("_resources", {}).items():
            if record != before.get(logical_id):
                _finished[name, logical_id] = record
        return seams.stacks._deploy_stack_async(name, stack_id, **given)
    return None


def _kept(deploy: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    def kept(
        stack_name: str,
        stack_id: str,
        template: Record,
        param_values: Record,
        disable_rollback: bool,
        tags: list[Record],
        is_update: bool = False,
        previous_stack: Record | None = None,
        retain_except_on_create: bool = False,
        imports: Record | None = None,
    ) -> Awaitable[None]:
        given: Record = {
            "template": template,
            "param_values": param_values,
            "disable_rollback": disable_rollback,
            "tags": tags,
            "is_update": is_update,
            "previous_stack": previous_stack,
            "retain_except_on_create": retain_except_on_create,
            "imports": imports,
        }
        # In the same turn of the event loop as the request that asks for it: no snapshot sees one alone.
        stack = seams.cloudformation._stacks[stack_name]
        stack["_operation"] = given
        stack["_token"] = seams.stacks.CLIENT_REQUEST_TOKEN.get() or stack.get("_token", "")
        return run(stack, deploy(stack_name, stack_id, **given))

    async def run(stack: Record, work: Awaitable[None]) -> None:
        seams.stacks.CLIENT_REQUEST_TOKEN.set(stack["_token"])
        try:
            await work
        except asyncio.CancelledError:
            raise  # the server ends: the operation is for the next one
        except BaseException:
            _forget(stack)
            raise
        _forget(stack)

    return kept


def _forget(stack: Record) -> None:
    stack.pop("_operation", None)
    stack.pop("_token", None)
    for key in [key for key in _finished if key[0] == stack["StackName"]]:
        del _finished[key]


def _reuse_finished() -> None:
    """Let a resumed operation take what it had finished instead of doing it again."""
    provision, update = seams.stacks._provision_resource, seams.stacks._update_resource

    def finished(stack_name: str, logical_id: str) -> Any:
        record = _finished.pop((stack_name, logical_id), None)
        if record is None:
            return None
        seams.stacks._NAME_SEED.set(record.get("_name_seed", ""))
        return record["PhysicalResourceId"], record["Attributes"]

    def provision_once(resource_type: str, logical_id: str, props: Record, stack_name: str) -> Any:
        made = finished(stack_name, logical_id)
        return made or provision(resource_type, logical_id, props, stack_name)

    def update_once(
        resource_type: str,
        physical_id: str,
        old: Record,
        new: Record,
        stack_name: str,
        logical_id: str,
        attributes: Record,
    ) -> Any:
        made = finished(stack_name, logical_id)
        return made or update(resource_type, physical_id, old, new, stack_name, logical_id, attributes)

    seams.stacks._provision_resource, seams.stacks._update_resource = provision_once, update_once


def _replace(name: str, function: Any) -> None:
    """Replace a function of ministack's CloudFormation wherever it was imported to."""
    before = getattr(seams.stacks, name)
    for module_name, module in list(sys.modules.items()):
        if module_name.startswith("ministack.services.cloudformation") and vars(module).get(name) is before:
            vars(module)[name] = function
