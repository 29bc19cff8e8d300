"""What is learnt from: the table that is uploaded, and what its columns mean."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import KW_ONLY
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from declaration.code import Function
from declaration.errors import Problem
from declaration.explain import shown
from declaration.instances import InstanceType
from declaration.metrics import Kind
from declaration.names import ColumnName
from declaration.value import declared

# A container takes at most 100 arguments, and each dropped column is two of them, as each of `series` is:
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_AppSpecification.html
_MAX_DROPPED = 40

Column = Annotated[str, ColumnName(), Field(examples=["'late'"])]
OptionalColumn = Annotated[str, ColumnName()] | None
Columns = Annotated[Sequence[Column], AfterValidator(tuple)]


@declared
class Data:
    """The table in the incoming bucket: CSV or Parquet files below `data/`, all with the same columns.

    `time` makes the hold-out the latest rows instead of random ones; `holdout` is their share. A ranking
    ranks the rows of each value of `group`; a forecast goes on with each series that the columns `series`
    tell apart. `prepare` is a function that gets the table and returns it changed, here and when predicting.
    `instance` runs preparation and evaluation; `volume_gb` is the disk of every job.
    """

    target: Column
    _: KW_ONLY
    time: Annotated[OptionalColumn, Field(examples=["'day'"])] = None
    problem: Kind = "binary"
    group: Annotated[OptionalColumn, Field(examples=["'query'"])] = None
    series: Annotated[Columns, Field(examples=["['store']"])] = ()
    holdout: Annotated[float, Field(gt=0, le=0.5)] = 0.2
    drop: Annotated[Columns, Field(examples=["['id']"])] = ()
    prepare: Annotated[
        Annotated[Callable[..., Any], Function("table")] | None, Field(examples=["features.prepare"])
    ] = None
    instance: Annotated[str, InstanceType("processing")] = "ml.m5.xlarge"
    volume_gb: Annotated[int, Field(ge=1, le=16_384)] = 30

    def problems(self) -> Iterator[Problem]:
        """Columns that are asked to play two parts, or a part that the problem does not know."""
        yield from self._problems_of_parts()
        yield from self._problems_of_the_problem()
        if len(self.drop) + len(self.series) > _MAX_DROPPED:
            rule = f"at most {_MAX_DROPPED} columns can be dropped or tell series apart"
            given = f"{len(self.drop) + len(self.series)} columns"
            yield Problem("Data, drop", given, rule, "leave them out of the files instead")

    def _problems_of_parts(self) -> Iterator[Problem]:
        if self.time == self.target:
            rule = "the target cannot also be the time that orders the rows"
            yield Problem("Data, time", shown(self.time), rule, "name another column or leave time out")
        for role, column in (("target", self.target), ("time", self.time)):
            if column is not None and column == self.group:
                rule = f"the {role} cannot also be the group of a row"
                yield Problem("Data, group", shown(column), rule, "name another column")
            if column in self.series:
                rule = f"the {role} cannot also tell series apart"
                yield Problem("Data, series", shown(column), rule, f"take {column!r} out of series")
        named = (("target", self.target), ("time", self.time), ("group", self.group))
        for role, part in (*named, *(("series", each) for each in self.series)):
            if part in self.drop:
                rule = f"drop may hold any column but the {role}"
                yield Problem("Data, drop", shown(part), rule, f"take {part!r} out of drop")
        if len(set(self.series)) < len(self.series):
            rule = "each column may stand once"
            yield Problem("Data, series", shown(self.series), rule, "remove the repeated one")

    def _problems_of_the_problem(self) -> Iterator[Problem]:
        ranking, forecast = self.problem == "ranking", self.problem == "forecast"
        if ranking and self.group is None:
            rule = "a ranking needs the column that says which rows are ranked together"
            yield Problem("Data, group", "nothing", rule, "write for example group='query'")
        if self.group is not None and not ranking:
            rule = f"a {self.problem} problem has no groups, only a ranking has"
            yield Problem("Data, group", shown(self.group), rule, 'leave it out or write problem="ranking"')
        if forecast and self.time is None:
            rule = "a forecast needs the column that orders the values of a series"
            yield Problem("Data, time", "nothing", rule, "write for example time='day'")
        if self.series and not forecast:
            rule = f"a {self.problem} problem has no series, only a forecast has"
            yield Problem(
                "Data, series", shown(self.series), rule, 'leave it out or write problem="forecast"'
            )
