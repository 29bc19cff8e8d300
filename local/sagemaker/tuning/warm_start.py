"""Warm start: what a tuning job takes from the tuning jobs that it names as its parents.

docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-warm-start.html
"""

from collections.abc import Mapping
from typing import Any

from local.errors import ResourceNotFound, ValidationException
from local.sagemaker.context import Context
from local.sagemaker.store import Record
from local.sagemaker.tuning.plan import Plan, plan
from local.sagemaker.tuning.trials import RUNNING, TUNING, best, objective, summaries

_TRANSFERRED = 3
"""Hyperparameters of each parent that a transfer tries first: its best ones."""


def inherit(context: Context, request: Mapping[str, Any], own: Plan) -> Record:
    """What the parents give, to be kept with the tuning job: Known, First and Best.

    IdenticalDataAndAlgorithm: their trials count like own ones (Known: hyperparameters and gain), and so does
    their best training job. TransferLearning: objectives on other data cannot be compared with own ones, but
    the best hyperparameters of each parent are tried First. Raises ValidationException where AWS refuses it.
    """
    config = request.get("WarmStartConfig")
    if config is None:
        return {}
    names = [parent["HyperParameterTuningJobName"] for parent in config["ParentHyperParameterTuningJobs"]]
    if len(set(names)) < len(names):
        raise ValidationException("Each parent tuning job of a WarmStartConfig can be named only once.")
    parents = [(name, _parent(context, name, own)) for name in names]
    identical = config["WarmStartType"] == "IdenticalDataAndAlgorithm"
    known, first, bests = [], [], []
    for name, parent in parents:
        found = [summary for summary in summaries(context, name, parent) if objective(summary) is not None]
        found.sort(key=lambda summary: -parent.gain(objective(summary) or 0.0))
        if not found:
            raise ValidationException(f"The parent tuning job {name} has no training job with an objective.")
        texts = [{**parent.static, **summary["TunedHyperParameters"]} for summary in found]
        gains = [parent.gain(objective(summary) or 0.0) for summary in found]
        known += [{"Texts": item, "Gain": gain} for item, gain in zip(texts, gains, strict=True)]
        first += [inside for item in texts if (inside := _inside(own, item))][:_TRANSFERRED]
        top = best([{**found[0], "TuningJobName": name}, *_overall(context, name)], parent)
        bests.append({key: value for key, value in (top or {}).items() if key not in _PRIVATE})
    if identical:
        return {"Known": known, "Best": bests}
    return {"First": [item for index, item in enumerate(first) if item not in first[:index]]}


_PRIVATE = ("ObjectiveValues", "SecondaryStatusTransitions")


def _parent(context: Context, name: str, own: Plan) -> Plan:
    record = context.store.get(TUNING, name)
    if record is None:
        raise ResourceNotFound(f"The parent tuning job {name} does not exist.")
    if record["HyperParameterTuningJobStatus"] in RUNNING:
        raise ValidationException(f"The parent tuning job {name} has not ended yet.")
    parent = plan(record)
    if (parent.metric, parent.maximize) != (own.metric, own.maximize):
        raise ValidationException(
            f"The objective metric must be the same as that of the parent tuning job {name}, which is "
            f"{'Maximize' if parent.maximize else 'Minimize'} {parent.metric}."
        )
    theirs, ours = (len(each.static) + len(each.space) for each in (parent, own))
    if theirs != ours:
        raise ValidationException(
            "The number of static plus tunable hyperparameters must be that of all parent tuning jobs, "
            f"but is {ours} and in {name} {theirs}."
        )
    return parent


def _inside(own: Plan, texts: Mapping[str, str]) -> dict[str, str] | None:
    """The tuned hyperparameters of a parent's trial, if they lie in the ranges of this job."""
    inside = {}
    for parameter in own.space:
        if parameter.name not in texts or parameter.value(texts[parameter.name]) is None:
            return None
        inside[parameter.name] = texts[parameter.name]
    return inside


def _overall(context: Context, name: str) -> list[Record]:
    """The best training jobs that the parent has from its own parents."""
    found: list[Record] = (context.store.get(TUNING, name) or {}).get("Inherited", {}).get("Best", [])
    return found
