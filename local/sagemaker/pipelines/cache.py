"""Step caching: a step whose attributes are those of an earlier run takes that run's results.

docs.aws.amazon.com/sagemaker/latest/dg/pipelines-caching.html; the attributes that count are those of
docs.aws.amazon.com/sagemaker/latest/dg/pipelines-default-keys.html.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from local.sagemaker.context import Context, now
from local.sagemaker.pipelines.journal import STEP
from local.sagemaker.store import Record

_TRAINING = (
    "AlgorithmSpecification",
    "CheckpointConfig",
    "DebugHookConfig",
    "DebugRuleConfigurations",
    "Environment",
    "HyperParameters",
    "InputDataConfig",
)
_DEFINITION = (
    "AlgorithmSpecification",
    "HyperParameterRanges",
    "InputDataConfig",
    "StaticHyperParameters",
    "TuningObjective",
)
_ATTRIBUTES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "Processing": dict.fromkeys(("AppSpecification", "Environment", "ProcessingInputs"), ()),
    "Training": dict.fromkeys(_TRAINING, ()),
    "Tuning": {
        "HyperParameterTuningJobConfig": (),
        "TrainingJobDefinition": _DEFINITION,
        "TrainingJobDefinitions": (),
    },
    "Transform": dict.fromkeys(("DataProcessing", "Environment", "ModelName", "TransformInput"), ()),
}
"""By type of step the members of the request that count; of some only the members named."""

_DURATION = re.compile(
    r"P?(?:(?P<y>\d+)Y)?(?:(?P<mo>\d+)M)?(?:(?P<w>\d+)W)?(?:(?P<d>\d+)D)?(?:T(?:(?P<h>\d+)H)?(?:(?P<m>\d+)M)?)?",
    re.IGNORECASE,
)
_SECONDS = {"y": 365 * 86400, "mo": 30 * 86400, "w": 7 * 86400, "d": 86400, "h": 3600, "m": 60}


def expiry(kind: str, config: Mapping[str, Any]) -> float | None:
    """The seconds for which a CacheConfig lets results count; None if it does not ask for caching.

    ValueError says what is wrong with it.
    """
    if not config.get("Enabled"):
        return None
    if kind not in _ATTRIBUTES:
        raise ValueError(f"CacheConfig is for {', '.join(_ATTRIBUTES)} steps, not for {kind}.")
    text = config.get("ExpireAfter")
    if text is None:
        raise ValueError("CacheConfig needs ExpireAfter where caching is enabled.")
    found = _DURATION.fullmatch(text) if isinstance(text, str) else None
    units = {unit: int(count) for unit, count in found.groupdict().items() if count} if found else {}
    if not units:
        raise ValueError(f"ExpireAfter must be an ISO 8601 duration such as 30d or PT1H, but is {text!r}.")
    return sum(_SECONDS[unit] * count for unit, count in units.items())


def signature(kind: str, arguments: Mapping[str, Any]) -> str | None:
    """A digest of the attributes that count; None for a type of step that is not cached."""
    if kind not in _ATTRIBUTES:
        return None
    counted = {
        name: {part: arguments[name].get(part) for part in parts} if parts else arguments[name]
        for name, parts in _ATTRIBUTES[kind].items()
        if name in arguments
    }
    return hashlib.sha256(json.dumps(counted, sort_keys=True).encode()).hexdigest()


def hit(context: Context, pipeline: str, step: str, wanted: str, seconds: float) -> Record | None:
    """The newest run of the step of this pipeline that succeeded with that signature, not longer ago."""
    oldest = now() - seconds
    runs = [
        record
        for record in context.store.list(STEP, f"{pipeline}/")
        if record["StepName"] == step
        and record["StepStatus"] == "Succeeded"
        and record.get("Signature") == wanted
        # Results that were taken over are as old as the run that they come from.
        and not record.keys() & {"CacheHitResult", "SelectiveExecutionResult"}
        and record["EndTime"] >= oldest
    ]
    return max(runs, key=lambda record: float(record["EndTime"]), default=None)
