"""The arguments of the job."""

import argparse
from dataclasses import dataclass
from typing import Literal, get_args

from tabular.contract import DataError
from tabular.schema import Problem

Layout = Literal["parquet", "csv", "label-first"]


@dataclass(frozen=True)
class Settings:
    """What is to be prepared, and how; `function` and `predict` are the user's, as module:name."""

    target: str
    problem: Problem = "binary"
    time: str | None = None
    group: str | None = None
    series: tuple[str, ...] = ()
    holdout: float = 0.2
    drop: tuple[str, ...] = ()
    function: str | None = None
    predict: str | None = None
    layout: Layout = "parquet"

    @property
    def roles(self) -> dict[str, str]:
        """The columns that learning depends on, and what each one is."""
        found = {self.target: "target"}
        found |= {self.time: "time"} if self.time is not None else {}
        found |= {self.group: "group"} if self.group is not None else {}
        return found | dict.fromkeys(self.series, "series")

    @property
    def apart(self) -> frozenset[str]:
        """The columns that the model does not see; the time of a forecast it does."""
        time = () if self.time is None or self.problem == "forecast" else (self.time,)
        return frozenset((self.target, *time, *(() if self.group is None else (self.group,))))


def read() -> Settings:
    """Read the command line; DataError when its parts do not fit each other."""
    parser = argparse.ArgumentParser(prog="prepare")
    parser.add_argument("--target", required=True)
    parser.add_argument("--problem", choices=get_args(Problem), default="binary")
    parser.add_argument("--time")
    parser.add_argument("--group")
    parser.add_argument("--series", action="append", default=[])
    parser.add_argument("--holdout", type=float, default=0.2)
    parser.add_argument("--drop", action="append", default=[])
    parser.add_argument("--code-prepare")
    parser.add_argument("--code-predict")
    parser.add_argument("--layout", choices=get_args(Layout), default="parquet")
    given = parser.parse_args()
    settings = Settings(
        target=given.target,
        problem=given.problem,
        time=given.time,
        group=given.group,
        series=tuple(given.series),
        holdout=given.holdout,
        drop=tuple(given.drop),
        function=given.code_prepare,
        predict=given.code_predict,
        layout=given.layout,
    )
    if (settings.problem == "ranking") != (settings.group is not None):
        raise DataError("a ranking needs --group, the column of its queries, and no other problem has one")
    if settings.problem == "forecast" and settings.time is None:
        raise DataError("a forecast needs --time, the column of its moments")
    if settings.series and settings.problem != "forecast":
        raise DataError(
            f"a {settings.problem} problem has no --series: they tell the series of a forecast apart"
        )
    return settings
