"""The page of the study: the real year, what was found of each change, and how soon."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from benchmarks.drift import drawing
from benchmarks.drift.shifts import SHIFTS
from benchmarks.drift.study import Detector, Rate, Study
from cli import pages

_STYLE = Path(pages.__file__).with_name("page.css")


@dataclass(frozen=True)
class _Tile:
    value: str
    note: str


@dataclass(frozen=True)
class _Cell:
    """What one detector says of one change: shares, whole and half; None as the delay is never."""

    shares: tuple[float, float]
    delay: float | None


@dataclass(frozen=True)
class _Row:
    name: str
    what: str
    cells: Sequence[_Cell]


@dataclass(frozen=True)
class _Quiet:
    """False alarms among so many rows."""

    rows: str
    rates: Sequence[Rate]


def write(file: Path, study: Study) -> None:
    """Write the page."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined
    )
    environment.filters |= {"share": _share, "rate": _rate, "interval": _interval}
    detectors = [each for each in (study.ours, study.with_labels, study.any_column) if each is not None]
    text = environment.get_template("page.html").render(
        style=Markup(_STYLE.read_text("utf-8")),  # noqa: S704 (of the checkout)
        ours=study.ours,
        lead=_lead(study),
        tiles=_tiles(study),
        first=drawing.learnt_first(),
        chart=drawing.year(study.year),
        runs=study.runs,
        detectors=detectors,
        rows=[_row(shift.name, shift.what, detectors) for shift in SHIFTS],
        quiets=[
            _Quiet("2,000", [each.alarms for each in detectors]),
            _Quiet("500", [each.alarms_of_windows for each in detectors]),
        ],
        footnote=_footnote(study),
        months=study.year,
        names=drawing.NAMES,
        theirs=study.any_column is not None,
    )
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")


def _lead(study: Study) -> str:
    most = study.ours.alarms.interval[1]
    said = f"With 95 % confidence their rate is {most:.1%} at most."
    if study.any_column is None or study.data_set is None:
        return f"{said} The peer was not there."
    column, whole = study.any_column.alarms, study.data_set.alarms
    return (
        f"{said} Evidently with its defaults, on the same rows: {column.count} by any column, "
        f"{whole.count} by its verdict on the data set, which asks for half of the columns."
    )


def _tiles(study: Study) -> list[_Tile]:
    shown = [shift.name for shift in SHIFTS if shift.shown]
    found = sum(study.ours.full[name] >= 0.9 for name in shown)
    labelled = sum(share >= 0.9 for share in study.with_labels.full.values())
    never, kept = (mean(getattr(each, name) for each in study.year) for name in ("never", "kept"))
    trained = sum(each.retrained for each in study.year)
    times = f"{trained} time{'' if trained == 1 else 's'}"
    return [
        _Tile(f"{study.ours.alarms.share:.1%}", f"false alarms, {study.ours.alarms.of} looks"),
        _Tile(
            f"{found} of {len(shown)}", "changes that a column shows are found in nine of ten runs or more"
        ),
        _Tile(f"{labelled} of {len(SHIFTS)}", "changes are, once labels have come"),
        _Tile(f"{kept - never:+.4f}", f"mean AUC of April to December, by learning again {times}"),
    ]


def _row(name: str, what: str, detectors: Sequence[Detector]) -> _Row:
    cells = [_Cell((each.full[name], each.half[name]), each.delay[name]) for each in detectors]
    return _Row(name, what, cells)


def _footnote(study: Study) -> str:
    said = (
        "A label shift and an interaction leave every column about as it was; labels show what they cost. "
        "A delay is the mean of the runs that end within ten windows, and never where fewer than half do."
    )
    if study.any_column is None or study.data_set is None:
        return said
    alarms = study.any_column.alarms_of_windows
    best = max(study.data_set.full.values())
    return (
        f"{said} Evidently counts as soon as any column has drifted, which among 500 rows that never changed "
        f"is so in {alarms.share:.0%} of looks, so read its delays with that; its verdict on the data set, "
        f"for half of the columns, finds a whole change in {best:.0%} of runs at most."
    )


def _share(value: float) -> str:
    return f"{value:.0%}"


def _rate(rate: Rate) -> str:
    return f"{rate.share:.1%}"


def _interval(rate: Rate) -> str:
    low, high = rate.interval
    return f"{100 * low:.1f} to {high:.1%}"
