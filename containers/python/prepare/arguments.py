"""The arguments of the job."""

import argparse
import re
from dataclasses import dataclass
from typing import Literal, get_args

from tabular.contract import DataError
from tabular.schema import Problem

Layout = Literal["parquet", "csv", "label-first"]
By = Literal["time", "upload"]
Cause = Literal["data", "other"]
_LAST = re.compile(r"(\d+) (months|days)")
# As polars writes them: months of the calendar, and days.
_UNITS = {"months": "mo", "days": "d"}


@dataclass(frozen=True)
class Window:
    """The rows to learn from: those of the last months or days, by their time or by that of their upload."""

    count: int
    unit: Literal["months", "days"]
    by: By

    @property
    def text(self) -> str:
        """In words, such as "12 months by time"."""
        return f"{self.count} {self.unit} by {self.by}"

    @property
    def back(self) -> str:
        """The way to the first moment from the last one, as polars writes it."""
        return f"-{self.count}{_UNITS[self.unit]}"


@dataclass(frozen=True)
class Settings:
    """What is to be prepared, and how; `function` and `predict` are the user's, as module:name.

    `cause` is "data" where new files are the only reason for this job, `snapshot` the URI of what is known of
    the files. With `warm` a model is to go on from the reigning one, so that its columns keep their order.
    """

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
    window: Window | None = None
    cause: Cause = "other"
    snapshot: str = ""
    warm: bool = False

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
    parser.add_argument("--last", metavar="'12 months'")
    parser.add_argument("--by", choices=get_args(By), default="time")
    parser.add_argument("--cause", choices=get_args(Cause), default="other")
    parser.add_argument("--snapshot", default="", metavar="S3URI")
    parser.add_argument("--warm", action="store_true")
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
        window=_window(given.last, given.by),
        cause=given.cause,
        snapshot=given.snapshot,
        warm=given.warm,
    )
    if (settings.problem == "ranking") != (settings.group is not None):
        raise DataError("a ranking needs --group, the column of its queries, and no other problem has one")
    if settings.problem == "forecast" and settings.time is None:
        raise DataError("a forecast needs --time, the column of its moments")
    if settings.series and settings.problem != "forecast":
        raise DataError(
            f"a {settings.problem} problem has no --series: they tell the series of a forecast apart"
        )
    if settings.window and settings.window.by == "time" and settings.time is None:
        raise DataError("--last needs --time, the column with the time of each row, or --by upload")
    return settings


def _window(last: str | None, by: By) -> Window | None:
    if last is None:
        return None
    found = _LAST.fullmatch(last)
    if found is None or int(found[1]) < 1:
        raise DataError(f"--last is {last!r}; it is a number of months or days, such as '12 months'")
    return Window(int(found[1]), "months" if found[2] == "months" else "days", by)
