"""The real year as a drawing: two models, the months with reported drift, and when one learnt again."""

from collections.abc import Sequence

from markupsafe import Markup

from benchmarks.drift.year import FIRST, Month
from cli.pages.charts import Axis, Chart, Point, round_axis

NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
# The columns that stand beside a dot; its title has the whole sentence.
_NAMED = 3
_LINE = 15
# The share of the height that the words above a dashed line take.
_HEADING = 0.12


class _Drawing(Chart):
    """A chart with texts and surfaces."""

    def note(self, point: Point, lines: Sequence[str], css: str, above: float) -> None:
        """Lines of text over a point; `above` is how far the last one stands from it."""
        x, y = self._at(point)
        for number, text in enumerate(reversed(lines)):
            shape = Markup('<text class="{}" x="{:.1f}" y="{:.1f}" text-anchor="middle">{}</text>')
            self._shapes.append(shape.format(css, x, y - above - number * _LINE, text))

    def surface(self, points: Sequence[Point], css: str) -> None:
        """The inside of a line."""
        places = " ".join(f"{x:.1f},{y:.1f}" for x, y in map(self._at, points))
        self._shapes.append(Markup('<polygon class="{}" points="{}"/>').format(css, places))


def year(months: Sequence[Month]) -> Markup:
    """AUC by month; a dashed line stands where a model that learnt more takes over."""
    values = [value for each in months for value in (each.never, each.kept)]
    rounded = round_axis(min(values), max(values), "AUC on the flights of the month")
    # Room for the words above the highest dot.
    y = Axis(rounded.low, rounded.high + 0.3 * (rounded.high - rounded.low), rounded.label, rounded.ticks)
    ticks = [(float(each.month), NAMES[each.month - 1]) for each in months]
    x = Axis(months[0].month - 0.35, months[-1].month + 0.35, "2013", ticks)
    chart = _Drawing(x, y, "AUC by month, with and without learning again on drift", width=1080, height=400)
    never = [(float(each.month), each.never) for each in months]
    kept = [(float(each.month), each.kept) for each in months]
    chart.surface([*kept, *reversed(never)], "gain")
    for each in months:
        if each.retrained:
            after = each.month + 0.5
            chart.line([(after, y.low), (after, y.high - _HEADING * (y.high - y.low))], "chance")
            learnt = f"{NAMES[0]} to {NAMES[each.month - 1]}"
            chart.note((after, y.high), ["learns again:", learnt], "halo soft", -_LINE * 1.2)
    chart.line(never, "one")
    chart.line(kept, "two")
    for each in months:
        if each.drifted:
            chart.dot((each.month, each.kept), "told", f"{NAMES[each.month - 1]}: {each.reason}")
            names = list(each.drifted[:_NAMED])
            more = len(each.drifted) - len(names)
            told = ["drift:", *names, *([f"and {more} more"] if more else [])]
            chart.note((each.month, each.kept), told, "halo told", 11)
    return chart.svg()


def learnt_first() -> str:
    """The months that the first model learns from."""
    return f"{NAMES[0]} to {NAMES[FIRST - 1]}"
