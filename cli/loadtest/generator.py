"""The generator: K9 (PyPI `k9-load`), whose calls leave when they are due, whatever became of those before.

bakirrayan.github.io/k9_load_testing/running/ describes its arrival rates and the corrected durations.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.errors import CommandError
from cli.loadtest import trial
from cli.loadtest.load import Load
from cli.loadtest.rows import Bodies
from cli.loadtest.samples import Samples
from cli.loadtest.target import SIGNED_FOR_SECONDS, Target, security_token, write_signed

if TYPE_CHECKING:
    import boto3

_PATIENCE_SECONDS = 65
"""The generator gives a call up after 60 s, as SageMaker does; at the end it waits, so that all are counted.

docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html
"""
_BUSY = "the load generator may be the bottleneck"


@dataclass(frozen=True)
class Run:
    """The samples of a load, and whether the generator itself was short of CPU."""

    samples: Samples
    generator_bound: bool


def run(
    session: "boto3.Session",
    target: Target,
    bodies: Bodies,
    load: Load,
    seen: Callable[[Samples], None] = lambda _: None,
) -> Run:
    """Put the load on the target; raises CommandError if the generator fails.

    `seen` is called about once a second with what there is so far. Longer loads go in parts, because
    signatures expire.
    """
    samples, bound = Samples(), False
    for part in load.parts(SIGNED_FOR_SECONDS):
        with tempfile.TemporaryDirectory(prefix="sageloop-load-") as folder:
            here = Path(folder)
            write_signed(session, target, bodies, here / "rows.json")
            document = plan(target, bodies.content_type, part, here, security_token(session))
            (here / "plan.json").write_text(json.dumps(document), "utf-8")
            bound |= _generate(here, samples, seen)
    return Run(samples, bound)


def plan(target: Target, content_type: str, load: Load, folder: Path, token: str | None) -> dict[str, Any]:
    """What the generator is to do, as it reads it."""
    headers = {
        "Content-Type": content_type,
        "Authorization": "{{ rows.authorization }}",
        "X-Amz-Date": "{{ rows.date }}",
    }
    headers |= trial.api_key(target)
    if token:
        headers["X-Amz-Security-Token"] = token
    # Rates are whole numbers, which are finer by the minute.
    stages = [
        {"duration": f"{round((end - begin) * 1000)}ms", "target": round(rate * 60)}
        for (begin, _), (end, rate) in pairwise(load.corners)
    ]
    scenario = {
        "executor": "ramping-arrival-rate",
        "startRate": round(load.corners[0][1] * 60),
        "timeUnit": "1m",
        "stages": stages,
        "gracefulStop": f"{_PATIENCE_SECONDS}s",
        "preAllocatedVUs": load.ready,
        "maxVUs": load.connections,
    }
    return {
        "options": {
            "scenarios": {"load": scenario},
            "discardResponseBodies": True,
            "systemTags": ["status"],
            "userAgent": "sageloop-loadtest",
        },
        "feeders": {"rows": {"file": str(folder / "rows.json"), "mode": "sequential"}},
        "flows": {
            "default": [
                {
                    "request": {
                        "method": "POST",
                        "url": target.url,
                        "headers": headers,
                        "body": "{{ rows.body }}",
                    }
                }
            ]
        },
    }


def _generate(folder: Path, samples: Samples, seen: Callable[[Samples], None]) -> bool:
    """Run the generator on the plan of a folder; whether it was short of CPU."""
    pipe = folder / "samples.csv"
    os.mkfifo(pipe)
    command = [
        sys.executable,
        # A module of the working directory would come before the generator's own.
        "-P",
        "-m",
        "k9",
        "run",
        str(folder / "plan.json"),
        "--quiet",
        "--out",
        f"csv={pipe}",
    ]
    # It heeds no proxy of the environment, and a terminal's Ctrl-C reaches both of us.
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, encoding="utf-8", errors="replace"
    ) as process:
        said: list[str] = []
        reader = threading.Thread(target=lambda: said.extend(process.stderr or ()), daemon=True)
        reader.start()
        try:
            _read(pipe, process, samples, seen)
            code = process.wait(timeout=20)
        except BaseException:
            process.kill()
            raise
        reader.join(timeout=5)
    if code != 0:
        raise CommandError(f"The load generator failed: {_reason(said)}")
    return any(_BUSY in line for line in said)


def _read(
    pipe: Path, process: "subprocess.Popen[str]", samples: Samples, seen: Callable[[Samples], None]
) -> None:
    # Our own end keeps the pipe open until the generator has ended, which may be before it wrote anything.
    end = os.open(pipe, os.O_RDWR)

    def release() -> None:
        process.wait()
        os.close(end)

    with pipe.open(encoding="utf-8") as lines:
        threading.Thread(target=release, daemon=True).start()
        told = time.monotonic()
        for line in lines:
            samples.take(line)
            if time.monotonic() - told >= 1:
                told = time.monotonic()
                seen(samples)


def _reason(said: Sequence[str]) -> str:
    lines = [line.strip() for line in said if line.strip()]
    errors = [line for line in lines if line.startswith("error")]
    return (errors or lines or ["it said nothing"])[-1]
