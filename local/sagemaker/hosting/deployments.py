"""What endpoints and inference components have in common: fleets that change, and go on after a restart."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

from local.errors import ValidationException
from local.sagemaker.context import Context
from local.sagemaker.hosting.live import LiveEndpoint
from local.sagemaker.hosting.plan import FleetPlan
from local.sagemaker.store import Record
from local.sagemaker.tags import forget_tags


class Deployments(ABC):
    """Records of one kind, each with its live fleet; `noun` is "Endpoint" or "InferenceComponent".

    A record holds, beside what Describe shows, `_Fleet`: the plan in service, and while a deployment is under
    way `_Next`: its plan and what else it is of, with which a restart begins it anew.
    """

    kind: ClassVar[str]
    noun: ClassVar[str]

    def __init__(self, context: Context) -> None:
        self.live: dict[str, LiveEndpoint] = {}
        self._context = context
        self._workers: dict[str, threading.Thread] = {}

    def resume(self) -> None:
        """Start the fleet of every record, and begin interrupted deployments anew."""
        for record in self._context.store.list(self.kind):
            name, status = record[f"{self.noun}Name"], record[f"{self.noun}Status"]
            if status == "Deleting":
                self._begin(self._remove, name, None)
                continue
            if status == "Failed":
                continue
            live = self._start(name)
            plan = FleetPlan.from_record(record["_Fleet"]) if "_Fleet" in record else None
            if plan:
                live.serve(live.fleet(plan))
                self._in_place(name, plan)
            if "_Next" in record:
                self._begin(self._deploy, name, live)
            elif plan and status != "InService":
                self._begin(self._resize, name, live, plan, plan)

    def close(self) -> None:
        """Stop all fleets; the records stay as they are."""
        for live in list(self.live.values()):
            live.stop()
        for worker in list(self._workers.values()):
            worker.join(timeout=30)

    @abstractmethod
    def _start(self, name: str) -> LiveEndpoint:
        """Make the live side of a record, still without a fleet."""

    @abstractmethod
    def _deploy(self, name: str, live: LiveEndpoint) -> None:
        """Carry out `_Next`, to its end or back."""

    @abstractmethod
    def _resize(self, name: str, live: LiveEndpoint, old: FleetPlan, plan: FleetPlan) -> None:
        """Bring the fleet in service to another size, or back."""

    @abstractmethod
    def _in_place(self, name: str, plan: FleetPlan) -> None:
        """A fleet is in service."""

    @abstractmethod
    def _removed(self, name: str) -> None:
        """The fleet of a record that is being deleted is gone."""

    def _begin(self, work: Callable[..., None], name: str, *args: Any) -> None:
        """Start the work of a request, in its transaction: what it reads waits for the commit."""
        thread = f"{self.kind}-{name}{work.__name__}"
        self._workers[name] = self._context.spawn(work, name, *args, name=thread)

    def _remove(self, name: str, worker: threading.Thread | None) -> None:
        if live := self.live.pop(name, None):
            live.stop()
        if worker:
            worker.join()
        self._removed(name)
        with self._context.store.transaction():
            record = self._find(name)
            self._context.store.delete(self.kind, name)
            forget_tags(self._context, record[f"{self.noun}Arn"])

    def _find(self, name: str) -> Record:
        missing = ValidationException(f"Could not find {self._called(self._context.arn(self.kind, name))}.")
        return self._context.find(self.kind, name, missing)

    def _in_service(self, name: str) -> Record:
        """The record; ValidationException unless it can be updated."""
        record = self._find(name)
        called = self._called(record[f"{self.noun}Arn"])
        if record[f"{self.noun}Status"] == "Failed":
            raise ValidationException(f"Cannot update failed {called}; delete it.")
        if record[f"{self.noun}Status"] != "InService":
            raise self._in_progress(record)
        return record

    def _not_deleting(self, name: str) -> Record:
        """The record; ValidationException if it is being deleted."""
        record = self._find(name)
        if record[f"{self.noun}Status"] == "Deleting":
            raise self._in_progress(record)
        return record

    def _in_progress(self, record: Record) -> ValidationException:
        return ValidationException(f"Cannot update in-progress {self._called(record[f'{self.noun}Arn'])}.")

    def _called(self, arn: str) -> str:
        return f'{self.kind.replace("-", " ")} "{arn}"'
