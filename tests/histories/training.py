"""The training pipeline of a history: what its executions read, make and refuse, and what may start them."""

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.histories.aws.account import Account
from tests.histories.aws.pipelines import Execution
from tests.histories.wiring import Wiring

DATA, QUARANTINE = "data/", "quarantine/"
# The content of files that Prepare does not use.
POISON = b"poison"
# How far the clock of a function may be from that of AWS, in seconds.
MOST_SKEW = 120


@dataclass(frozen=True)
class Started:
    """An execution, its place in the order, and what Prepare reads, as ETags by key."""

    execution: Execution
    order: int
    contents: Mapping[str, str]
    by_hand: bool


@dataclass(frozen=True)
class Listed:
    """A list that led to an execution: ETags by key, when each was written, and what is admitted."""

    etags: Mapping[str, str]
    written: Mapping[str, datetime]
    admitted: frozenset[str]

    def new(self, before: "Listed", unsure: Collection[str]) -> list[str]:
        """The keys whose content the list before did not have or not admit, or of which nobody is sure."""
        admitted = self.admitted - before.admitted
        return [
            key
            for key, etag in self.etags.items()
            if before.etags.get(key) != etag or etag in admitted or key in unsure
        ]


NOTHING = Listed({}, {}, frozenset())


class Training:
    """Plays the pipeline; `wrong` collects what may never be. `order` numbers all that happens.

    The next execution `breaks` without any step that failed, if that is set. `excused` says how many
    executions may have started although nothing was new.
    """

    account: Account

    def __init__(self, wiring: Wiring, excused: Callable[[], int]) -> None:
        self._excused = excused
        self.name = f"{wiring.project}-training"
        self._project = wiring.project
        self._defaults = dict(wiring.pipelines[self.name])
        self._least = json.loads(wiring.function("retrain").environment["LEAST"])
        self.incoming, self.artifacts = wiring.bucket("Incoming"), wiring.bucket("Artifacts")
        self.order = 0
        self.starts: list[Started] = []
        self.wrong: list[str] = []
        self.breaks = False
        self._by_hand = False
        self._intents: set[str] = set()
        self._listed = NOTHING
        self._without_news = 0
        self._busy = False
        self._unsure: frozenset[str] = frozenset()

    @property
    def ours(self) -> list[Started]:
        """What the functions have started."""
        return [start for start in self.starts if not start.by_hand]

    def next(self) -> int:
        """Something happens: its place in the order."""
        self.order += 1
        return self.order

    def start_by_hand(self) -> None:
        """A person starts the pipeline beside the functions, as `sageloop run` does."""
        self._by_hand = True
        try:
            self.account.pipelines.start_pipeline_execution(PipelineName=self.name)
        finally:
            self._by_hand = False

    def was_read(self, key: str) -> bool:
        """Whether an execution of ours has read the object as it is now."""
        newest = self.account.s3.newest(self.incoming, key)
        etag = newest.etag.strip('"') if newest else ""
        return any(start.contents.get(key) == etag for start in self.ours)

    def started(self, execution: Execution) -> None:
        """SageMaker has started an execution."""
        if execution.pipeline != self.name:
            return
        others = self.ours
        self.starts.append(Started(execution, self.next(), self._read(execution), self._by_hand))
        if not self._by_hand and any(one.execution.status == "Executing" for one in others):
            self.wrong.append(f"{execution.id} started while another one of ours was executing")

    def written(self, id_: str, item: Mapping[str, Any]) -> None:
        """The function has written its state: it decides on an execution only when it may.

        Not while anybody else's runs, and for new data alone only when there is enough of them.
        """
        if id_ != self.name:
            return
        running = item["running"].get("M")
        if self._busy and not running:
            self._unsure = self._rewritten()
        self._busy = bool(running)
        token = running["token"]["S"] if running else ""
        if not running or not token or token in self._intents:
            return
        self._intents.add(token)
        before, self._listed = self._listed, self._snapshot(running["inputs"]["S"])
        new = self._listed.new(before, self._unsure)
        self._without_news += not new
        if self._without_news > self._excused():
            self.wrong.append(f"decided on without a cause: {running['description']['S']}")
        if [kind["S"] for kind in running["kinds"]["L"]] == ["data"] and new and not self._enough(new):
            self.wrong.append("too few new files were taken for enough")
        for start in self.starts:
            if start.by_hand and start.execution.status == "Executing":
                self.wrong.append(f"an execution was decided on while {start.execution.id}, a person's, ran")

    def finish(self, execution: Execution, *, fails: bool = False) -> None:
        """An execution ends: Prepare has left bad files out, and a model is registered."""
        started = next(one for one in self.starts if one.execution is execution)
        usable, rejected = self._prepared(started)
        end = self.account.pipelines.end
        if self.breaks:
            self.breaks = False
            end(execution, "Failed", failure="the pipeline's role is gone")
            return
        if fails or not usable:
            # Nothing of a processing job that fails is promised to reach S3.
            end(execution, "Failed", step="Prepare", failure="the files cannot be used")
            return
        new = [key for key in usable if self._is_new(started, key)]
        proceeds = bool(new) or (self._defaults | execution.parameters)["Cause"] != "data"
        reason = "; ".join(found["reason"] for found in rejected)
        self._put_intake(execution, len(new), rejected, reason if not proceeds else "")
        if not proceeds:
            end(
                execution,
                "Failed",
                step="NothingNew",
                failure=f"There is nothing new to learn from: {reason}",
            )
            return
        self._register(execution)
        end(execution, "Succeeded")

    def _read(self, execution: Execution) -> dict[str, str]:
        """What Prepare downloads: by the manifest it was given, or all that is there."""
        s3 = self.account.s3
        keys = s3.keys(self.incoming, DATA)
        if execution.parameters.get("InputDataType") == "ManifestFile":
            uri = execution.parameters["InputDataUri"]
            manifest = s3.newest(self.artifacts, uri.partition(f"{self.artifacts}/")[2])
            if manifest is None:
                self.wrong.append(f"{execution.id} has no manifest at {uri}")
                return {}
            head, *names = json.loads(manifest.body)
            base = head["prefix"].partition(f"{self.incoming}/")[2]
            keys = [f"{base}{name}" for name in names]
        return {key: found.etag.strip('"') for key in keys if (found := s3.newest(self.incoming, key))}

    def _prepared(self, started: Started) -> tuple[list[str], list[dict[str, str]]]:
        admitted = self._admitted(started.execution)
        usable, rejected = [], []
        for key, etag in started.contents.items():
            if self._body(key, etag).startswith(POISON) and etag not in admitted:
                rejected.append({"key": key, "etag": etag, "reason": f"{key} looks like another unit"})
            else:
                usable.append(key)
        return usable, rejected

    def _body(self, key: str, etag: str) -> bytes:
        versions = self.account.s3.buckets[self.incoming].get(key, [])
        return next((version.body for version in versions if version.etag.strip('"') == etag), b"")

    def _admitted(self, execution: Execution) -> set[str]:
        uri = execution.parameters.get("SnapshotUri", "")
        found = (
            self.account.s3.newest(self.artifacts, uri.partition(f"{self.artifacts}/")[2]) if uri else None
        )
        return set(json.loads(found.body)["admitted"]) if found else set()

    def _is_new(self, started: Started, key: str) -> bool:
        """Whether no model was made of this content so far."""
        earlier = [one for one in self.starts if one.order < started.order]
        return not any(
            one.execution.status == "Succeeded" and one.contents.get(key) == started.contents[key]
            for one in earlier
        )

    def _put_intake(
        self, execution: Execution, usable: int, rejected: list[dict[str, str]], stopped: str
    ) -> None:
        document = {
            "format": 1,
            "new": usable + len(rejected),
            "usable_new": usable,
            "rejected": rejected,
            "rows": 100,
            "bytes_per_row": 10.0,
            "proceed": float(not stopped),
            "reason": stopped,
        }
        key = f"executions/{execution.id}/prepare/intake/intake.json"
        self.account.s3.put_object(Bucket=self.artifacts, Key=key, Body=json.dumps(document))

    def _register(self, execution: Execution) -> None:
        folder = f"executions/{execution.id}"
        metrics = f"{folder}/evaluate/evaluation/metrics.json"
        written = {"gate": {"reason": "auc 0.8 reaches 0.7"}, "cost": {"seconds": 30.0, "usd": 0.01}}
        self.account.s3.put_object(Bucket=self.artifacts, Key=metrics, Body=json.dumps(written))
        source = {"ContentType": "application/json"}
        baseline = f"s3://{self.artifacts}/{folder}/prepare/baseline/statistics.json"
        quality = {"Statistics": {**source, "S3Uri": f"s3://{self.artifacts}/{metrics}"}}
        self.account.registry.register(
            (self._defaults | execution.parameters)["ModelApprovalStatus"],
            f"s3://{self.artifacts}/{folder}/train/model.tar.gz",
            ModelMetrics={"ModelQuality": quality},
            DriftCheckBaselines={
                "ModelDataQuality": {"Statistics": {**source, "S3Uri": baseline}},
                "ModelQuality": quality,
            },
            CustomerMetadataProperties={"project": self._project, "bytes_per_row": "10.0"},
        )

    def _enough(self, new: list[str]) -> bool:
        """Whether the new objects of the list are as many as are asked for, or one of them is as old."""
        if self._least["files"] is None or len(new) >= self._least["files"]:
            return True
        oldest = min(self._listed.written[key].timestamp() for key in new)
        return bool(self.account.now - oldest >= self._least["or_after"] - MOST_SKEW)

    def _rewritten(self) -> frozenset[str]:
        """What is not there as it was listed, when its execution is over: it may have read something else."""
        there = {key: self.account.s3.newest(self.incoming, key) for key in self._listed.etags}
        return frozenset(
            key
            for key, found in there.items()
            if found is None
            or (found.etag.strip('"'), found.time) != (self._listed.etags[key], self._listed.written[key])
        )

    def _snapshot(self, manifest: str) -> Listed:
        """The list that stands beside a manifest; an empty one where everything is read."""
        key = manifest.partition(f"{self.artifacts}/")[2].replace("data.manifest", "snapshot.json")
        found = self.account.s3.newest(self.artifacts, key) if key else None
        if found is None:
            return NOTHING
        document = json.loads(found.body)
        objects = document["objects"]
        return Listed(
            {one["key"]: one["etag"] for one in objects},
            {one["key"]: datetime.fromisoformat(one["modified"]) for one in objects},
            frozenset(document["admitted"]),
        )
