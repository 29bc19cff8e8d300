"""Kill -9 of the embedded AWS at random moments of a pipeline execution: each must finish after a restart.

`make test-kill` ends with `RESULT {"kills", "finished", "steps_run_twice", "outputs_equal", "orphans"}`.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import random
import re
import secrets
import shutil
import signal
import sys
import tarfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import boto3
from rich.console import Console
from rich.progress import Progress

from examples.flights import data
from examples.flights.demo.loop import processes_of
from examples.flights.demo.platform import Platform, sageloop, until
from local import cloud

STATE = Path(__file__).resolve().parents[1] / ".sageloop" / "kill"
PIPELINE = "flights-training"
console = Console(highlight=False)


@dataclass(frozen=True)
class Outputs:
    """sha256 of every object that an execution wrote, by its key below the execution's prefix."""

    digests: dict[str, str]

    @classmethod
    def of(cls, execution: str, bucket: str) -> Outputs:
        """Read the outputs of the execution; archives count by their members, not by their time stamps."""
        s3 = boto3.client("s3")
        prefix = f"executions/{execution.rpartition('/')[2]}/"
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        digests = {}
        for found in (item for page in pages for item in page.get("Contents", [])):
            body = s3.get_object(Bucket=bucket, Key=found["Key"])["Body"].read()
            name = _without_job_name(found["Key"].removeprefix(prefix))
            content = _members(body) if name.endswith(".tar.gz") else _without_cost(name, body)
            digests[name] = hashlib.sha256(content).hexdigest()
        return cls(digests)


def main() -> int:
    """Deploy, run one execution undisturbed, then kill as often as asked; 0 if nothing was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    options = parser.parse_args()
    console.print(f"seed {options.seed}")
    # A polite stop of the benchmark takes its platform with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    shutil.rmtree(STATE, ignore_errors=True)
    try:
        figures = _study(options.kills, random.Random(options.seed))  # noqa: S311 (moments, not secrets)
    finally:
        cloud.stop(STATE)
    print("RESULT " + json.dumps(figures))
    sound = figures["finished"] == options.kills and figures["outputs_equal"]
    return 0 if sound and not figures["steps_run_twice"] and not figures["orphans"] else 1


def _study(kills: int, moments: random.Random) -> dict[str, int | bool]:
    os.environ.update(cloud.start(STATE).environment())
    sageloop("deploy")
    bucket = Platform().outputs("storage")["ArtifactsBucket"]
    incoming = Platform().outputs("storage")["IncomingBucket"]
    months = data.write(STATE / "data", months=range(1, 4))
    header, *rows = [line for month in months for line in month.open()]
    sample = header + "".join(row for row in rows[::3] if row != header)
    boto3.client("s3").put_object(Bucket=incoming, Key="data/sample.csv", Body=sample.encode())
    first = until("the execution that the upload starts", lambda: Platform().executions())[0]
    began = time.monotonic()
    undisturbed = Outputs.of(_finish(first["PipelineExecutionArn"]), bucket)
    duration = time.monotonic() - began
    console.print(
        f"an undisturbed execution takes {duration:.1f} s and writes {len(undisturbed.digests)} objects"
    )
    finished = twice = orphans = 0
    equal = True
    with Progress(console=console, transient=True) as progress:
        for _ in progress.track(range(kills), description="kill -9"):
            execution = _start()
            time.sleep(moments.uniform(0, duration * 0.95))
            orphans += _kill()
            os.environ.update(cloud.start(STATE).environment())
            _finish(execution)
            finished += 1
            repeated = _run_twice(execution)
            if repeated:
                console.print(f"{execution}: run twice: {', '.join(repeated)}")
            twice += len(repeated)
            outputs = Outputs.of(execution, bucket)
            if outputs != undisturbed:
                equal = False
                console.print(f"{execution}: {_difference(undisturbed, outputs)}")
    return {
        "kills": kills,
        "finished": finished,
        "steps_run_twice": twice,
        "outputs_equal": equal,
        "orphans": orphans,
    }


def _start() -> str:
    answer = boto3.client("sagemaker").start_pipeline_execution(
        PipelineName=PIPELINE, ClientRequestToken=secrets.token_hex(32)
    )
    return answer["PipelineExecutionArn"]


def _finish(execution: str) -> str:
    platform = Platform()
    until("the execution's end", lambda: platform.finished(execution), seconds=120)
    return execution


def _kill() -> int:
    """Kill the embedded AWS; returns how many of its processes outlive it by two seconds."""
    running = cloud.running(STATE)
    if running is None:
        raise RuntimeError("the embedded AWS was not running")
    os.kill(running.pid, signal.SIGKILL)
    deadline = time.monotonic() + 2
    while (left := processes_of(STATE)) and time.monotonic() < deadline:
        time.sleep(0.05)
    for process in left:
        console.print(f"outlived the kill: {process}")
    return len(left)


def _run_twice(execution: str) -> list[str]:
    """Steps that completed more than one job."""
    sagemaker = boto3.client("sagemaker")
    mark = execution.rpartition("/")[2]
    processing = sagemaker.list_processing_jobs(NameContains=mark, StatusEquals="Completed", MaxResults=100)
    training = sagemaker.list_training_jobs(NameContains=mark, StatusEquals="Completed", MaxResults=100)
    names = [job["ProcessingJobName"] for job in processing["ProcessingJobSummaries"]]
    names += [job["TrainingJobName"] for job in training["TrainingJobSummaries"]]
    counts = Counter(name.rpartition("-")[0] for name in names)
    return sorted(step for step, count in counts.items() if count > 1)


def _members(archive: bytes) -> bytes:
    digest = hashlib.sha256()
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        for member in sorted(opened.getmembers(), key=lambda entry: entry.name):
            content = opened.extractfile(member)
            digest.update(member.name.encode() + b"\0" + (content.read() if content else b""))
    return digest.digest()


def _without_cost(name: str, body: bytes) -> bytes:
    """What was billed is the one thing that an interruption may change."""
    if name.endswith("metrics.json"):
        return json.dumps({key: value for key, value in json.loads(body).items() if key != "cost"}).encode()
    if name.endswith("report.html"):
        return re.sub(rb'<dl class="facts" id="cost">.*?</dl>', b"", body, flags=re.DOTALL)
    return body


def _without_job_name(key: str) -> str:
    return "/".join("<job>" if part.startswith("pipelines-") else part for part in key.split("/"))


def _difference(expected: Outputs, found: Outputs) -> str:
    names = sorted(expected.digests.keys() | found.digests.keys())
    return ", ".join(name for name in names if expected.digests.get(name) != found.digests.get(name))


if __name__ == "__main__":
    sys.exit(main())
