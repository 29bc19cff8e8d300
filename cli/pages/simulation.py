"""The page of a simulation: load, instances, and calls that came late or were dropped."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from markupsafe import Markup

from cli.pages import page
from cli.pages.charts import Axis, Chart, round_axis

if TYPE_CHECKING:
    from cli.commands.simulate import Report


def write(file: Path, report: "Report") -> None:
    """Draw a simulation."""
    page.write(
        file,
        "simulation.html",
        report=report,
        load=_chart("calls a minute", ("two", report.calls_per_minute)),
        instances=_chart("instances", ("two", report.instances)),
        lost=_chart("calls a minute", ("two", report.late_by_minute), ("one", report.dropped_by_minute)),
    )


def _chart(label: str, *lines: tuple[str, Sequence[float]]) -> Markup:
    minutes = len(lines[0][1])
    highest = max((value for _, values in lines for value in values), default=0)
    chart = Chart(_time(minutes), round_axis(0, highest or 1, label), label, width=1080, height=280)
    for css, values in lines:
        # Each value holds for its minute: a fleet does not grow by parts of an instance.
        chart.line([(at + end, value) for at, value in enumerate(values) for end in (0, 1)], css)
    return chart.svg()


def _time(minutes: int) -> Axis:
    unit, size = ("hours", 60) if minutes > 240 else ("minutes", 1)
    axis = round_axis(0, max(1, minutes) / size, unit)
    ticks = [(value * size, text) for value, text in axis.ticks if value * size <= max(1, minutes)]
    return Axis(0, max(1, minutes), unit, ticks)
