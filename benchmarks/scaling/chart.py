"""The page of the benchmark: load, latency and instances over time, and instances beside the simulator's."""

from collections.abc import Sequence
from pathlib import Path

from markupsafe import Markup

from benchmarks.scaling.comparison import Comparison
from benchmarks.scaling.traffic import Sent
from cli import pages
from cli.loadtest.load import Load
from cli.pages.charts import Axis, Chart, Point, round_axis

_STYLE = Path(pages.__file__).with_name("page.css")
_PAGE = Markup("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="color-scheme" content="light dark">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>Scaling</title>
<style>{style}</style></head><body><main><p class="brand">Sageloop <span>scaling</span></p>
<h1>{calls:,} calls in {seconds:.0f} s, {errors:,} errors,
up to <span class="two">{most} instances</span></h1>
<div class="panels">{panels}</div></main></body></html>
""")
_MOMENTS = "seconds of AWS's time"
_PANEL = Markup('<section class="panel"><h2>{title}</h2><p>{keys}</p>{chart}</section>\n')
_KEYS = Markup('<span class="key one"></span>{one}<span class="key two"></span>{two}')


def write(file: Path, load: Load, sent: Sent, comparisons: Sequence[Comparison]) -> None:
    """Write the page."""
    outcome = sent.outcome
    seconds = range(len(outcome.timeline))
    answered = [(float(n), float(outcome.timeline[n].answered)) for n in seconds]
    p50 = [(float(n), p) for n in seconds if (p := outcome.timeline[n].p50_ms) is not None]
    p99 = [(float(n), p) for n in seconds if (p := outcome.timeline[n].p99_ms) is not None]
    panels = [
        _panel("Load", "due", "answered", _chart("seconds", "calls/s", _corners(load), answered)),
        _panel("Instances", "", "in service", _chart("seconds", "instances", [], stairs(sent.counts))),
        _panel("Latency, from the time that a call was due", "p99", "p50", _chart("seconds", "ms", p99, p50)),
    ]
    for each in comparisons:
        simulated = stairs([(float(second), int(count)) for second, count in enumerate(each.simulated)])
        title = f"{each.traffic.name}: at most {each.worst} apart"
        drawn = _chart(_MOMENTS, "instances", simulated, stairs(each.seen))
        calls = _chart(_MOMENTS, "calls/s", _corners(each.traffic.load, each.speed), [])
        panels.append(_panel(f"{each.traffic.name}: load", "calls/s", "", calls))
        panels.append(_panel(title, "simulated", "seen", drawn))
    file.parent.mkdir(parents=True, exist_ok=True)
    text = _PAGE.format(
        style=Markup(_STYLE.read_text("utf-8")),  # noqa: S704 (of the checkout)
        calls=outcome.calls,
        seconds=outcome.seconds,
        errors=outcome.errors,
        most=sent.most,
        panels=Markup("").join(panels),
    )
    file.write_text(text, "utf-8")


def _corners(load: Load, speed: float = 1.0) -> list[Point]:
    return [(float(moment * speed), float(rate)) for moment, rate in load.corners]


def stairs(counts: Sequence[tuple[float, int]]) -> list[Point]:
    """The corners of a line that stays at each count until the next."""
    corners: list[Point] = []
    for moment, count in counts:
        if corners and corners[-1][1] == count and len(corners) > 1 and corners[-2][1] == count:
            corners[-1] = (moment, float(count))
            continue
        if corners:
            corners.append((moment, corners[-1][1]))
        corners.append((moment, float(count)))
    return corners


def _chart(across: str, up: str, one: Sequence[Point], two: Sequence[Point]) -> Markup:
    points = [*one, *two] or [(0.0, 0.0)]
    widest, highest = max(x for x, _ in points), max(y for _, y in points)
    ticks = [tick for tick in round_axis(0, max(1, widest), across).ticks if tick[0] <= max(1, widest)]
    chart = Chart(Axis(0, max(1, widest), across, ticks), round_axis(0, max(1, highest), up), up)
    chart.line(one, "one")
    chart.line(two, "two")
    return chart.svg()


def _panel(title: str, one: str, two: str, chart: Markup) -> Markup:
    keys = _KEYS.format(one=one, two=two) if one and two else Markup("{}").format(one or two)
    return _PANEL.format(title=title, keys=keys, chart=chart)
