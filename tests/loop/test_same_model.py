"""The pipeline, the program run by hand and the real image learn the same model, byte for byte."""

import io
import json
import math
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from local.sagemaker import instances
from tests.loop import oci
from tests.loop.deployed import CHECKOUT, Deployed

PROGRAMS = CHECKOUT / "containers" / "python"


@dataclass(frozen=True)
class Training:
    """A training job that the pipeline has run: what it read, and the files of its model."""

    ml: Path
    model: dict[str, bytes]
    processors: int

    @contextmanager
    def again(self, directory: Path) -> Iterator[Path]:
        """/opt/ml as the job found it, and as many processors: sums depend on the number of threads."""
        shutil.copytree(self.ml, directory)
        all_of_them = os.sched_getaffinity(0)
        os.sched_setaffinity(0, sorted(all_of_them)[: self.processors])
        try:
            yield directory
        finally:
            os.sched_setaffinity(0, all_of_them)


@pytest.fixture(scope="module")
def training(deployed: Deployed, served: str, tmp_path_factory: pytest.TempPathFactory) -> Training:
    described = deployed.sagemaker.describe_model_package(ModelPackageName=served)
    artifact = described["InferenceSpecification"]["Containers"][0]["ModelDataUrl"]
    name = artifact.removesuffix("/output/model.tar.gz").rpartition("/")[2]
    job = deployed.sagemaker.describe_training_job(TrainingJobName=name)
    ml = tmp_path_factory.mktemp("job") / "ml"
    for place in ("input/config", "model", "output"):
        (ml / place).mkdir(parents=True)
    (ml / "input/config/hyperparameters.json").write_text(json.dumps(job["HyperParameters"]))
    for channel in job["InputDataConfig"]:
        source = channel["DataSource"]["S3DataSource"]["S3Uri"]
        _download(deployed, source, ml / "input/data" / channel["ChannelName"])
    processors = instances.limits(job["ResourceConfig"]["InstanceType"]).cpus
    return Training(ml, _members(_read(deployed, artifact)), math.ceil(processors or 1))


def test_the_program_run_by_hand_learns_the_same_model(training: Training, tmp_path: Path) -> None:
    command = [sys.executable, "-P", "-m", "train"]
    with training.again(tmp_path / "ml") as ml:
        environment = {"SAGEMAKER_BASE_DIR": str(ml), "PYTHONPATH": str(PROGRAMS), "PATH": os.environ["PATH"]}
        subprocess.run(command, env=environment, check=True, capture_output=True)
    assert _learnt(_files(ml / "model")) == _learnt(training.model)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.skipif(bool(oci.missing()), reason=oci.missing() or "images can be built here")
def test_the_real_image_learns_the_same_model(training: Training, tmp_path: Path) -> None:
    # A gigabyte, which is not kept as tmp_path is.
    with tempfile.TemporaryDirectory() as directory, training.again(tmp_path / "ml") as ml:
        builder = oci.Builder(Path(directory))
        builder.base()
        builder.run(builder.build(PROGRAMS), ml, ["train"])
    assert _learnt(_files(ml / "model")) == _learnt(training.model)


def _learnt(files: dict[str, bytes]) -> dict[str, bytes]:
    """The files of a model that come from the data, without model.json, which also tells how long it took."""
    learnt = {name: content for name, content in files.items() if name != "model.json"}
    assert {"model.ubj", "schema.json"} <= learnt.keys()
    return learnt


def _files(directory: Path) -> dict[str, bytes]:
    found = (path for path in directory.rglob("*") if path.is_file())
    return {str(path.relative_to(directory)): path.read_bytes() for path in found}


def _read(deployed: Deployed, uri: str) -> bytes:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    content: bytes = deployed.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    return content


def _download(deployed: Deployed, prefix: str, directory: Path) -> None:
    bucket, _, below = prefix.removeprefix("s3://").partition("/")
    for found in deployed.s3.list_objects_v2(Bucket=bucket, Prefix=below)["Contents"]:
        path = directory / found["Key"].removeprefix(below).lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_read(deployed, f"s3://{bucket}/{found['Key']}"))


def _members(archive: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        opened = {member.name: tar.extractfile(member) for member in tar if member.isfile()}
        return {name: file.read() for name, file in opened.items() if file is not None}
