"""Start, find and stop the embedded AWS of a checkout; standard library only, so any program may use it."""

import contextlib
import fcntl
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHON = ROOT / ".venv-aws" / "bin" / "python"
IMAGES = Path(os.environ.get("SAGELOOP_IMAGES") or ROOT / ".sageloop" / "images")
HEALTH = "/_ministack/health"
READY_SECONDS = 60.0
STOP_SECONDS = 30.0
RELEASE_SECONDS = 3.0
PROBE_BYTES = 4096
PORTS = range(20_000, 32_000)


class CloudError(Exception):
    """The embedded AWS could not be started or stopped; the text says why and what to do."""


@dataclass(frozen=True)
class Cloud:
    """A running embedded AWS."""

    pid: int
    url: str
    account: str
    region: str
    speed: float
    state: Path

    @property
    def log(self) -> Path:
        """The log file of the server."""
        return self.state / "aws.log"

    def environment(self) -> dict[str, str]:
        """Return the variables by which AWS clients and the CDK find this cloud and nothing else."""
        port = self.url.rsplit(":", 1)[1]
        return {
            "AWS_ENDPOINT_URL": self.url,
            # CloudFormation recognises a template's URL by this form of the host.
            "AWS_ENDPOINT_URL_S3_FOR_CLOUDFORMATION": f"http://localhost:{port}",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "CDK_DEFAULT_ACCOUNT": self.account,
            "CDK_DEFAULT_REGION": self.region,
            "CDK_DOCKER": str(ROOT / "local" / "docker"),
            # The CDK remembers the account of an access key in its home: every cloud has its own.
            "CDK_HOME": str(self.state / "cdk"),
            "CDK_DISABLE_CLI_TELEMETRY": "true",
            "CDK_DISABLE_VERSION_CHECK": "true",
            "SAGELOOP_STATE": str(self.state),
        }


def start(
    state: Path,
    *,
    speed: float = 1.0,
    port: int | None = None,
    account: str = "000000000000",
    region: str = "us-east-1",
) -> Cloud:
    """Start the embedded AWS that keeps its state in `state`, or return the one that runs already.

    The port is chosen once and kept with the state, so that URLs stay true across restarts.
    Raises CloudError when it does not come up, with the last lines of its log.
    """
    state = state.resolve()
    _require_writable(state)
    with _locked(state):
        if cloud := running(state):
            return cloud
        _clear_leftovers(state)
        if not PYTHON.exists():
            raise CloudError(f"{PYTHON} is missing: run `make setup` first.")
        number = port or _kept_port(state) or _free_port()
        _temporary(state).mkdir(exist_ok=True)
        record = {"account": account, "region": region, "speed": speed}
        log = (state / "aws.log").open("ab")
        with log:
            process = subprocess.Popen(
                [str(PYTHON), "-m", "local", str(state), str(number), json.dumps(record)],
                cwd=ROOT,
                env=_server_environment(state),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        cloud = Cloud(process.pid, f"http://127.0.0.1:{number}", account, region, speed, state)
        _write(state, cloud)
        _wait_until_ready(cloud, process)
        return cloud


def running(state: Path) -> Cloud | None:
    """Return the embedded AWS that runs on `state`, None when there is none."""
    cloud = _read(state.resolve())
    return cloud if cloud and _is_server(cloud.pid, cloud.state) else None


def stop(state: Path) -> bool:
    """Stop the embedded AWS of `state` and every process that it started; False when none was running."""
    state = state.resolve()
    if not state.exists():
        return False
    with _locked(state):
        cloud = running(state)
        if cloud:
            family = _family(cloud.pid)
            os.kill(cloud.pid, signal.SIGTERM)
            _wait_until(lambda: not _is_server(cloud.pid, state))
            _reap(cloud.pid)
            # Containers end with the server that they belong to.
            _wait_until(lambda: not family & _alive())
        _clear_leftovers(state)
        return cloud is not None


def processes(state: Path) -> list[int]:
    """Return the ids of the processes that the embedded AWS of `state` consists of, containers included."""
    cloud = _read(state.resolve())
    return [] if cloud is None else sorted(_family(cloud.pid))


def _server_environment(state: Path) -> dict[str, str]:
    """Return the environment of the server: nothing of the user's AWS settings may leak into it."""
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("AWS_", "PYTHON", "VIRTUAL_ENV", "CDK_"))
    }
    return kept | {"PYTHONUNBUFFERED": "1", "TMPDIR": str(_temporary(state))}


def _require_writable(state: Path) -> None:
    """CloudError where nothing can be kept: better now than at the first change."""
    try:
        state.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=state) as probe:
            probe.write(bytes(PROBE_BYTES))
    except OSError as error:
        raise CloudError(
            f"The embedded AWS cannot write to {state} ({error.strerror}): make room there, or name another "
            "directory in SAGELOOP_STATE."
        ) from None


def _temporary(state: Path) -> Path:
    """Where the server and its functions keep temporary files: ministack leaves those of each function."""
    return state / "tmp"


@contextlib.contextmanager
def _locked(state: Path) -> Iterator[None]:
    """Hold the lock of a state directory: two starts at once make one server."""
    with (state / "aws.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _write(state: Path, cloud: Cloud) -> None:
    path = state / "aws.json"
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps(asdict(cloud) | {"state": str(cloud.state)}, indent=2) + "\n")
    draft.replace(path)


def _read(state: Path) -> Cloud | None:
    try:
        record = json.loads((state / "aws.json").read_text())
        return Cloud(**(record | {"state": Path(record["state"])}))
    except (FileNotFoundError, json.JSONDecodeError, TypeError, KeyError):
        return None


def _kept_port(state: Path) -> int | None:
    """Return the port of this state's last server; CloudError if another program has it now."""
    cloud = _read(state)
    if cloud is None:
        return None
    number = int(cloud.url.rsplit(":", 1)[1])
    # A server that was killed a moment ago still holds it.
    _wait_until(lambda: _is_free(number), RELEASE_SECONDS)
    if not _is_free(number):
        raise CloudError(
            f"Port {number}, which this embedded AWS has, is taken: end the program that listens there, "
            f"or remove {state} to begin anew."
        )
    return number


def _free_port() -> int:
    """A port that is free, and below those that the system gives to outgoing connections."""
    return next(number for number in iter(lambda: random.choice(PORTS), None) if _is_free(number))  # noqa: S311


def _is_free(number: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", number))
        except OSError:
            return False
    return True


def _wait_until_ready(cloud: Cloud, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise CloudError(f"The embedded AWS ended at its start (log: {cloud.log}):\n{_tail(cloud.log)}")
        try:
            with urllib.request.urlopen(cloud.url + HEALTH, timeout=2):  # noqa: S310 (our own http URL)
                return
        except OSError:
            time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    waited = f"{READY_SECONDS:.0f} s"
    raise CloudError(
        f"The embedded AWS did not answer within {waited} (log: {cloud.log}):\n{_tail(cloud.log)}"
    )


def _tail(log: Path, lines: int = 12) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def _clear_leftovers(state: Path) -> None:
    """Kill what an earlier server of this state left behind: its session holds only its own children."""
    cloud = _read(state)
    if cloud is None:
        return
    for pid in _family(cloud.pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    _wait_until(lambda: not _family(cloud.pid))
    shutil.rmtree(_temporary(state), ignore_errors=True)


def _wait_until(condition: Callable[[], bool], seconds: float = STOP_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)


def _family(server: int) -> set[int]:
    """The living processes of the session that the server opened, and all their descendants."""
    table = _table()
    family = {pid for pid, (_, session) in table.items() if session == server}
    while found := {pid for pid, (parent, _) in table.items() if parent in family} - family:
        family |= found
    return family


def _alive() -> set[int]:
    return set(_table())


def _table() -> dict[int, tuple[int, int]]:
    """Parent and session of every living process."""
    listing = subprocess.run(
        ["ps", "-eo", "pid=,ppid=,sid=,stat="], capture_output=True, text=True, check=True
    )
    rows = (line.split() for line in listing.stdout.splitlines())
    return {
        int(pid): (int(parent), int(session))
        for pid, parent, session, state in rows
        if not state.startswith("Z")
    }


def _reap(pid: int) -> None:
    """Collect the server's exit status if it is a child of this process."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def _is_server(pid: int, state: Path) -> bool:
    """Tell whether this process is the server of `state`: process ids are used again."""
    _reap(pid)
    listing = ["ps", "-ww", "-o", "stat=,args=", "-p", str(pid)]
    shown = subprocess.run(listing, capture_output=True, text=True, check=False).stdout
    return not shown.startswith("Z") and f"-m local {state} " in shown
