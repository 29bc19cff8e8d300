"""SageMaker's API as botocore describes it."""

import functools
from typing import Any

import botocore.session

from pipelines.validation.steps import OPERATIONS

# botocore's shapes have members, member, value, enum and metadata as their type goes; it is not typed itself.
Shape = Any


@functools.cache
def _service() -> Any:
    return botocore.session.get_session().get_service_model("sagemaker")


def shape_of_request(step_type: str) -> Shape | None:
    """The input of the operation behind a step type; None for steps that call no API."""
    if step_type not in OPERATIONS:
        return None
    return _service().operation_model(OPERATIONS[step_type][0]).input_shape


def shape_of_response(step_type: str) -> Shape | None:
    """What a step's properties can be taken from: the output of the Describe operation; else None."""
    if step_type not in OPERATIONS:
        return None
    described = OPERATIONS[step_type][0].replace("Create", "Describe", 1)
    return _service().operation_model(described).output_shape
