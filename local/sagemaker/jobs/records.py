"""What processing and transform jobs have in common: their records, from the request to the end."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar

from local.errors import ResourceInUse, ValidationException
from local.sagemaker.context import Context, now
from local.sagemaker.events import detail, milliseconds
from local.sagemaker.jobs.runner import Outcome, Runner
from local.sagemaker.operations import Answer, Params, operation
from local.sagemaker.pagination import listed, page
from local.sagemaker.store import Record
from local.sagemaker.tags import set_tags


class Jobs(ABC):
    """Jobs of one kind; `noun` is "Processing" or "Transform", as in their operations and members."""

    noun: ClassVar[str]
    kind: str

    def __init__(self, context: Context) -> None:
        self._context = context
        self._store = context.store
        self._runner = Runner(context, self)

    @abstractmethod
    def attempt(self, record: Record, workspace: Path) -> Outcome:
        """Run the job once from its beginning."""

    @abstractmethod
    def prepared(self, params: Params) -> Record:
        """The request, checked, with what the record keeps beside it."""

    @operation("Create{noun}Job")
    def create(self, params: Params) -> Answer:
        """Start a job."""
        name = params[f"{self.noun}JobName"]
        arn = self._context.arn(self.kind, name)
        tags = params.pop("Tags", None)
        prepared = self.prepared(params)
        with self._store.transaction():
            if self._store.get(self.kind, name):
                raise ResourceInUse(
                    "Job name must be unique within an AWS account and region, and a job with this name "
                    f"already exists ({arn})"
                )
            set_tags(self._context, arn, tags)
            created = now()
            record = {**prepared, f"{self.noun}JobArn": arn, "CreationTime": created}
            self._save(record, "InProgress", created)
        self._runner.submit(name)
        return {f"{self.noun}JobArn": arn}

    @operation("Describe{noun}Job")
    def describe(self, params: Params) -> Answer:
        """The job."""
        return self._get(params[f"{self.noun}JobName"])

    @operation("List{noun}Jobs")
    def list(self, params: Params) -> Answer:
        """Page through the jobs."""
        records = [
            record
            for record in self._store.list(self.kind)
            if params.get("StatusEquals") in (None, self._status(record))
        ]
        jobs, token = page(listed(records, params, name=f"{self.noun}JobName", order="Ascending"), params)
        return {f"{self.noun}JobSummaries": jobs, "NextToken": token}

    @operation("Stop{noun}Job")
    def stop(self, params: Params) -> Answer:
        """Ask a job to stop; it is Stopping, and then Stopped."""
        with self._store.transaction():
            record = self._get(params[f"{self.noun}JobName"])
            status = self._status(record)
            if status != "InProgress":
                raise ValidationException(
                    f"The request was rejected because the {self.noun.lower()} job is in status {status}."
                )
            self._save(record, "Stopping", now())
        return {}

    def stopping(self, name: str) -> bool:
        """Whether somebody asked the job to stop."""
        return self._status(self._get(name)) == "Stopping"

    def finish(self, name: str, status: str, members: Record) -> None:
        """Commit the final status, and tell of it."""
        with self._store.transaction():
            ended = now()
            self._save({**self._get(name), f"{self.noun}EndTime": ended, **members}, status, ended)

    def resume(self) -> None:
        """Start anew the jobs that were under way."""
        for record in self._store.list(self.kind):
            if self._status(record) in ("InProgress", "Stopping"):
                self._runner.submit(record[f"{self.noun}JobName"])

    def close(self) -> None:
        """Stop the containers."""
        self._runner.close()

    def _began(self, name: str) -> None:
        """Note that the container is about to run."""
        started: dict[str, Any] = {f"{self.noun}StartTime": now(), "LastModifiedTime": now()}
        self._store.update(self.kind, name, **started)

    def _status(self, record: Record) -> str:
        return str(record[f"{self.noun}JobStatus"])

    def _get(self, name: str) -> Record:
        missing = ValidationException(f"Could not find requested job with name: {name}")
        return self._context.find(self.kind, name, missing)

    def _save(self, record: Record, status: str, moment: float) -> None:
        """Keep the record in this status, and tell of it."""
        record = {**record, f"{self.noun}JobStatus": status, "LastModifiedTime": moment}
        self._store.put(self.kind, record[f"{self.noun}JobName"], record)
        content = detail(f"Describe{self.noun}Job", record, milliseconds)
        arns = [record[f"{self.noun}JobArn"]]
        self._context.emit(f"SageMaker {self.noun} Job State Change", content, arns)
