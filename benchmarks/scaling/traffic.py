"""Traffic that changes over time: as corners of a curve, as a plan of the load generator, as a trace.

The generator is K9 (PyPI `k9-load`), whose calls leave when they are due, whatever became of those before.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import boto3
import numpy as np
import numpy.typing as npt

from cli.loadtest.rows import Bodies
from cli.loadtest.samples import Outcome, Samples
from cli.loadtest.target import runtime, security_token, write_signed

_CONNECTIONS = 512
"""Enough for the calls of a quarter of a second at the highest rate: each call that waits needs one."""
_TIMEOUT_SECONDS = 10
_SLACK_SECONDS = 60.0


@dataclass(frozen=True)
class Traffic:
    """Calls a second at each corner, in straight lines between them; times in seconds of this machine."""

    name: str
    corners: Sequence[tuple[float, float]]

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return self.corners[-1][0]

    @property
    def calls(self) -> float:
        """All calls."""
        return sum((b[1] + a[1]) / 2 * (b[0] - a[0]) for a, b in pairwise(self.corners))

    def rate(self, moments: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Calls a second at these moments."""
        times, rates = (np.array(column) for column in zip(*self.corners, strict=True))
        return np.asarray(np.interp(moments, times, rates), dtype=np.float64)


@dataclass(frozen=True)
class Sent:
    """What became of the calls, and when the first was due (Unix seconds)."""

    outcome: Outcome
    begun: float


def send(session: boto3.Session, endpoint: str, bodies: Sequence[bytes], traffic: Traffic) -> Sent:
    """Call the endpoint as the traffic says; RuntimeError if the generator fails."""
    target = runtime(session, endpoint)
    rows = Bodies("text/csv", bodies)
    # Not the checkout's directory: a module of the current directory would come before the generator.
    with tempfile.TemporaryDirectory(prefix="sageloop-scaling-") as folder:
        here = Path(folder)
        write_signed(session, target, rows, here / "rows.json")
        document = _plan(target.url, traffic, here, security_token(session))
        (here / "plan.json").write_text(json.dumps(document), "utf-8")
        done = subprocess.run(
            [sys.executable, "-P", "-m", "k9", "run", "plan.json", "--quiet", "--out", "csv=samples.csv"],
            cwd=here,
            env={name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")},
            capture_output=True,
            text=True,
            timeout=traffic.seconds + _SLACK_SECONDS,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"The load generator failed: {done.stderr.strip()[-500:]}")
        samples, seconds = Samples(), Counter[int]()
        with (here / "samples.csv").open(encoding="utf-8") as lines:
            for line in lines:
                samples.take(line)
                if line.startswith("http_reqs,"):
                    seconds[int(line.split(",", 2)[1])] += 1
    per_minute = round(traffic.calls / traffic.seconds * 60)
    bound = "bottleneck" in done.stderr
    outcome = samples.outcome(per_minute, traffic.seconds, {}, generator_bound=bound)
    # Time stamps are whole seconds: the calls of the first tell how much of it there was.
    first = min(seconds)
    return Sent(outcome, first + 1 - min(1.0, seconds[first] / traffic.corners[0][1]))


def _plan(url: str, traffic: Traffic, folder: Path, token: str | None) -> dict[str, object]:
    stages = [
        {"duration": f"{round((end - begin) * 1000)}ms", "target": round(rate)}
        for (begin, _), (end, rate) in pairwise(traffic.corners)
    ]
    headers = {
        "Content-Type": "text/csv",
        "Authorization": "{{ rows.authorization }}",
        "X-Amz-Date": "{{ rows.date }}",
        **({"X-Amz-Security-Token": token} if token else {}),
    }
    scenario = {
        "executor": "ramping-arrival-rate",
        "startRate": round(traffic.corners[0][1]),
        "timeUnit": "1s",
        "stages": stages,
        "gracefulStop": f"{_TIMEOUT_SECONDS}s",
        "preAllocatedVUs": _CONNECTIONS,
        "maxVUs": _CONNECTIONS,
    }
    request = {"method": "POST", "url": url, "headers": headers, "body": "{{ rows.body }}"}
    return {
        "options": {
            "scenarios": {"load": scenario},
            "discardResponseBodies": True,
            "systemTags": ["status"],
            "userAgent": "sageloop-scaling",
        },
        "feeders": {"rows": {"file": str(folder / "rows.json"), "mode": "sequential"}},
        "flows": {"default": [{"request": request}]},
    }
