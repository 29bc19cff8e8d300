"""/opt/ml of a training container: what it finds there, and what becomes of what it leaves.

docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-running-container.html
"""

import json
import time
from pathlib import Path

from local.sagemaker.context import now
from local.sagemaker.jobs.failure import JobFailed
from local.sagemaker.jobs.outputs import Uploader, files, pack
from local.sagemaker.s3 import location
from local.sagemaker.store import Record

_SAVE_SECONDS = 10.0


def configure(record: Record, ml: Path) -> None:
    """Write the configuration files and make the directories."""
    for name in ("model", "output/data", "input/config", "input/data"):
        (ml / name).mkdir(parents=True, exist_ok=True)
    instance_type = record["ResourceConfig"]["InstanceType"]
    group = {"instance_group_name": "homogeneousCluster", "instance_type": instance_type, "hosts": ["algo-1"]}
    channels = {
        channel["ChannelName"]: {
            "TrainingInputMode": channel.get(
                "InputMode", record["AlgorithmSpecification"]["TrainingInputMode"]
            ),
            "S3DistributionType": channel["DataSource"]["S3DataSource"].get(
                "S3DataDistributionType", "FullyReplicated"
            ),
            "RecordWrapperType": channel.get("RecordWrapperType", "None"),
            **({"ContentType": channel["ContentType"]} if "ContentType" in channel else {}),
        }
        for channel in record.get("InputDataConfig", [])
    }
    written = {
        "hyperparameters.json": record.get("HyperParameters", {}),
        "inputdataconfig.json": channels,
        "resourceconfig.json": {
            "current_host": "algo-1",
            "current_instance_type": instance_type,
            "current_group_name": "homogeneousCluster",
            "hosts": ["algo-1"],
            "instance_groups": [group],
            "network_interface_name": "eth0",
        },
    }
    if "CheckpointConfig" in record:
        written["checkpointconfig.json"] = record["CheckpointConfig"]
    for name, content in written.items():
        (ml / "input" / "config" / name).write_text(json.dumps(content))


def failure(ml: Path) -> str:
    """What the container wrote into /opt/ml/output/failure."""
    path = ml / "output" / "failure"
    if not path.is_file() or path.is_symlink():
        return ""
    with path.open("rb") as file:
        return file.read(4096).decode(errors="replace")


def publish(record: Record, ml: Path, uploader: Uploader) -> Record:
    """Upload model and output data; ModelArtifacts, if there is a model."""
    config = record["OutputDataConfig"]
    base = location(config["S3OutputPath"]).under(f"{record['TrainingJobName']}/output")
    if any(files(ml / "output" / "data")):
        pack(ml / "output" / "data", ml / "output.tar.gz")
        uploader.file(ml / "output.tar.gz", base.under("output.tar.gz"))
    if not any(files(ml / "model")):
        return {}
    if config.get("CompressionType") == "NONE":
        uploader.directory(ml / "model", base.under("model"))
        return {"ModelArtifacts": {"S3ModelArtifacts": f"{base.under('model')}/"}}
    pack(ml / "model", ml / "model.tar.gz")
    uploader.file(ml / "model.tar.gz", base.under("model.tar.gz"))
    return {"ModelArtifacts": {"S3ModelArtifacts": str(base.under("model.tar.gz"))}}


def checkpoint_directory(record: Record, ml: Path) -> Path:
    """Where checkpoints are; JobFailed for a LocalPath outside /opt/ml."""
    path = Path(record["CheckpointConfig"].get("LocalPath", "/opt/ml/checkpoints"))
    if not path.is_relative_to("/opt/ml") or ".." in path.parts:
        raise JobFailed(f"ClientError: The LocalPath of checkpoints must be under /opt/ml, but is {path}.")
    return ml / path.relative_to("/opt/ml")


class Checkpoints:
    """Copies new checkpoints to S3 while the job trains, so that an interrupted job goes on from them."""

    def __init__(self, record: Record, ml: Path, uploader: Uploader) -> None:
        self._uploader = uploader
        self._saved: dict[Path, tuple[int, float]] = {}
        self._next = time.monotonic() + _SAVE_SECONDS
        config = record.get("CheckpointConfig")
        self._directory = checkpoint_directory(record, ml) if config else None
        self._target = location(config["S3Uri"]) if config else None
        for path in files(self._directory) if self._directory else ():
            self._saved[path] = _state(path)

    def save(self, *, ended: bool = False) -> None:
        """Upload what changed, not more often than every ten seconds unless the container has ended."""
        if self._directory is None or self._target is None or (not ended and time.monotonic() < self._next):
            return
        self._next = time.monotonic() + _SAVE_SECONDS
        for path in files(self._directory):
            state = _state(path)
            # A file of this second may still be being written.
            if self._saved.get(path) != state and (ended or state[1] < now() - 1):
                self._uploader.file(path, self._target.under(path.relative_to(self._directory).as_posix()))
                self._saved[path] = state


def _state(path: Path) -> tuple[int, float]:
    status = path.stat()
    return status.st_size, status.st_mtime
