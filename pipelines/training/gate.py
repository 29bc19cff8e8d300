"""The steps that register a model or refuse it."""

from typing import Any

from declaration import Gate
from pipelines import requests
from pipelines.sdk import (
    ConditionGreaterThanOrEqualTo,
    ConditionLessThanOrEqualTo,
    ConditionStep,
    FailStep,
    Join,
    RequestStep,
)
from pipelines.training.context import Context
from pipelines.training.evaluation import verdict
from pipelines.training.registration import Made, register


def gate(
    context: Context, made: Made, container: requests.ServedContainer, suffix: str = ""
) -> ConditionStep:
    """Register what the evaluation passes; `suffix` tells the steps of two branches apart."""
    evaluation = made.evaluation
    value = verdict(evaluation, "value")
    refused = _rejection(context.project.gates, verdict(evaluation, "reason"))
    return ConditionStep(
        name=f"Gate{suffix}",
        conditions=_passes(context.project.gates[0], evaluation),
        if_steps=[register(context, f"Register{suffix}", container, value=value, made=made)],
        else_steps=[FailStep(name=f"Rejected{suffix}", error_message=refused)],
    )


def reaches(judge: Gate, value: Any) -> Any:
    """The condition that a value is on the right side of a gate's threshold."""
    bound = ConditionGreaterThanOrEqualTo if judge.judged_by.higher_is_better else ConditionLessThanOrEqualTo
    return bound(left=value, right=judge.threshold)


def asked(judge: Gate) -> str:
    """A gate in words."""
    way = "at least" if judge.judged_by.higher_is_better else "at most"
    return f"{judge.name} ({way} {judge.threshold})"


def _passes(first: Gate, evaluation: RequestStep) -> list[Any]:
    """The first threshold, which needs no trust in the container, and its verdict on everything."""
    return [
        reaches(first, verdict(evaluation, "value")),
        ConditionGreaterThanOrEqualTo(left=verdict(evaluation, "passed"), right=1.0),
    ]


def _rejection(gates: tuple[Gate, ...], reason: Any) -> Any:
    """The message of a refused model; the reason holds its values, and the champion's."""
    subject = "The gate" if len(gates) == 1 else "The gates"
    return Join(on="", values=[f"{subject} on {', '.join(map(asked, gates))} refused this model: ", reason])
