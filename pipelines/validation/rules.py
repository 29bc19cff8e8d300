"""What the API refuses although botocore's model allows it, by kind of step.

Every check meets a request whose members have the right types, or are expressions.
"""

from collections.abc import Callable, Iterator

from pipelines.requests.job import has_own_storage
from pipelines.validation.search import search_problems
from pipelines.validation.steps import Json, Step, at, has_token, texts_at

Found = Iterator[tuple[str, str]]

# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTransformJob.html
_PAYLOAD_MB = 100


def rule_problems(step: Step) -> Found:
    """Where a request breaks a rule that only AWS's documentation tells, as place and problem."""
    yield from _RULES.get(step.kind, _none)(step.arguments)


def _none(request: Json) -> Found:  # noqa: ARG001
    yield from ()


def _processing(request: Json) -> Found:
    """A processing job sees S3 below one directory only.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProcessingS3Input.html
    """
    inputs = texts_at(request, "ProcessingInputs", "S3Input", "LocalPath")
    outputs = texts_at(request, "ProcessingOutputConfig", "Outputs", "S3Output", "LocalPath")
    for path in (*inputs, *outputs):
        if not has_token(path) and not path.startswith("/opt/ml/processing/"):
            yield "LocalPath", f"{path!r} is not below /opt/ml/processing/"
    yield from _disk(request, "ProcessingResources", "ClusterConfig")


def _training(request: Json) -> Found:
    yield from _spot(request)
    yield from _disk(request, "ResourceConfig")


def _tuning(request: Json) -> Found:
    if "TrainingJobDefinition" not in request:
        yield "Arguments", "TrainingJobDefinition is missing"
        return
    yield from _training(request["TrainingJobDefinition"])
    yield from search_problems(request)


def _transform(request: Json) -> Found:
    given = at(request, "TransformInput")
    if "BatchStrategy" in request and given is not None and given.get("SplitType", "None") == "None":
        yield "BatchStrategy", "it needs a TransformInput.SplitType, such as Line"
    payload = request.get("MaxPayloadInMB")
    if isinstance(payload, int) and payload > _PAYLOAD_MB:
        yield "MaxPayloadInMB", f"it is {payload}, allowed are 0 to {_PAYLOAD_MB}"
    yield from _disk(request, "TransformResources")


def _model(request: Json) -> Found:
    if ("PrimaryContainer" in request) == bool(request.get("Containers")):
        yield "Arguments", "exactly one of PrimaryContainer and Containers must be given"
    if "ExecutionRoleArn" not in request:
        yield "Arguments", "ExecutionRoleArn is missing"


def _spot(request: Json) -> Found:
    """https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_StoppingCondition.html"""
    runs, waits = (
        at(request, "StoppingCondition", f"Max{each}InSeconds") for each in ("Runtime", "WaitTime")
    )
    place = "StoppingCondition.MaxWaitTimeInSeconds"
    if request.get("EnableManagedSpotTraining") is not True:
        if waits is not None:
            yield place, "only a job with EnableManagedSpotTraining waits"
        return
    if waits is None:
        yield place, "a job with EnableManagedSpotTraining needs it"
    elif isinstance(waits, int) and isinstance(runs, int) and waits < runs:
        yield place, f"it is {waits:,}, which is less than MaxRuntimeInSeconds, {runs:,}"
    # https://docs.aws.amazon.com/sagemaker/latest/dg/train-warm-pools.html
    if at(request, "ResourceConfig", "KeepAlivePeriodInSeconds"):
        yield "ResourceConfig.KeepAlivePeriodInSeconds", "spot instances cannot be kept alive"


def _disk(request: Json, *place: str) -> Found:
    """https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ResourceConfig.html"""
    cluster = at(request, *place) or {}
    instance = cluster.get("InstanceType")
    if isinstance(instance, str) and "VolumeKmsKeyId" in cluster and has_own_storage(instance):
        yield f"{'.'.join(place)}.VolumeKmsKeyId", f"{instance} encrypts its own storage and takes no key"


_RULES: dict[str, Callable[[Json], Found]] = {
    "Processing": _processing,
    "Training": _training,
    "Tuning": _tuning,
    "Transform": _transform,
    "Model": _model,
}
