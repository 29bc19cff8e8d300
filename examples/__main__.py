"""Every example from its declaration to a prediction, on the embedded AWS: `make examples`.

Of each, the endpoint's predictions of the whole hold-out are compared with those of the training library.
Ends with `RESULT {"examples", "passed", "failed", "skipped", "seconds": {name: s}, "differences": {…}}`.
"""

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import boto3
from rich.console import Console

from examples.catalogue import EXAMPLES, Example
from examples.flights.demo.platform import DemoFailed, sageloop, until
from examples.parity import Parity, measure
from local import cloud

ROOT = Path(__file__).resolve().parents[1]
SPEED = "60"
AT_ONCE = 2
console = Console(highlight=False, soft_wrap=True)


@dataclass(frozen=True)
class Outcome:
    """How an example ended, after how many seconds, and why if it did not pass."""

    name: str
    status: Literal["passed", "failed", "skipped"]
    seconds: float = 0.0
    why: str = ""
    parity: Parity | None = None

    def __str__(self) -> str:
        because = self.why or (str(self.parity) if self.parity else "")
        return f"{self.name}: {self.status} ({self.seconds} s)" + (f": {because}" if because else "")


def main() -> int:
    """Run the examples that were named, by default all; 0 if none fails."""
    parser = argparse.ArgumentParser(prog="python -m examples", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of {', '.join(EXAMPLES)}")
    names = parser.parse_args().names or list(EXAMPLES)
    unknown = [name for name in names if name not in EXAMPLES]
    if unknown:
        parser.error(f"there is no example {unknown[0]}: there are {', '.join(EXAMPLES)}")
    # A polite stop takes the platform with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    state = Path(tempfile.mkdtemp(prefix="sageloop-examples-"))
    os.environ["SAGELOOP_STATE"] = str(state)
    try:
        sageloop("up", "--speed", SPEED)
        running = cloud.running(state)
        if running is None:
            raise DemoFailed("the embedded AWS ended by itself")
        os.environ.update(running.environment())
        outcomes = _run(names)
    finally:
        cloud.stop(state)
    figures = _figures(outcomes)
    if figures["failed"]:
        console.print(f"The logs are in {state}")
    else:
        shutil.rmtree(state)
    print("RESULT " + json.dumps(figures))
    return 1 if figures["failed"] else 0


def _run(names: Sequence[str]) -> list[Outcome]:
    outcomes = []
    # One synthesises while another one trains.
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for outcome in pool.map(_outcome, names):
            console.print(str(outcome))
            outcomes.append(outcome)
    return outcomes


def _figures(outcomes: Sequence[Outcome]) -> dict[str, object]:
    statuses = [outcome.status for outcome in outcomes]
    counts = {status: statuses.count(status) for status in ("passed", "failed", "skipped")}
    seconds = {outcome.name: outcome.seconds for outcome in outcomes if outcome.status != "skipped"}
    # In the target's unit; of a probability where there are classes.
    differences = {outcome.name: outcome.parity.difference for outcome in outcomes if outcome.parity}
    return {"examples": len(outcomes), **counts, "seconds": seconds, "differences": differences}


def _outcome(name: str) -> Outcome:
    example = EXAMPLES[name]
    if example.missing:
        return Outcome(name, "skipped", why=example.missing)
    began = time.monotonic()
    try:
        with tempfile.TemporaryDirectory() as directory:
            parity = _loop(example, Path(directory))
    except DemoFailed as error:
        return Outcome(name, "failed", round(time.monotonic() - began, 1), str(error))
    return Outcome(name, "passed", round(time.monotonic() - began, 1), parity=parity)


def _loop(example: Example, directory: Path) -> Parity:
    """What a user does: deploy, upload, approve, ask; then compare."""
    project = ("--project", example.project)
    sageloop("deploy", str(ROOT / example.app))
    data = example.write(directory)
    sageloop("upload", *project, *map(str, data))
    until(f"a model of {example.project}", lambda: _registered(example.project))
    sageloop("approve", *project)
    rows = directory / "rows.csv"
    rows.write_text(example.request(data))
    answered = sageloop("invoke", *project, str(rows)).strip().splitlines()
    example.check(answered)
    return measure(example.project, data, header=example.header)


def _registered(project: str) -> bool:
    """Whether a model waits for approval; raises DemoFailed when the execution has failed."""
    sagemaker = boto3.client("sagemaker")
    executions = sagemaker.list_pipeline_executions(PipelineName=f"{project}-training")
    for execution in executions["PipelineExecutionSummaries"]:
        if execution["PipelineExecutionStatus"] == "Failed":
            steps = sagemaker.list_pipeline_execution_steps(
                PipelineExecutionArn=execution["PipelineExecutionArn"]
            )
            reasons = [step.get("FailureReason", "") for step in steps["PipelineExecutionSteps"]]
            raise DemoFailed(f"the execution failed: {' '.join(filter(None, reasons))}")
    listed = sagemaker.list_model_packages(ModelPackageGroupName=project)
    return bool(listed["ModelPackageSummaryList"])


if __name__ == "__main__":
    sys.exit(main())
