"""A job's directory, a trained model and a running server."""

import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

# As in the image, before libgomp is loaded: threads that spin are slow on a shared machine.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from tests.unit.containers.image_jobs import IMAGE, Job, table, train


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """An empty /opt/ml."""
    (tmp_path / "processing").mkdir()
    return Job(tmp_path)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Job:
    """Prepare and train have run on a small table."""
    job = Job(tmp_path_factory.mktemp("trained"))
    job.put("processing/input/data/a.csv", table(600).encode())
    job.put("processing/input/data/b.csv", table(600, 1, day=5).encode())
    done = job.run("prepare", "--target", "late", "--problem", "binary", "--time", "when", "--holdout", "0.2")
    assert done.returncode == 0, done.stderr
    train(job)
    return job


@pytest.fixture
def serving() -> Iterator[Callable[..., tuple[subprocess.Popen[bytes], int]]]:
    """Start `serve` on a free port and wait until it is healthy."""
    started = []

    def start(job: Job, workers: int = 1) -> tuple[subprocess.Popen[bytes], int]:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        environment = job.environment(SAGEMAKER_BIND_TO_PORT=str(port), SAGELOOP_WORKERS=str(workers))
        process = subprocess.Popen([str(IMAGE / "bin/serve")], env=environment, stdout=subprocess.PIPE)
        started.append(process)
        for _ in range(1500):
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                return process, port
            except OSError:
                assert process.poll() is None, "serve ended before it was healthy"
                time.sleep(0.02)
        raise AssertionError("serve did not become healthy")

    yield start
    for process in started:
        if process.poll() is None:
            process.terminate()
        process.wait(timeout=30)
        assert process.stdout is not None
        process.stdout.close()
