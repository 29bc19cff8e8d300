"""The embedded SageMaker: every operation of its parts behind one `call`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local import sandbox
from local.errors import ApiError
from local.host import Host
from local.model import check_input, operation_model, shape_output
from local.sagemaker.containers import Images, Start
from local.sagemaker.context import Context
from local.sagemaker.hosting import Hosting, InvokeResult
from local.sagemaker.jobs.processing import ProcessingJobs
from local.sagemaker.jobs.training import TrainingJobs
from local.sagemaker.jobs.transform import TransformJobs
from local.sagemaker.notebooks import Notebooks
from local.sagemaker.operations import Handler, Part, handlers
from local.sagemaker.outbox import Outbox
from local.sagemaker.pipelines import Executions, Pipelines
from local.sagemaker.registry import Registry
from local.sagemaker.store import Store
from local.sagemaker.tags import Tags
from local.sagemaker.tuning import TuningJobs


class SageMaker:
    """SageMaker on this machine; thread-safe. After construction call `resume`, at the end `close`."""

    def __init__(
        self,
        host: Host,
        images: Images,
        start: Start = sandbox.start,
        spot_interruption_seconds: float | None = None,
    ) -> None:
        store = Store(Path(host.state) / "sagemaker.sqlite")
        self.context = Context(host, images, start, store, spot_interruption_seconds)
        self._outbox = Outbox(self.context)
        self._hosting = Hosting(self.context)
        training = TrainingJobs(self.context)
        self._parts: list[Part] = [
            Tags(self.context),
            ProcessingJobs(self.context),
            training,
            TuningJobs(self.context, training),
            TransformJobs(self.context),
            Registry(self.context),
            self._hosting,
            Notebooks(self.context),
            Pipelines(self.context),
            # Last, so that the jobs that an execution waits for are under way when it resumes.
            Executions(self.context),
        ]
        self._handlers: dict[str, Handler] = {
            name: handler for part in self._parts for name, handler in handlers(part)
        }

    def call(self, operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Answer an operation; blocks. Timestamps are Unix seconds. Raises ApiError in AWS's words."""
        operation_model("sagemaker", operation)
        handler = self._handlers.get(operation)
        if handler is None:
            raise ApiError(
                "UnknownOperationException", f"The embedded AWS does not have sagemaker:{operation}."
            )
        return shape_output("sagemaker", operation, handler(check_input("sagemaker", operation, params)))

    async def invoke(self, endpoint: str, headers: Mapping[str, str], body: bytes) -> InvokeResult:
        """Send a request to an endpoint (the runtime's InvokeEndpoint)."""
        return await self._hosting.invoke(endpoint, headers, body)

    def invoke_async(self, endpoint: str, headers: Mapping[str, str], body: bytes) -> InvokeResult:
        """Queue a request for an asynchronous endpoint (the runtime's InvokeEndpointAsync); blocks."""
        return self._hosting.invoke_async(endpoint, headers, body)

    def resume(self) -> None:
        """Take up what was under way when the process last ended, however it ended."""
        self._outbox.start()
        for part in self._parts:
            part.resume()

    def close(self) -> None:
        """Stop every container and thread; the state stays, and `resume` of a new object goes on from it."""
        self.context.closing.set()
        self.context.store.wake()
        for part in reversed(self._parts):
            part.close()
        self._outbox.close()
        self.context.store.close()
