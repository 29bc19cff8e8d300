"""Starts the trusted processes around containers, and waits for what they answer."""

import socket
import subprocess
import sys
from pathlib import Path
from typing import IO

from local.sandbox.container import Process, SandboxError

ANSWER_WITHIN = 30.0
_CHECKOUT = Path(__file__).resolve().parents[2]


def boot_python(
    module: str, kind: socket.SocketKind, output: IO[bytes] | None
) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """Run `main` of a module of local.sandbox_init; return the process and its control socket."""
    program = (
        f"import sys; sys.path.append({str(_CHECKOUT)!r}); "
        f"from local.sandbox_init.{module} import main; main()"
    )
    control, inside = socket.socketpair(socket.AF_UNIX, kind)
    control.settimeout(ANSWER_WITHIN)
    with inside:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-E", "-c", program, str(inside.fileno())],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=[inside.fileno()],
            env={},
            cwd="/",
            start_new_session=True,
        )
    return process, control


def await_answer(process: Process, control: socket.socket) -> None:
    """Wait for the answer that all is well; raises SandboxError, and ends the process, if it is not."""
    try:
        answer = control.recv(4096)
    except OSError as error:
        answer = f"!it gave no answer ({error})".encode()
    if answer == b"+":
        return
    control.close()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    why = answer[1:].decode() or "its first process ended; the log says why"
    raise SandboxError(f"The container could not be started: {why}.")
