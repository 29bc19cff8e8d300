"""What is learnt from: the table that is uploaded, and what its columns mean."""

from collections.abc import Iterator, Sequence
from dataclasses import KW_ONLY
from typing import Annotated

from pydantic import AfterValidator, Field

from declaration.errors import Problem
from declaration.explain import shown
from declaration.instances import InstanceType
from declaration.metrics import Kind
from declaration.names import ColumnName
from declaration.value import declared

# A container takes at most 100 arguments, and each dropped column is two of them:
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_AppSpecification.html
_MAX_DROPPED = 40

Column = Annotated[str, ColumnName(), Field(examples=["'late'"])]


@declared
class Data:
    """The table in the incoming bucket: CSV or Parquet files below `data/`, all with the same columns.

    `time` makes the hold-out the latest rows instead of random ones; `holdout` is their share.
    `instance` runs preparation and evaluation; `volume_gb` is the disk of every job.
    """

    target: Column
    _: KW_ONLY
    time: Annotated[Annotated[str, ColumnName()] | None, Field(examples=["'day'"])] = None
    problem: Kind = "binary"
    holdout: Annotated[float, Field(gt=0, le=0.5)] = 0.2
    drop: Annotated[Sequence[Column], AfterValidator(tuple), Field(examples=["['id']"])] = ()
    instance: Annotated[str, InstanceType("processing")] = "ml.m5.xlarge"
    volume_gb: Annotated[int, Field(ge=1, le=16_384)] = 30

    def problems(self) -> Iterator[Problem]:
        """Columns that are asked to play two parts."""
        if self.time == self.target:
            rule = "the target cannot also be the time that orders the rows"
            yield Problem("Data, time", shown(self.time), rule, "name another column or leave time out")
        for role, column in (("target", self.target), ("time", self.time)):
            if column in self.drop:
                rule = f"drop may hold any column but the {role}"
                yield Problem("Data, drop", shown(column), rule, f"take {column!r} out of drop")
        if len(self.drop) > _MAX_DROPPED:
            rule = f"at most {_MAX_DROPPED} columns can be dropped"
            yield Problem(
                "Data, drop", f"{len(self.drop)} columns", rule, "leave them out of the files instead"
            )
