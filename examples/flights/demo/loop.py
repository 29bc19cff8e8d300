"""The loop itself: after the first upload, nothing but events and one approval each moves it."""

from __future__ import annotations

import io
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars as pl
from sklearn.metrics import roc_auc_score

from examples.flights import data, plain
from examples.flights.demo.platform import DemoFailed, Platform, sageloop, until
from examples.flights.demo.result import Result
from examples.flights.demo.timeline import Timeline
from examples.flights.demo.traffic import Api, SteadyTraffic
from local import cloud

TARGET = "late"
HELD_OUT = 1_000
BATCH = 200


def run(timeline: Timeline, *, state: Path, speed: float) -> Result:
    """Play January to April and return what was measured; raises `DemoFailed`."""
    result = Result()
    began = timeline.elapsed()
    months = data.write(state / "data", months=range(1, 5))
    timeline.record("make demo", f"{len(months)} months of flights written as CSV", since=began)

    began = timeline.elapsed()
    started = cloud.start(state, speed=speed)
    os.environ.update(started.environment())
    timeline.record("sageloop up", f"the embedded AWS answers at {started.url}, IAM enforced", since=began)

    began = timeline.elapsed()
    sageloop("deploy")
    platform = Platform()
    stacks = [
        stack
        for stack in platform.cloudformation.describe_stacks()["Stacks"]
        if stack["StackName"] != "CDKToolkit"
    ]
    timeline.record("sageloop deploy", f"the real cdk deploy made {len(stacks)} stacks", since=began)

    began = timeline.elapsed()
    sageloop("upload", *map(str, months[:3]))
    timeline.record("sageloop upload", "January to March are in the incoming bucket", since=began)
    _train(timeline, platform, version=1)
    _approve(timeline, platform, version=1)

    april = pl.read_csv(months[3], infer_schema_length=None)
    rows = april.drop(TARGET)
    api = platform.api()
    began = timeline.elapsed()
    _check(api.predict(_csv(rows[:1])).status, "the first prediction")
    result.first_prediction_s = round(timeline.elapsed(), 1)
    result.requests += 1
    timeline.record("POST /predict", "the first prediction, signed with SigV4", since=began)
    _held_out(timeline, api, rows, result)
    _quality(timeline, api, april, state, result)

    singles = [_csv(rows[number : number + 1]) for number in range(HELD_OUT)]
    began = timeline.elapsed()
    sageloop("upload", str(months[3]))
    timeline.record("sageloop upload", "April is in the incoming bucket", since=began)
    _train(timeline, platform, version=2)
    names = {platform.model(version): version for version in (1, 2)}
    with SteadyTraffic(api, singles, per_second=50) as traffic:
        _approve(timeline, platform, version=2)
        until("50 answers of version 2", lambda: traffic.models().get(platform.model(2), 0) >= 50)
    _served(timeline, traffic, names, result)
    for version in (1, 2):
        result.metrics[version], result.reports[version] = platform.evaluation(version)
    return result


def processes_of(state: Path) -> list[str]:
    """Command lines of processes that still name the demo's state directory."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:  # it ended while we looked
            continue
        if str(state) in command and process.name != str(os.getpid()):
            found.append(command)
    return found


def _train(timeline: Timeline, platform: Platform, *, version: int) -> None:
    began = timeline.elapsed()
    execution = until("an execution", lambda: platform.executions()[version - 1 :])[0]
    timeline.record("Object Created", f"execution {version} started by the event", since=began)
    began = timeline.elapsed()
    until("the execution's end", lambda: platform.finished(execution["PipelineExecutionArn"]), seconds=300)
    package = until("the model package", lambda: platform.package(version))
    metrics, _ = platform.evaluation(version)
    gate = metrics["gate"]
    if not isinstance(gate, dict):
        raise DemoFailed(f"metrics.json of version {version} has no gate")
    timeline.record(
        "the gate passed",
        f"version {version} is {package['ModelApprovalStatus']}: {gate['reason']}",
        since=began,
    )
    if len(platform.executions()) != version:
        raise DemoFailed(f"{len(platform.executions())} executions ran for {version} uploads")


def _approve(timeline: Timeline, platform: Platform, *, version: int) -> None:
    began = timeline.elapsed()
    sageloop("approve", str(version))
    until("the endpoint", platform.in_service, seconds=300)
    outcome = (
        "the serving stack made the endpoint"
        if version == 1
        else "blue/green, canary first, under 50 requests a second"
    )
    timeline.record(f"version {version} approved", outcome, since=began)


def _held_out(timeline: Timeline, api: Api, rows: pl.DataFrame, result: Result) -> None:
    began = timeline.elapsed()
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(api.predict, (_csv(rows[number : number + 1]) for number in range(HELD_OUT))))
    rate = HELD_OUT / (timeline.elapsed() - began)
    failed = [answer for answer in answers if answer.status != 200]
    result.requests += len(answers)
    result.failed_requests += len(failed)
    median = sorted(answer.seconds for answer in answers)[len(answers) // 2]
    timeline.record(
        f"{HELD_OUT:,} April flights",
        f"predicted one by one: {len(failed)} failed, {rate:.0f}/s, median {median * 1000:.1f} ms",
        since=began,
    )


def _quality(timeline: Timeline, api: Api, april: pl.DataFrame, state: Path, result: Result) -> None:
    began = timeline.elapsed()
    scores: list[float] = []
    for first in range(0, april.height, BATCH):
        answer = api.predict(_csv(april[first : first + BATCH].drop(TARGET)))
        _check(answer.status, f"April rows {first} to {first + BATCH}")
        scores += map(float, answer.body.split())
    result.auc = float(roc_auc_score(april[TARGET], scores))
    result.auc_plain = plain.april_auc(state / "data")
    timeline.record(
        "the same XGBoost by a plain script",
        f"AUC on {april.height:,} April flights: platform {result.auc:.4f}, script {result.auc_plain:.4f}",
        since=began,
    )


def _served(timeline: Timeline, traffic: SteadyTraffic, names: dict[str, int], result: Result) -> None:
    result.traffic = sorted(traffic.answers, key=lambda answer: answer.at)
    result.requests += len(traffic.answers)
    result.failed_requests += len(traffic.failed)
    result.versions = {f"version {names[model]}": count for model, count in traffic.models().items()}
    result.versions_served = sorted({names[model] for model in traffic.models()})
    result.last_version = names[result.traffic[-1].model]
    counts = ", ".join(f"{name} gave {count}" for name, count in sorted(result.versions.items()))
    timeline.record(
        f"{len(traffic.answers)} requests during the switch",
        f"{len(traffic.failed)} failed; {counts}",
        since=timeline.elapsed(),
    )


def _csv(rows: pl.DataFrame) -> str:
    text = io.StringIO()
    rows.write_csv(text)
    return text.getvalue()


def _check(status: int, what: str) -> None:
    if status != 200:
        raise DemoFailed(f"{what} answered {status}")
