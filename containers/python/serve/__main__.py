"""serve: one process per processor behind one port, watched by this one."""

import os
import signal
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from types import FrameType

# One prediction uses one thread: the server has a process for each processor. Read when libgomp is loaded.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from learners import learner
from serve import log, worker
from tabular import artifact
from tabular.artifact import ArtifactError
from tabular.contract import DataError, ml, run

_STOPS = (signal.SIGTERM, signal.SIGINT)
_UNUSABLE_MODEL = 3
_PAUSE_SECONDS = 1.0


@dataclass
class Supervisor:
    """Keeps `workers` processes alive; ends when told to, or when the model cannot be served."""

    host: str
    port: int
    workers: int
    _running: dict[int, float] = field(default_factory=dict)
    _stopping: bool = False

    def run(self) -> None:
        """Serve until SIGTERM; DataError when the model cannot be loaded."""
        # The workers see the end of this pipe when this process dies, however it dies.
        lifeline, self._alive = os.pipe()
        for number in _STOPS:
            signal.signal(number, self._stop)
        for _ in range(self.workers):
            self._start(lifeline)
        while self._running:
            process, status = os.wait()
            started = self._running.pop(process)
            code = os.waitstatus_to_exitcode(status)
            if code == _UNUSABLE_MODEL:
                self._stop()
                raise DataError("the model cannot be served; the reason is in the lines before this one")
            if not self._stopping:
                log.event("worker_ended", process=process, code=code)
                # A worker that ends at once must not be restarted in a busy loop.
                time.sleep(max(0.0, _PAUSE_SECONDS - (time.monotonic() - started)))
                if not self._stopping:
                    self._start(lifeline)

    def _start(self, lifeline: int) -> None:
        # A signal between the fork and the child's own handlers would run the parent's handler in the child.
        signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS)
        process = os.fork()
        if process == 0:
            os._exit(self._work(lifeline))
        self._running[process] = time.monotonic()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPS)

    def _work(self, lifeline: int) -> int:
        """The life of one worker, as an exit code."""
        os.close(self._alive)
        for number in _STOPS:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPS)
        try:
            worker.run(self.host, self.port, lifeline)
        except (ArtifactError, DataError) as error:
            print(error, file=sys.stderr, flush=True)
            return _UNUSABLE_MODEL
        except Exception as error:  # noqa: BLE001  the parent restarts this process
            log.event("worker_failed", error=f"{type(error).__name__}: {error}")
            return 1
        return 0

    def _stop(self, _signal: int = 0, _frame: FrameType | None = None) -> None:
        self._stopping = True
        for process in self._running:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGTERM)


def main() -> None:
    """Read the environment and serve."""
    # Outside a container (SAGEMAKER_BASE_DIR is set) the machine's other interfaces are none of our business.
    anywhere = "127.0.0.1" if "SAGEMAKER_BASE_DIR" in os.environ else "0.0.0.0"  # noqa: S104
    host = os.environ.get("SAGELOOP_HOST", anywhere)
    port = int(os.environ.get("SAGEMAKER_BIND_TO_PORT", "8080"))
    # Loaded before the workers part, so that they share it; a model that cannot be had, they complain about.
    with suppress(ArtifactError, DataError):
        learner(artifact.algorithm(ml("model")))
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    Supervisor(host, port, int(os.environ.get("SAGELOOP_WORKERS", processors))).run()


if __name__ == "__main__":
    run(main, "serving")
