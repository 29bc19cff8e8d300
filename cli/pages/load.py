"""The page of a load test: load, latency, errors and instances over time."""

from collections.abc import Callable, Sequence
from pathlib import Path

from markupsafe import Markup

from cli.loadtest.samples import Outcome, Second
from cli.pages import page
from cli.pages.charts import Axis, Chart, round_axis


def write(file: Path, project: str, url: str, best: Outcome, steps: Sequence[Outcome]) -> None:
    """Draw a load test; of several steps the best one is drawn and all are listed."""
    timeline = best.timeline
    page.write(
        file,
        "load.html",
        project=project,
        url=url,
        best=best,
        steps=steps if len(steps) > 1 else [],
        load=_chart(timeline, "calls/s", ("two", lambda s: float(s.answered)), ("one", lambda s: s.offered)),
        latency=_chart(timeline, "ms", ("two", lambda s: s.p50_ms), ("one", lambda s: s.p99_ms)),
        errors=_chart(timeline, "errors/s", ("one", lambda s: float(s.failed + s.unsent))),
        instances=_chart(timeline, "instances", ("two", lambda s: s.instances)),
    )


def _chart(
    timeline: Sequence[Second], label: str, *lines: tuple[str, Callable[[Second], float | None]]
) -> Markup:
    drawn = [
        (
            css,
            [
                (float(number), value)
                for number, each in enumerate(timeline)
                if (value := of(each)) is not None
            ],
        )
        for css, of in lines
    ]
    highest = max((y for _, points in drawn for _, y in points), default=0.0)
    chart = Chart(_seconds(len(timeline)), round_axis(0, highest or 1, label), label)
    for css, points in drawn:
        chart.line(points, css)
    return chart.svg()


def _seconds(count: int) -> Axis:
    axis = round_axis(0, max(1, count - 1), "seconds")
    return Axis(
        0, max(1, count - 1), "seconds", [tick for tick in axis.ticks if tick[0] <= max(1, count - 1)]
    )
