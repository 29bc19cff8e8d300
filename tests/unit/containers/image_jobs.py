"""Jobs as SageMaker starts them, in a directory that stands for /opt/ml."""

import json
import os
import random
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

IMAGE = Path(__file__).parents[3] / "containers" / "python"


@dataclass(frozen=True)
class Job:
    """One directory in the place of /opt/ml and the program that runs on it."""

    ml: Path

    def run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a program of the image to its end."""
        command = [str(IMAGE / "bin" / program), *arguments]
        return subprocess.run(
            command, env=self.environment(), capture_output=True, text=True, timeout=120, check=False
        )

    def environment(self, **more: str) -> dict[str, str]:
        """What the image's ENV and the platform set."""
        return {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(IMAGE),
            "SAGEMAKER_BASE_DIR": str(self.ml),
            **more,
        }

    def put(self, place: str, content: bytes) -> Path:
        """Put a file below the directory."""
        path = self.ml / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path


def table(rows: int, seed: int = 0, *, day: int = 1) -> str:
    """CSV with numbers, texts, truths, dates, holes and a target that can be learnt."""
    chance = random.Random(seed)  # noqa: S311
    lines = ["when,distance,humid,carrier,weekend,built,late"]
    for row in range(rows):
        distance, humid = chance.randrange(80, 3000), chance.random()
        carrier, weekend = chance.choice(["AA", "B6", "UA"]), chance.random() < 0.3
        score = 2 * humid + (carrier == "B6") + distance / 3000 - 1.6 + chance.gauss(0, 0.4)
        hole = "" if row % 7 == 0 else f"{humid:.4f}"
        moment = f"2013-01-{day + row * 20 // rows:02}T{row % 24:02}:00:00Z"
        built = f"{1990 + row % 20}-05-01"
        lines.append(f"{moment},{distance},{hole},{carrier},{str(weekend).lower()},{built},{int(score > 0)}")
    return "\n".join(lines) + "\n"


def train(job: Job, **hyperparameters: str) -> None:
    """Hand the outputs of prepare to a training job and run it."""
    for channel, file in (("train", "train.parquet"), ("schema", "schema.json")):
        content = (job.ml / "processing/output" / channel / file).read_bytes()
        job.put(f"input/data/{channel}/{file}", content)
    settings = {"target": "late", "problem": "binary", "rounds": "40", "eta": "0.3", **hyperparameters}
    job.put("input/config/hyperparameters.json", json.dumps(settings).encode())
    done = job.run("train")
    assert done.returncode == 0, done.stderr
    job.put("train.log", done.stdout.encode())


def pack(model: Path, into: Path) -> None:
    """model.tar.gz as SageMaker makes it of /opt/ml/model."""
    into.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(into, "w:gz") as tar:
        for file in sorted(model.iterdir()):
            tar.add(file, file.name)
