"""train: runs the user's script and tells SageMaker how it ended.

As the scikit-learn and XGBoost images do, by the rules of sagemaker-training.
"""

import builtins
import os
import re
import shlex
import subprocess
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from .contract import BASE, ClientError
from .environment import Environment
from .source import fetch, install_requirements

_EXCEPTIONS = tuple(
    name
    for name, value in vars(builtins).items()
    if isinstance(value, type) and issubclass(value, BaseException)
)


def main() -> int:
    """The whole job; returns the exit code."""
    try:
        _run(Environment.read())
    except ClientError as mistake:
        _fail(str(mistake))
        return 1
    except Exception as error:  # noqa: BLE001 - whatever it is, SageMaker must be told
        _fail(f"Framework Error: \n{traceback.format_exc()}\n{error}")
        return 1
    (BASE / "output/success").touch()
    return 0


def _run(job: Environment) -> None:
    folder = BASE / "code"
    fetch(job.submit_directory, folder)
    command = _command(job, folder)
    packages = install_requirements(folder)
    variables = job.variables() | {"PYTHONPATH": ":".join([str(folder), *packages, *filter(None, sys.path)])}
    print(f"Invoking script with the following command:\n\n{shlex.join(command)}\n", flush=True)
    process = subprocess.Popen(command, cwd=folder, env={**os.environ, **variables}, stderr=subprocess.PIPE)
    said = _tail(process)
    if code := process.wait():
        raise ClientError(
            f'ExecuteUserScriptError:\nExitCode {code}\nErrorMessage "{said}"\nCommand "{" ".join(command)}"'
        )


def _command(job: Environment, folder: Path) -> list[str]:
    """How the script is run: a Python file, a Python package with a setup.py, or a shell script."""
    program = job.program
    inside = (folder / program).resolve().is_relative_to(folder.resolve())
    if program.startswith("-") or not inside:
        raise ClientError(f"The training script {program!r} is not inside its folder.")
    if not (folder / program).is_file():
        raise ClientError(f"There is no training script {program!r} in {job.submit_directory}.")
    if not program.endswith(".py"):
        (folder / program).chmod(0o755)
        return ["/bin/sh", "-c", f"./{shlex.quote(program)} {shlex.join(job.arguments())}"]
    if (folder / "setup.py").is_file():
        return [sys.executable, "-m", program.removesuffix(".py"), *job.arguments()]
    return [sys.executable, "--", program, *job.arguments()]


def _tail(process: "subprocess.Popen[bytes]") -> str:
    """Pass on what the script writes to standard error; return it from the first exception on."""
    found: list[str] = []
    for line in process.stderr or ():
        sys.stderr.buffer.write(line)
        sys.stderr.buffer.flush()
        text = line.decode(errors="replace").rstrip()
        if found or any(text.startswith(name) for name in _EXCEPTIONS) or re.match(r"[\w.]+Error: ", text):
            found.append(text)
    return "\n".join(found)


def _fail(message: str) -> None:
    print(message, file=sys.stderr, flush=True)
    failure = BASE / "output/failure"
    # The script may have said more.
    if not failure.exists():
        failure.write_text(message)


def _exit(arguments: Sequence[str]) -> None:
    if arguments:
        print(f"train takes no arguments, but was given {shlex.join(arguments)}", file=sys.stderr)
        sys.exit(2)
    sys.exit(main())


if __name__ == "__main__":
    _exit(sys.argv[1:])
