"""The step that makes a version of the model in the registry."""

from dataclasses import dataclass
from typing import Any

from declaration import Async, Endpoint
from pipelines import requests
from pipelines.sdk import Join, RequestStep
from pipelines.training.context import Context
from pipelines.training.evaluation import described, evidence
from pipelines.training.intake import told
from pipelines.training.programs import read_and_answered


@dataclass(frozen=True)
class Made:
    """The steps of a model that learnt from tables: what prepared its rows, and what judged it."""

    prepared: RequestStep
    evaluation: RequestStep


def register(
    context: Context, name: str, container: requests.ServedContainer, *, value: Any, made: Made | None
) -> RequestStep:
    """The model becomes a model package, with the first gate's value and the place of all evidence."""
    project, first = context.project, context.project.gates[0]
    endpoint = project.endpoint
    reads, answers = read_and_answered(context)
    request = requests.model_package(
        container,
        group=context.bindings.model_package_group,
        approval=context.parameters.approval,
        evidence=evidence(made.prepared, made.evaluation) if made else None,
        instance=endpoint.instance if isinstance(endpoint, Endpoint | Async) else "ml.c5.large",
        accepts=reads,
        answers=answers,
        properties={
            "project": project.name,
            "metric": first.name,
            "value": Join(on="", values=[value]),
            "threshold": str(first.threshold),
            **(_origin(context, made) if made else {}),
        },
    )
    return RequestStep(name, "RegisterModel", request)


def _origin(context: Context, made: Made) -> dict[str, Any]:
    """Which rows the model comes of, and why it was made; only what we serve has an API that we describe."""
    known = {"openapi": described(made.evaluation)} if context.project.train.family == "own" else {}
    return {
        **known,
        "inputs": context.parameters.input_data,
        "snapshot": Join(on="", values=[told(made.prepared, "snapshot")]),
        "cause": context.parameters.cause,
        "bytes_per_row": Join(on="", values=[told(made.prepared, "bytes_per_row")]),
    }
