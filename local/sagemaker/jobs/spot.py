"""Managed spot training: cheaper instances that may be taken away, and the limits of waiting for them.

docs.aws.amazon.com/sagemaker/latest/dg/model-managed-spot-training.html
"""

from local.errors import ValidationException
from local.sagemaker.context import now
from local.sagemaker.operations import Params
from local.sagemaker.store import Record

CAPACITY_SECONDS = 60.0
"""How long it takes here until there is another instance."""
_SHARE = 0.3
"""Of the time on instances, what is billed: 70 % saved, the example of AWS's announcement
(aws.amazon.com/blogs/aws/managed-spot-training-save-up-to-90-on-your-amazon-sagemaker-training-jobs)."""
_DEFAULT_SECONDS = 24 * 3600
"""StoppingCondition's default of MaxRuntimeInSeconds."""


def check_spot(params: Params) -> None:
    """ValidationException for limits and warm pools that do not go with spot instances."""
    condition = params.get("StoppingCondition", {})
    longest, waits = condition.get("MaxRuntimeInSeconds", _DEFAULT_SECONDS), "MaxWaitTimeInSeconds"
    if not params.get("EnableManagedSpotTraining"):
        if waits in condition:
            raise ValidationException(
                f"Invalid {waits}. It can only be specified when EnableManagedSpotTraining is true."
            )
        return
    if condition.get(waits, 0) < longest:
        raise ValidationException(
            f"Invalid {waits}. It must be present and be greater than or equal to MaxRuntimeInSeconds"
        )
    if params["ResourceConfig"].get("KeepAlivePeriodInSeconds"):
        raise ValidationException(
            "Invalid KeepAlivePeriodInSeconds. Managed warm pools are not supported for Managed Spot "
            "Training: leave out one of the two."
        )


def interruption(record: Record, seconds: float | None) -> float | None:
    """After how many seconds the instance of this job is taken away; None if it never is.

    `seconds` is the cloud's setting; every spot job is interrupted once.
    """
    spot = record["EnableManagedSpotTraining"] and not record.get("Interruptions")
    return seconds if spot else None


def seconds_left(record: Record, used: float) -> float:
    """How long the job may still run, having used so many seconds on instances that are gone."""
    condition = record.get("StoppingCondition", {})
    left: float = condition.get("MaxRuntimeInSeconds", _DEFAULT_SECONDS) - used
    if "MaxWaitTimeInSeconds" in condition:
        left = min(left, condition["MaxWaitTimeInSeconds"] - (now() - record["CreationTime"]))
    return left


def limit_reached(record: Record) -> str:
    """The SecondaryStatus of a job that used up its time."""
    waited = record.get("StoppingCondition", {}).get("MaxWaitTimeInSeconds")
    over = waited is not None and now() - record["CreationTime"] >= waited
    return "MaxWaitTimeExceeded" if over else "MaxRuntimeExceeded"


def times(record: Record, ended: float) -> Record:
    """TrainingTimeInSeconds and BillableTimeInSeconds of a job that ended at that moment.

    Waiting for capacity is training time, but is not billed.
    """
    seconds = ended - record["TrainingStartTime"] if "TrainingStartTime" in record else 0.0
    billed = record.get("InstanceSeconds", seconds)
    if record["EnableManagedSpotTraining"]:
        billed *= _SHARE
    return {"TrainingTimeInSeconds": max(1, int(seconds)), "BillableTimeInSeconds": max(1, int(billed))}
