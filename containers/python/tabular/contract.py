"""The SageMaker container contract: where things are, how a program ends, how it says what went wrong.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-output.html
https://docs.aws.amazon.com/sagemaker/latest/dg/build-your-own-processing-container.html
"""

import errno
import os
import re
import shutil
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Literal, NoReturn

Kind = Literal["processing", "training", "serving"]

# SageMaker shows the first kilobyte of either file, as UTF-8, and fails a job whose message is longer.
_COMPLAINTS: dict[Kind, str] = {"processing": "output/message", "training": "output/failure"}
_COMPLAINT_BYTES = 1000
_STOPPED = 128 + signal.SIGTERM
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
# So libraries in Rust write the number, whose errors have no errno.
_OS_ERROR = re.compile(r"\(os error (\d+)\)")


class DataError(ValueError):
    """The user's data or settings are wrong; the text is one sentence naming the object and the remedy."""


def ml(*parts: str) -> Path:
    """A path under /opt/ml, or under SAGEMAKER_BASE_DIR where that is set."""
    return Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"), *parts)


def run(program: Callable[[], None], kind: Kind) -> NoReturn:
    """Run a program to its exit code: 0, 1 with one sentence for the user, or 143 when SageMaker stops it."""
    signal.signal(signal.SIGTERM, _stop)
    try:
        program()
    except DataError as error:
        _complain(str(error), kind)
        sys.exit(1)
    except Exception as error:  # noqa: BLE001  the last resort: a bug of ours still ends in one sentence
        traceback.print_exc()
        first = next(iter(str(error).splitlines()), "")
        wrong = _no_space() if _is_full(error) else f"internal error: {type(error).__name__}: {first}"
        _complain(wrong, kind)
        sys.exit(1)
    sys.exit(0)


def _is_full(error: Exception) -> bool:
    """Whether the disk had no room for what was to be written."""
    found = _OS_ERROR.search(str(error))
    return (int(found[1]) if found else getattr(error, "errno", None)) in _FULL


def _no_space() -> str:
    size = shutil.disk_usage(ml()).total / 1e9
    return f"the disk of the job, {size:.1f} GB, has no room left: declare a larger one, Data(volume_gb=…)"


def _stop(_signal: int, _frame: FrameType | None) -> NoReturn:
    # Without a handler, process 1 of a container ignores SIGTERM until SageMaker kills it.
    sys.exit(_STOPPED)


def _complain(sentence: str, kind: Kind) -> None:
    print(sentence, file=sys.stderr, flush=True)
    if kind in _COMPLAINTS:
        path = ml(_COMPLAINTS[kind])
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(sentence.encode()[:_COMPLAINT_BYTES].decode(errors="ignore").encode())
        except OSError as error:
            print(f"{path} cannot be written: {error.strerror}", file=sys.stderr, flush=True)
