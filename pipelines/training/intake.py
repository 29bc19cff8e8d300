"""What became of the files that Prepare was given, and the step that stops where none of them is new."""

from collections.abc import Sequence
from typing import Any

from pipelines.sdk import (
    ConditionGreaterThanOrEqualTo,
    ConditionStep,
    FailStep,
    Join,
    JsonGet,
    PropertyFile,
    RequestStep,
)

# Prepare writes this file; `proceed` is 1.0 or 0.0, and `reason` says why it is 0.0.
INTAKE = PropertyFile(name="Intake", output_name="intake", path="intake.json")


def told(prepared: RequestStep, name: str) -> Any:
    """A member of intake.json."""
    return JsonGet(step_name=prepared.name, property_file=INTAKE, json_path=name)


def intake(prepared: RequestStep, steps: Sequence[Any]) -> ConditionStep:
    """Go on with these steps where there is something to learn from.

    Files that cannot be used are left out, and a person is told; the same rows as before give the same model,
    so an execution that was started for new files ends when all of them were left out. It does not end in
    Prepare: what a processing job that fails has written is not promised to reach S3.
    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProcessingS3Output.html
    """
    stopped = Join(on="", values=["There is nothing new to learn from: ", told(prepared, "reason")])
    return ConditionStep(
        name="Intake",
        conditions=[ConditionGreaterThanOrEqualTo(left=told(prepared, "proceed"), right=1.0)],
        if_steps=list(steps),
        else_steps=[FailStep(name="NothingNew", error_message=stopped)],
    )
