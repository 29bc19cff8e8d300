"""Managed warm pools: the instances of a job that has completed stay for a matching one.

docs.aws.amazon.com/sagemaker/latest/dg/train-warm-pools.html
"""

from typing import Any

from local.sagemaker.context import Context, now
from local.sagemaker.store import Record

_MATCHING = ("RoleArn", "VpcConfig", "EnableInterContainerTrafficEncryption", "EnableNetworkIsolation")
_MATCHING_RESOURCES = ("InstanceType", "InstanceCount", "VolumeSizeInGB", "VolumeKmsKeyId")
_POOL = "warm-pool"


class WarmPools:
    """The warm pools of training jobs, by the name of the job that made each."""

    def __init__(self, context: Context, jobs: str) -> None:
        self._store = context.store
        self._speed = context.speed
        self._jobs = jobs

    def keep(self, job: Record) -> None:
        """Keep the instances of a job that ends, in its transaction."""
        if job["TrainingJobStatus"] == "Completed" and _period(job):
            self._store.put(_POOL, job["TrainingJobName"], {"TrainingJobName": job["TrainingJobName"]})

    def claim(self, job: Record) -> None:
        """Give a new job the first pool that matches, if there is one, in its transaction."""
        moment = now()
        for pool in self._store.list(_POOL):
            name = pool["TrainingJobName"]
            earlier = self._store.get(self._jobs, name) or {}
            status = self.status(earlier, moment)["Status"]
            matches = status == "Available" and _traits(earlier) == _traits(job)
            if matches:
                self._store.update(self._jobs, name, ReusedByJob=job["TrainingJobName"], ReusedAt=moment)
            if matches or status == "Terminated":
                self._store.delete(_POOL, name)
            if matches:
                return

    def described(self, job: Record) -> Record:
        """The job with its WarmPoolStatus, if it asked for a warm pool."""
        return {**job, "WarmPoolStatus": self.status(job, now())} if _period(job) else job

    def status(self, job: Record, moment: float) -> Record:
        """WarmPoolStatus at that moment."""
        if job["TrainingJobStatus"] in ("InProgress", "Stopping"):
            return {"Status": "InUse"}
        if job["TrainingJobStatus"] != "Completed":
            return {"Status": "Terminated"}
        retained = (job.get("ReusedAt", moment) - job["TrainingEndTime"]) * self._speed
        billed = {"ResourceRetainedBillableTimeInSeconds": max(0, int(min(retained, _period(job))))}
        if "ReusedByJob" in job:
            return {"Status": "Reused", "ReusedByJob": job["ReusedByJob"], **billed}
        return {"Status": "Terminated" if retained >= _period(job) else "Available", **billed}


def _period(job: Record) -> int:
    return int(job["ResourceConfig"].get("KeepAlivePeriodInSeconds", 0))


def _traits(job: Record) -> list[Any]:
    resources = job["ResourceConfig"]
    return [job.get(name) for name in _MATCHING] + [resources.get(name) for name in _MATCHING_RESOURCES]
