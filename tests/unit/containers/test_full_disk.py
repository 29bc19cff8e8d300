"""A job that runs out of room says so, and leaves nothing that could be taken for its result."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.unit.containers.image_jobs import IMAGE, Job, table

PREPARE = ("prepare", "--target", "late", "--problem", "binary", "--holdout", "0.2")


def run_with_room(job: Job, blocks: int, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a program whose files may have so many blocks of 512 bytes, as on a disk that is nearly full."""
    command = ["sh", "-c", f'ulimit -f {blocks}; exec "$@"', "sh", str(IMAGE / "bin" / program), *arguments]
    # Modules that Python compiles would be cut off, too.
    environment = job.environment(PYTHONDONTWRITEBYTECODE="1")
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("blocks", [1, 8, 16])
def test_prepare_names_the_disk(job: Job, blocks: int) -> None:
    job.put("processing/input/data/a.csv", table(3_000).encode())
    done = run_with_room(job, blocks, *PREPARE)
    assert done.returncode == 1
    assert "has no room left: declare a larger one, Data(volume_gb=…)" in done.stderr
    assert (job.ml / "output" / "message").read_text() in done.stderr
    # The pipeline's condition reads it: without it, nothing goes on.
    assert not list(job.ml.glob("processing/output/intake/*"))


def test_train_names_the_disk(trained: Job, tmp_path: Path) -> None:
    job = Job(tmp_path)
    for part in ("input",):
        shutil.copytree(trained.ml / part, job.ml / part)
    done = run_with_room(job, 8, "train")
    assert done.returncode == 1
    assert "has no room left" in done.stderr
    assert "Traceback" not in (job.ml / "output" / "failure").read_text()


def test_a_message_that_cannot_be_written_is_printed(job: Job) -> None:
    job.put("processing/input/data/a.csv", b"")
    job.put("output/message/is a directory", b"")
    done = job.run(*PREPARE)
    assert done.returncode == 1
    assert "cannot be written" in done.stderr
    assert "a.csv" in done.stderr
