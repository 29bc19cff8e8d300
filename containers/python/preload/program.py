"""How a fork becomes the program of its job."""

import atexit
import contextlib
import importlib
import logging
import os
import runpy
import sys
import threading
from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import NoReturn

from preload.server import Job

_THREADS = "OMP_NUM_THREADS"
# Variables that are read when they are needed; every other may have been read when a library was loaded.
_READ_LATE = (
    _THREADS,
    "AWS_",
    "HOSTNAME",
    "PROCESSING_JOB_",
    "SAGELOOP_",
    "SAGEMAKER_",
    "SM_",
    "TRAINING_JOB_",
)

_COERCED = "LC_CTYPE"
"""What the interpreter itself sets where a locale is missing (PEP 538)."""


@dataclass(frozen=True)
class Environment:
    """The environment in which the modules were loaded, before and after: libraries add to it."""

    before: Mapping[str, str]
    after: Mapping[str, str]

    @property
    def added(self) -> dict[str, str]:
        """What a process has that did not begin with it."""
        added = self.after.keys() - self.before.keys() | {_COERCED} & self.after.keys()
        return {name: self.after[name] for name in added}

    def suits(self, environment: Mapping[str, str]) -> bool:
        """Whether the modules would have been loaded the same way in this environment."""
        differing = {name for name, _ in (self.added | dict(environment)).items() ^ self.after.items()}
        return all(name.startswith(_READ_LATE) for name in differing)


def become(job: Job, packages: Container[str], loaded: Environment) -> NoReturn:
    """Run the job's program as `docker run` would: in this process if it is one of the packages.

    Another program, or one whose environment could have made a library load otherwise, is executed.
    """
    os.chdir(job.workdir)
    os.environ.clear()
    os.environ.update(loaded.added | job.environment)
    program, *arguments = job.argv
    if program in packages and loaded.suits(job.environment):
        _renew()
        _leave(_run_module(program, arguments))
    os.execvpe(program, job.argv, job.environment)  # noqa: S606


def _renew() -> None:
    """Make anew what a process has for itself, and a fork has from its parent."""
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed()  # or the random numbers of all forks would be the same
    if _THREADS in os.environ:
        # Not imported before the environment is noted, to which it adds.
        importlib.import_module("threadpoolctl").threadpool_limits(int(os.environ[_THREADS]))
    # What libraries registered when they were loaded may wait for threads, and a fork has but one. As
    # multiprocessing does since Python 3.13: https://github.com/python/cpython/issues/83856
    atexit._clear()
    atexit.register(logging.shutdown)
    if processes := sys.modules.get("multiprocessing.util"):
        atexit.register(processes._exit_function)


def _run_module(name: str, arguments: list[str]) -> int:
    """As `python3 -P -m name arguments`; return the exit code."""
    sys.orig_argv[sys.orig_argv.index("preload") :] = [name, *arguments]
    sys.argv[1:] = arguments
    try:
        runpy.run_module(name, run_name="__main__", alter_sys=True)
    except SystemExit as left:
        if left.code is None or isinstance(left.code, int):
            return (left.code or 0) & 0xFF
        print(left.code, file=sys.stderr)
        return 1
    except BaseException:  # noqa: BLE001 - what the interpreter does with it at the outermost level
        sys.excepthook(*sys.exc_info())
        return 1
    return 0


def _leave(code: int) -> NoReturn:
    """End as the interpreter does, but leave the modules to the kernel: clearing them copies every page."""
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # it may be closed
            stream.flush()
    os._exit(code)
