"""Jobs in the background: their slots, their threads, their containers, and how each one ends."""

import logging
import shutil
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from botocore.exceptions import HTTPClientError

from local.host import AccessDenied
from local.images import UnknownImage
from local.sagemaker.context import Context
from local.sagemaker.instances import limits
from local.sagemaker.jobs.failure import JobFailed
from local.sagemaker.jobs.logs import LogStream
from local.sagemaker.store import Record
from local.sandbox import SandboxError

_GRACE_SECONDS = 120.0
"""Between SIGTERM and SIGKILL of a stopped job (API_StopTrainingJob) or of an interrupted one."""
_LOOK_SECONDS = 0.2
_COMMAND_NOT_FOUND = 127
"""What a shell exits with, https://pubs.opengroup.org/onlinepubs/9699919799/utilities/V3_chap02.html#tag_18_08_02."""
_ATTEMPTS = 10

logger = logging.getLogger(__name__)


class Closing(Exception):
    """The service closes: the job stays as it is, and is started anew by the next `resume`."""


class StopRequested(Exception):
    """Somebody stopped the job."""


@dataclass(frozen=True)
class Outcome:
    """How an attempt ended, and the members that the record gets from it."""

    status: Literal["Completed", "Stopped"]
    members: Record = field(default_factory=dict)


@dataclass(frozen=True)
class Launch:
    """What a job runs."""

    image: str
    entrypoint: Sequence[str] | None
    command: Sequence[str]
    environment: Mapping[str, str]
    network: bool
    instance_type: str
    role: str
    max_seconds: float
    interrupt_after: float | None = None
    """Seconds after which the instance is taken away, with AWS's two minutes of notice; None is never."""


@dataclass(frozen=True)
class Ended:
    """How a container ended; `late` when it used up its time, `interrupted` when it lost its instance."""

    exit_code: int
    stopped: bool = False
    late: bool = False
    interrupted: bool = False


class Job(Protocol):
    """One kind of job."""

    kind: str
    """As in the ARN; the store keeps the jobs under it."""

    def attempt(self, record: Record, workspace: Path) -> Outcome:
        """Run the job from its beginning; raises JobFailed, StopRequested or Closing."""

    def finish(self, name: str, status: str, members: Record) -> None:
        """Commit the final status, and tell of it."""

    def stopping(self, name: str) -> bool:
        """Whether somebody asked the job to stop."""


class Runner:
    """Runs the jobs of one kind: as many containers at once as the machine has processors, the rest wait."""

    def __init__(self, context: Context, job: Job) -> None:
        self._context = context
        self._job = job
        self._threads: set[threading.Thread] = set()
        self._lock = threading.Lock()

    def submit(self, name: str) -> None:
        """Run the job in the background."""
        with self._lock:
            self._threads.add(self._context.spawn(self._run, name, name=f"job-{name}"))

    def close(self) -> None:
        """Wait until the containers are gone; call it when the context is closing."""
        with self._lock:
            threads = list(self._threads)
        for thread in threads:
            thread.join(timeout=30)

    def _run(self, name: str) -> None:
        def look() -> None:
            check(self._context, lambda: self._job.stopping(name))

        try:
            self._context.job_slots.enter(look)
            look()
            status, members = self._attempts(name)
            self._job.finish(name, status, members)
        except StopRequested:
            self._job.finish(name, "Stopped", {})
        except Closing:
            return
        finally:
            self._context.job_slots.leave()
            with self._lock:
                self._threads.discard(threading.current_thread())

    def _attempts(self, name: str) -> tuple[str, Record]:
        """The final status.

        An attempt that lost its connection to the cloud is made again, and after an internal error as often
        as the job's RetryStrategy says.
        """
        record = self._context.store.get(self._job.kind, name) or {}
        retries = record.get("RetryStrategy", {}).get("MaximumRetryAttempts", 0)
        reason = "InternalServerError: We encountered an internal error. Please try again."
        for attempt in range(1, max(_ATTEMPTS, retries + 1) + 1):
            try:
                return self._one_attempt(name)
            except JobFailed as failure:
                return "Failed", {**failure.members, "FailureReason": str(failure)}
            except (AccessDenied, UnknownImage) as refused:
                return "Failed", {"FailureReason": f"ClientError: {refused}"}
            except SandboxError as error:
                reason = f"InternalServerError: {error}"
                if attempt > retries:
                    break
            except HTTPClientError:
                logger.warning("attempt %d of job %s lost the cloud", attempt, name, exc_info=True)
                if self._context.closing.wait(min(attempt, 5)):
                    raise Closing from None
            except (StopRequested, Closing):
                raise
            except Exception:  # whatever it is, the job must end and say so
                logger.exception("job %s", name)
                if attempt > retries:
                    break
        return "Failed", {"FailureReason": reason}

    def _one_attempt(self, name: str) -> tuple[str, Record]:
        record = self._context.store.get(self._job.kind, name)
        if record is None:
            raise StopRequested
        workspace = Path(self._context.host.state) / "sagemaker" / self._job.kind / name
        shutil.rmtree(workspace, ignore_errors=True)
        workspace.mkdir(parents=True)
        try:
            outcome = self._job.attempt(record, workspace)
            # What the job wrote must outlive a crash before the job can count as done.
            self._context.host.checkpoint()
        finally:
            shutil.rmtree(workspace, ignore_errors=True)
        return outcome.status, outcome.members


def check(context: Context, stopping: Callable[[], bool]) -> None:
    """Raise Closing or StopRequested if the job should not go on."""
    if context.closing.is_set():
        raise Closing
    if stopping():
        raise StopRequested


def run_container(
    context: Context,
    launch: Launch,
    workspace: Path,
    logs: LogStream,
    stopping: Callable[[], bool],
    look: Callable[[], None],
) -> Ended:
    """Run the container to its end, with `look` called now and then; Closing if the service closes first.

    The job's slot is free when the container has ended: the next one need not wait for the results of this.
    """
    context.job_slots.enter(lambda: check(context, stopping))
    image = context.images.resolve(launch.image)
    container = context.start(
        image,
        command=launch.command,
        entrypoint=launch.entrypoint,
        ml=workspace / "ml",
        environment=launch.environment,
        hostname="algo-1",
        network=launch.network,
        aws_endpoint=context.host.endpoint_url,
        limits=limits(launch.instance_type),
        log=workspace / "log",
    )
    began = time.monotonic()
    stopped = late = interrupted = False
    try:
        while container.wait(_LOOK_SECONDS) is None:
            logs.flush()
            look()
            if context.closing.is_set():
                raise Closing
            ran = time.monotonic() - began
            stopped, late = stopping(), ran >= launch.max_seconds
            interrupted = launch.interrupt_after is not None and ran >= launch.interrupt_after
            if stopped or late or interrupted:
                container.stop(_GRACE_SECONDS / context.speed)
                break
        exit_code = container.wait()
    finally:
        if container.alive:
            container.kill()
        context.job_slots.leave()
        logs.flush(ended=True)
        look()
    if context.closing.is_set():
        raise Closing
    exit_code = 137 if exit_code is None else exit_code
    if exit_code == _COMMAND_NOT_FOUND and image.lacking:
        raise JobFailed(f"ClientError: {image.lacking}")
    return Ended(exit_code, stopped, late, interrupted and not stopped and not late)


def credentials(context: Context, role: str, network: bool) -> dict[str, str]:
    """What the container finds its role with; nothing when it is cut off from AWS."""
    region = {"AWS_REGION": context.host.region, "AWS_DEFAULT_REGION": context.host.region}
    if not network:
        return region
    granted: dict[str, str] = context.host.credentials(role, "SageMaker").environment()
    return {**region, **granted, "AWS_ENDPOINT_URL": context.host.endpoint_url}


def client(context: Context, service: str, role: str, vpc: Mapping[str, Any] | None = None) -> Any:
    """A client with the credentials of the job's role, inside the VPC of its VpcConfig if it has one."""
    return context.host.client(service, role, "SageMaker", (vpc or {}).get("Subnets", ()))
