"""Compiled definitions, as tests look at them."""

import json
from collections.abc import Mapping
from typing import Any

from declaration import Project
from pipelines.training import TrainingBindings, definition
from pipelines.validation import validate
from pipelines.validation.steps import all_steps


def steps(text: str) -> dict[str, Any]:
    """The steps of a definition by name, those in branches included."""
    return {step.name: step.raw for step in all_steps(json.loads(text))}


def compiled(project: Project, bindings: TrainingBindings) -> dict[str, Any]:
    text = definition(project, bindings)
    validate(text)
    return steps(text)


def inputs(step: Mapping[str, Any]) -> dict[str, Any]:
    return {each["InputName"]: each["S3Input"]["S3Uri"] for each in step["Arguments"]["ProcessingInputs"]}


def channels(request: Mapping[str, Any]) -> dict[str, Any]:
    return {each["ChannelName"]: each for each in request["InputDataConfig"]}
