"""The servers that are compared: ours, its peers, and the limits of both."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from benchmarks.serving import compiler, floor, peer_environment
from benchmarks.serving.bodies import KINDS
from benchmarks.serving.model import TrainedModel
from benchmarks.serving.paths import PEERS, PROGRAMS, ROOT, STATE
from benchmarks.serving.processes import Running, free_port, running

OURS, FLASK, ECHO, FLOOR = "sageloop", "flask+gunicorn", "echo", "c floor"
WORKERS = 2
_HERE = Path(__file__).parent
Role = Literal["ours", "peer", "limit"]


@dataclass(frozen=True)
class Contender:
    """A server: how it is started on a port, and which kinds of bodies it is asked."""

    name: str
    role: Role
    command: Sequence[str]
    environment: dict[str, str] = field(default_factory=dict)
    kinds: Sequence[str] = KINDS
    predicts: bool = True

    @contextmanager
    def started(self) -> Iterator[Running]:
        """The server until the end of the block; raises ServerError."""
        port = free_port()
        command = [part.replace("{port}", str(port)) for part in self.command]
        environment = {name: value.replace("{port}", str(port)) for name, value in self.environment.items()}
        log = STATE / "logs" / f"{self.name.replace(' ', '-')}.log"
        with running(command, port, log, environment) as server:
            yield server


def product(model: TrainedModel, name: str = OURS, program: Sequence[str] = ("-m", "serve")) -> Contender:
    """Our server as its image starts it, with all its limits."""
    environment = {
        "SAGEMAKER_BASE_DIR": str(model.ml),
        "SAGEMAKER_BIND_TO_PORT": "{port}",
        "SAGELOOP_WORKERS": str(WORKERS),
        "PYTHONPATH": str(PROGRAMS),
    }
    return Contender(name, "ours", [sys.executable, "-P", *program], environment)


def limits(model: TrainedModel) -> tuple[list[Contender], str | None]:
    """The echo and the floor; and why there is no floor."""
    echo = product(model, ECHO, [str(_HERE / "echo.py")])
    found = [Contender(ECHO, "limit", echo.command, echo.environment, KINDS, predicts=False)]
    try:
        program = floor.program(floor.parsed(bytes(model.booster.save_raw("json"))))
    except compiler.NoCompilerError as error:
        return found, str(error)
    return [*found, Contender(FLOOR, "limit", [str(program), "{port}", str(WORKERS)])], None


def peers(model: TrainedModel) -> tuple[list[Contender], str | None]:
    """The peers, with the model in the form that each wants; and why there are none."""
    why = peer_environment.missing()
    if why:
        return [], why
    binaries = PEERS / "bin"
    module = [str(binaries / "python"), "-m"]
    apps, workers = "benchmarks.serving.peers", str(WORKERS)
    uvicorn = ["uvicorn", "--port", "{port}", "--workers", workers, "--no-access-log", "--log-level", "error"]
    granian = ["--interface", "rsgi", "--workers", workers, "--loop", "uvloop", "--host", "127.0.0.1"]
    granian += ["--port", "{port}", "--no-access-log", "--log-level", "error"]
    gunicorn = ["-w", workers, "-b", "127.0.0.1:{port}", f"{apps}.flask_app:app"]
    mosec = ["--address", "127.0.0.1", "--port", "{port}", "--log-level", "error"]
    found = {
        FLASK: [str(binaries / "gunicorn"), *gunicorn],
        "fastapi+uvicorn, onnx": [*module, *uvicorn, f"{apps}.fastapi_app:app"],
        "granian rsgi, onnx": [str(binaries / "granian"), *granian, f"{apps}.granian_app:app"],
        "mosec batch, onnx": [*module, f"{apps}.mosec_app", *mosec],
    }
    environment = {"PEER_MODEL": str(_converted(model)), "PYTHONPATH": str(ROOT)}
    return [Contender(name, "peer", command, environment) for name, command in found.items()], None


def _converted(model: TrainedModel) -> Path:
    """The path of the model as UBJ, JSON and ONNX, without its ending."""
    path = STATE / "peers" / "model"
    path.parent.mkdir(parents=True, exist_ok=True)
    raw = model.file.read_bytes()
    ubj = path.with_suffix(".ubj")
    if not path.with_suffix(".onnx").is_file() or ubj.read_bytes() != raw:
        ubj.write_bytes(raw)
        path.with_suffix(".json").write_bytes(bytes(model.booster.save_raw("json")))
        program = _HERE / "peers" / "to_onnx.py"
        convert = [str(PEERS / "bin" / "python"), str(program), f"{path}.json", f"{path}.onnx"]
        subprocess.run(convert, check=True, timeout=120)
    return path
