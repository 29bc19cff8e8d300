"""The monitoring pipeline of a history: calls that are captured, labels, and what each look finds."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tests.histories.aws.account import Account
from tests.histories.aws.pipelines import Execution
from tests.histories.wiring import Wiring

TRAFFIC, LABELS, LOOKS = "traffic/", "labels/", "monitoring/"
ENOUGH_FILES = 2


@dataclass(frozen=True)
class Look:
    """An execution that looks: its window, and the files of calls that it reads."""

    execution: Execution
    window: str
    files: frozenset[str]


class Watching:
    """Plays the pipeline; `drifting` and `worse` are what a look finds from now on."""

    account: Account

    def __init__(self, wiring: Wiring, wrong: list[str]) -> None:
        self.name = f"{wiring.project}-monitoring"
        self.there = self.name in wiring.pipelines
        self._endpoint = wiring.project
        self._wrong = wrong
        self._buckets = {part: wiring.bucket(part) for part in ("Incoming", "Artifacts", "Captured")}
        self._called = 0
        self.drifting = self.worse = False
        self.looks: list[Look] = []
        self.judged: set[str] = set()
        self.wanted: list[str] = []

    def call(self, files: int = 1) -> None:
        """The endpoint is called, and the calls are captured.

        https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-endpoint.html
        """
        hour = f"{datetime.fromtimestamp(self.account.now, UTC):%Y/%m/%d/%H}"
        for _ in range(files):
            self._called += 1
            key = f"{TRAFFIC}{self._endpoint}/primary/{hour}/{self._called:08}.jsonl"
            self.account.s3.put_object(Bucket=self._buckets["Captured"], Key=key, Body=b"{}\n")

    def label(self) -> None:
        """The truth about some calls arrives."""
        self._called += 1
        key = f"{LABELS}{self._called}.csv"
        self.account.s3.put_object(Bucket=self._buckets["Incoming"], Key=key, Body=b"inference_id,late\n")

    def started(self, execution: Execution) -> None:
        """SageMaker has started an execution."""
        if execution.pipeline != self.name:
            return
        folder = self._key(execution.parameters["Window"])
        manifest = json.loads(self._read(f"{folder}/traffic.manifest"))
        # A list of nothing names a file that says so.
        captured = manifest[0]["prefix"].startswith(f"s3://{self._buckets['Captured']}/")
        files = frozenset(manifest[1:]) if captured else frozenset[str]()
        if any(look.execution.status == "Executing" for look in self.looks):
            self._wrong.append(f"{execution.id} looks while another look is under way")
        if twice := self.judged & files:
            self._wrong.append(f"calls that were judged are judged again: {sorted(twice)}")
        self.looks.append(Look(execution, folder.rpartition("/")[2], files))

    def finish(self, execution: Execution, *, fails: bool = False) -> None:
        """A look ends, with what it has found."""
        look = next(one for one in self.looks if one.execution is execution)
        if fails:
            self.account.pipelines.end(execution, "Failed", step="Watch", failure="the instance broke")
            return
        folder = self._key(execution.parameters["Window"])
        window = json.loads(self._read(f"{folder}/window.json"))
        enough = len(look.files) >= ENOUGH_FILES
        verdict = "too few rows" if not enough else "drifted" if self.drifting else "clear"
        judges = window["rules"]["quality"]
        found = self._findings(look, window, verdict, below=self.worse and judges)
        self._put(f"{folder}/report/findings.json", found)
        if enough:
            self.judged |= look.files
        if found["retrain"]:
            self.wanted.append(f"{found['retrain']['kind']} {look.window}")
        self.account.pipelines.end(execution, "Succeeded")

    def _findings(self, look: Look, window: dict[str, Any], verdict: str, *, below: bool) -> dict[str, Any]:
        drifted = verdict == "drifted"
        kind = "quality" if below else "drift" if drifted else ""
        feature = {"name": "x", "psi": 0.5, "new_share": 0.0, "missing_now": 0.0, "drifted": drifted}
        return {
            "format": 1,
            "window": look.window,
            "version": window["version"],
            "rows": 1_000 * len(look.files),
            "share": 1.0,
            "silent": False,
            "drift": {"verdict": verdict, "alpha": 0.01, "features": [feature], "prediction": None},
            "violations": [],
            "quality": {"below": below, "value": 0.6, "coverage": 0.5},
            "reason": "x drifted" if drifted else "the calls are like the training rows",
            "retrain": {"kind": kind, "reason": "x drifted"} if kind else None,
        }

    def _read(self, key: str) -> bytes:
        found = self.account.s3.newest(self._buckets["Artifacts"], key)
        assert found, f"a look was started without {key}"
        return found.body

    def _put(self, key: str, document: dict[str, Any]) -> None:
        self.account.s3.put_object(Bucket=self._buckets["Artifacts"], Key=key, Body=json.dumps(document))

    def _key(self, uri: str) -> str:
        return uri.partition(f"{self._buckets['Artifacts']}/")[2]
