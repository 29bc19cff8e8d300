"""The step that makes a version of the model in the registry."""

from typing import Any

from declaration import Async, Endpoint
from pipelines import requests
from pipelines.sdk import Join, RequestStep
from pipelines.training.context import Context
from pipelines.training.evaluation import described
from pipelines.training.programs import read_and_answered


def register(
    context: Context,
    name: str,
    container: requests.ServedContainer,
    *,
    value: Any,
    evaluation: requests.Evaluation | None,
) -> RequestStep:
    """The model becomes a model package, with the first gate's value and the place of its evaluation."""
    project, first = context.project, context.project.gates[0]
    endpoint = project.endpoint
    reads, answers = read_and_answered(context)
    request = requests.model_package(
        container,
        group=context.bindings.model_package_group,
        approval=context.parameters.approval,
        evaluation=evaluation,
        instance=endpoint.instance if isinstance(endpoint, Endpoint | Async) else "ml.c5.large",
        accepts=reads,
        answers=answers,
        properties={
            "project": project.name,
            "metric": first.name,
            "value": Join(on="", values=[value]),
            "threshold": str(first.threshold),
            # What others serve, only they can describe.
            **({"openapi": described(context)} if project.train.family == "own" else {}),
        },
    )
    return RequestStep(name, "RegisterModel", request)
