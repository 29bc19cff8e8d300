"""The programs of the stand-ins for AWS's framework images, run as their containers run them."""

import http.client
import io
import json
import os
import socket
import subprocess
import sys
import tarfile
import textwrap
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from local.images import aws

CONTEXT = Path(aws.__file__).parent / "context"
# A job, and what sagemaker-training 5.1.4 made of it; its source is that package, run on this job.
KNOWN = Path(__file__).with_name("sagemaker_training.json").read_text()
SHOW = "import json, os, sys\nprint('@@' + json.dumps([sys.argv[1:], dict(os.environ), os.getcwd()]))\n"
MODEL = "def model_fn(folder):\n    return open(folder + '/weight').read()\n"
SUM = "def predict_fn(rows, model):\n    return rows.sum(axis=1) * float(model)\n"


class Job:
    """/opt/ml of a container."""

    def __init__(self, base: Path) -> None:
        self.base = base
        for place in ("input/config", "input/data/code", "model/code", "output/data"):
            (base / place).mkdir(parents=True)
        (base / "model/weight").write_text("2")

    def configure(self, **files: Mapping[str, Any]) -> None:
        for name, content in files.items():
            (self.base / "input/config" / f"{name}.json").write_text(json.dumps(content))

    def source(self, **members: str) -> Path:
        """The archive of a script's folder; `train` is train.py."""
        archive = self.base / "input/data/code/sourcedir.tar.gz"
        with tarfile.open(archive, "w:gz") as tar:
            for name, text in members.items():
                entry = tarfile.TarInfo(name if "." in name else f"{name}.py")
                entry.size = len(text.encode())
                tar.addfile(entry, io.BytesIO(text.encode()))
        return archive

    def environment(self, **variables: str) -> dict[str, str]:
        base = {"SAGEMAKER_BASE_DIR": str(self.base), "PYTHONPATH": str(CONTEXT), "PATH": os.environ["PATH"]}
        return (
            base | {"IMAGE": "sagemaker-scikit-learn-1.9-0", "AWS_EC2_METADATA_DISABLED": "true"} | variables
        )

    def train(
        self, hyperparameters: Mapping[str, str], **variables: str
    ) -> "subprocess.CompletedProcess[str]":
        resources = {"current_host": "algo-1", "hosts": ["algo-1"]}
        self.configure(hyperparameters=hyperparameters, resourceconfig=resources, inputdataconfig={})
        return self.run(**variables)

    def run(self, **variables: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-P", "-m", "script_mode.train"]
        environment = self.environment(**variables)
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    @property
    def failure(self) -> str:
        return (self.base / "output/failure").read_text()

    @contextmanager
    def serving(self, script: str, **variables: str) -> Iterator["Endpoint"]:
        (self.base / "model/code/train.py").write_text(script)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        environment = self.environment(
            SAGEMAKER_PROGRAM="train.py", SAGEMAKER_BIND_TO_PORT=str(port), **variables
        )
        command = [sys.executable, "-P", "-m", "script_mode.serve"]
        with subprocess.Popen(command, env=environment) as process:
            try:
                endpoint = Endpoint(port)
                endpoint.wait(process)
                yield endpoint
            finally:
                process.terminate()
        assert process.returncode == 0


class Endpoint:
    def __init__(self, port: int) -> None:
        self.port = port

    def wait(self, process: "subprocess.Popen[bytes]") -> None:
        while process.poll() is None:
            try:
                status, _, _ = self.call("GET", "/ping")
            except OSError:
                time.sleep(0.05)
            else:
                assert status == 200
                return
        raise AssertionError("the server ended")

    def ask(self, body: bytes, content_type: str, accept: str = "*/*") -> tuple[int, str, bytes]:
        return self.call("POST", "/invocations", body, {"Content-Type": content_type, "Accept": accept})

    def call(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> tuple[int, str, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        connection.request(method, path, body, dict(headers or {}))
        answer = connection.getresponse()
        return answer.status, answer.headers["Content-Type"], answer.read()


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path / "ml")


def test_a_script_is_told_what_the_toolkit_of_aws_tells_it(job: Job) -> None:
    cpus = str(os.cpu_count())
    known = json.loads(KNOWN.replace("@BASE@", str(job.base)).replace("@CPUS@", cpus))
    job.configure(**{name: known[name] for name in ("hyperparameters", "inputdataconfig", "resourceconfig")})
    job.source(show=SHOW)
    done = job.run(TRAINING_JOB_NAME="job-1")
    assert done.returncode == 0, done.stderr
    [told] = [line for line in done.stdout.splitlines() if line.startswith("@@")]
    arguments, variables, directory = json.loads(told[2:])
    assert arguments == known["arguments"]
    assert {name: value for name, value in variables.items() if name.startswith("SM_")} == known["variables"]
    assert directory == str(job.base / "code")
    assert (job.base / "output/success").is_file()


def test_a_script_imports_its_neighbours(job: Job) -> None:
    archive = job.source(train="import near\nprint(near.VALUE)\n", near="VALUE = 'from near'\n")
    done = job.train({"sagemaker_program": "train.py", "sagemaker_submit_directory": str(archive)})
    assert "from near" in done.stdout


def test_a_shell_script_runs_too(job: Job) -> None:
    archive = job.source(**{"train.sh": '#!/bin/sh\necho "$1=$2"\n'})
    done = job.train(
        {"sagemaker_program": "train.sh", "sagemaker_submit_directory": str(archive), "say": "two words"}
    )
    assert "--say=two words" in done.stdout


def test_a_failing_script_names_its_exception(job: Job) -> None:
    archive = job.source(train="raise ValueError('no rows')\n")
    done = job.train({"sagemaker_program": "train.py", "sagemaker_submit_directory": str(archive)})
    assert done.returncode == 1
    assert job.failure.startswith('ExecuteUserScriptError:\nExitCode 1\nErrorMessage "ValueError: no rows"')
    assert not (job.base / "output/success").exists()


def test_what_a_script_says_of_its_failure_stays(job: Job) -> None:
    said = f"open({str(job.base / 'output/failure')!r}, 'w').write('the well is dry')\nraise SystemExit(3)\n"
    archive = job.source(train=said)
    done = job.train({"sagemaker_program": "train.py", "sagemaker_submit_directory": str(archive)})
    assert done.returncode == 1
    assert job.failure == "the well is dry"


@pytest.mark.parametrize(
    ("program", "sentence"),
    [
        ("../out.py", "The training script '../out.py' is not inside its folder."),
        ("-c", "The training script '-c' is not inside its folder."),
        ("other.py", "There is no training script 'other.py' in "),
    ],
)
def test_a_program_that_is_not_there_is_one_sentence(job: Job, program: str, sentence: str) -> None:
    archive = job.source(train=SHOW)
    done = job.train({"sagemaker_program": program, "sagemaker_submit_directory": str(archive)})
    assert done.returncode == 1
    assert job.failure.startswith(sentence)


def test_a_job_without_a_program_is_one_sentence(job: Job) -> None:
    job.train({})
    assert job.failure.startswith("The hyperparameter sagemaker_program, which names the training script")


def test_an_archive_writes_nowhere_but_into_its_folder(job: Job) -> None:
    archive = job.source(**{"../escaped.py": "x = 1\n"})
    job.train({"sagemaker_program": "train.py", "sagemaker_submit_directory": str(archive)})
    assert "'../escaped.py', which is no file of the folder." in job.failure
    assert not (job.base / "escaped.py").exists()


def test_without_a_network_the_folder_cannot_come_from_s3(job: Job) -> None:
    where = "s3://bucket/sourcedir.tar.gz"
    done = job.train(
        {"sagemaker_program": "train.py", "sagemaker_submit_directory": where}, AWS_DEFAULT_REGION="us-east-1"
    )
    assert done.returncode == 1
    assert job.failure.startswith("The script's folder s3://bucket/sourcedir.tar.gz could not be fetched")
    assert "input channel" in job.failure


def test_requirements_that_cannot_be_installed_are_one_sentence(job: Job) -> None:
    archive = job.source(train=SHOW, **{"requirements.txt": "--no-index\nno-such-package\n"})
    job.train({"sagemaker_program": "train.py", "sagemaker_submit_directory": str(archive)})
    assert job.failure.startswith("InstallRequirementsError:\nExitCode ")


def test_answers_have_the_form_that_is_asked_for(job: Job) -> None:
    array = io.BytesIO()
    np.save(array, np.array([[1.0, 2.0], [3.0, 4.0]]))
    with job.serving(MODEL + SUM) as endpoint:
        assert endpoint.ask(b"[[1, 2], [3, 4]]", "application/json") == (
            200,
            "application/json",
            b"[6.0, 14.0]",
        )
        assert endpoint.ask(b"1,2\n3,4\n", "text/csv; charset=utf-8", "text/csv")[2] == b"6.0\n14.0\n"
        status, kind, content = endpoint.ask(array.getvalue(), "application/x-npy", "application/x-npy")
        assert (status, kind) == (200, "application/x-npy")
        assert np.load(io.BytesIO(content)).tolist() == [6.0, 14.0]


def test_the_default_answer_is_what_the_environment_says(job: Job) -> None:
    with job.serving(MODEL + SUM, SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT="text/csv") as endpoint:
        assert endpoint.ask(b"[[1, 2]]", "application/json")[1:] == ("text/csv", b"6.0\n")


def test_what_a_client_does_wrong_is_no_failure_of_the_server(job: Job) -> None:
    with job.serving(MODEL + SUM) as endpoint:
        assert endpoint.ask(b"<x/>", "text/xml")[0] == 415
        assert endpoint.ask(b"[1, ", "application/json")[0] == 400
        assert endpoint.ask(b"[[1, 2], [3]]", "application/json")[0] == 400
        assert endpoint.ask(b"\xff", "text/csv")[0] == 400
        assert endpoint.ask(b"[[1]]", "application/json", "text/html")[0] == 406
        pickled = io.BytesIO()
        np.save(pickled, np.array([{}]), allow_pickle=True)
        assert endpoint.ask(pickled.getvalue(), "application/x-npy")[0] == 400
        assert endpoint.ask(b"[[1]]", "application/json")[0] == 200


def test_an_error_of_the_script_is_one_of_the_server(job: Job) -> None:
    broken = "def predict_fn(rows, model):\n    raise RuntimeError('the model is broken')\n"
    with job.serving(MODEL + broken) as endpoint:
        assert endpoint.ask(b"[[1]]", "application/json")[::2] == (
            500,
            b"RuntimeError: the model is broken\n",
        )


def test_a_script_may_do_everything_itself(job: Job) -> None:
    whole = "def transform_fn(model, body, kind, accept):\n    return body[::-1] + model, 'text/x-reversed'\n"
    with job.serving(MODEL + whole) as endpoint:
        assert endpoint.ask(b"abc", "text/csv") == (200, "text/x-reversed", b"cba2")


def test_xgboost_gets_a_matrix(job: Job) -> None:
    script = textwrap.dedent("""
        import numpy, xgboost
        def model_fn(folder):
            rows = xgboost.DMatrix(numpy.array([[0.0, 1.0], [1.0, 0.0]]), [0, 1], feature_names=["a", "b"])
            return xgboost.train({"min_child_weight": 0, "base_score": 0.5}, rows, 2)
    """)
    with job.serving(script, IMAGE="sagemaker-xgboost-3.2-0") as endpoint:
        low, high = json.loads(endpoint.ask(b"0,1\n1,\n", "text/csv")[2])
        assert low < 0.5 < high
        assert endpoint.ask(b"[[0, 1]]", "application/json")[0] == 415


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        ("x = 1\n", "The script train.py has no function model_fn(model_dir), which loads the model."),
        (MODEL + SUM + "transform_fn = predict_fn\n", "transform_fn takes the place of"),
    ],
)
def test_a_script_that_cannot_serve_is_one_sentence(job: Job, script: str, sentence: str) -> None:
    (job.base / "model/code/train.py").write_text(script)
    command = [sys.executable, "-P", "-m", "script_mode.serve"]
    environment = job.environment(SAGEMAKER_PROGRAM="train.py")
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(sentence)
