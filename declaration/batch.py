"""Predictions for whole files, without an endpoint."""

from dataclasses import KW_ONLY
from datetime import timedelta
from typing import Annotated

from pydantic import Field

from declaration.instances import InstanceType
from declaration.load import Predict
from declaration.schedule import Schedule, expression
from declaration.value import declared


@declared
class Batch:
    """The newest approved model predicts files, and nothing runs in between.

    Each file that is uploaded below `rows/` of the incoming bucket is predicted on its own, or with `every`
    ("1 day", or EventBridge's cron expression in UTC) all of them at these times. The predictions for
    `rows/a.csv` are in `predictions/a.csv.out`, a line for each row. A file is one request of up to 100 MB,
    so that its header counts for all of it. `instances` share the files of one run.
    https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform.html
    """

    _: KW_ONLY
    every: Annotated[Annotated[str | timedelta, Schedule()] | None, Field(examples=["'1 day'"])] = None
    instance: Annotated[str, InstanceType("transform")] = "ml.m5.xlarge"
    instances: Annotated[int, Field(ge=1, le=100)] = 1
    predict: Predict = None

    @property
    def schedule_expression(self) -> str | None:
        """The schedule as EventBridge writes it, None where uploads start it."""
        return expression(self.every) if self.every is not None else None
