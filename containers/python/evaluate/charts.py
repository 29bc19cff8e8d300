"""Small charts as inline SVG; colours come from the page, so that they follow its light or dark mode."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from markupsafe import Markup, escape

_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 16, 30, 40
# A share axis ends at one of these, so that each quarter of it is a round number.
_ENDS = (0.04, 0.08, 0.12, 0.16, 0.2, 0.24, 0.32, 0.4, 0.6, 0.8)
Point = tuple[float, float]


@dataclass(frozen=True)
class Axis:
    """From `low` to `high`, with its label, and its ticks as (value, text)."""

    low: float
    high: float
    label: str
    ticks: Sequence[tuple[float, str]]

    def share(self, value: float) -> float:
        """Where a value lies between low (0) and high (1)."""
        return (value - self.low) / ((self.high - self.low) or 1)


def share_axis(label: str, high: float = 1.0) -> Axis:
    """An axis of shares from 0 to at least `high`, shown in per cent."""
    high = next((end for end in _ENDS if end >= high), 1.0)
    return Axis(0, high, label, [(high * step / 4, f"{100 * high * step / 4:.0f}%") for step in range(5)])


def round_axis(low: float, high: float, label: str) -> Axis:
    """An axis over [low, high] with about five round ticks."""
    span = (high - low) or abs(high) or 1.0
    raw = span / 4
    power = 10.0 ** int(f"{raw:e}".split("e")[1])
    step = next(power * nice for nice in (1, 2, 2.5, 5, 10) if power * nice >= raw * 0.999)
    first, last = step * (low // step), step * -(-high // step)
    count = round((last - first) / step)
    values = [first + step * index for index in range(count + 1)]
    return Axis(first, last, label, [(value, f"{value:,.6g}") for value in values])


@dataclass
class Chart:
    """Shapes on a pair of axes; `label` is what a screen reader says."""

    x: Axis
    y: Axis
    label: str
    width: int = 520
    height: int = 330
    left: int = _LEFT
    _shapes: list[Markup] = field(default_factory=list)

    def at(self, point: Point) -> Point:
        """The place of a data point in the drawing."""
        across, up = self.x.share(point[0]), self.y.share(point[1])
        return (
            self.left + across * (self.width - self.left - _RIGHT),
            self.height - _BOTTOM - up * (self.height - _TOP - _BOTTOM),
        )

    def line(self, points: Iterable[Point], css: str) -> None:
        """A line through the points."""
        self._add('<polyline class="line {}" points="{}"/>', css, self._points(points))

    def area(self, points: Sequence[Point], css: str) -> None:
        """The surface between the points and the bottom."""
        closed = [(points[0][0], self.y.low), *points, (points[-1][0], self.y.low)]
        self._add('<polygon class="area {}" points="{}"/>', css, self._points(closed))

    def dots(self, points: Iterable[Point], css: str, radius: float = 4) -> None:
        """One dot per point."""
        for point in points:
            x, y = self.at(point)
            self._add('<circle class="dot {}" cx="{:.1f}" cy="{:.1f}" r="{:.1f}"/>', css, x, y, radius)

    def marker(self, name: str) -> None:
        """A dot that the page's script finds by its name and moves over axes from 0 to 1."""
        (x0, y0), (x1, y1) = self.at((0, 0)), self.at((1, 1))
        box = f"{x0:.1f} {y0:.1f} {x1:.1f} {y1:.1f}"
        self._add('<circle class="marker" data-marker="{}" data-box="{}" r="6"/>', name, box)

    def bar(self, left: float, right: float, height: float, css: str, title: str = "") -> None:
        """A bar from the axis to `height`."""
        x0, y0 = self.at((left, 0.0))
        x1, y1 = self.at((right, height))
        self._add(
            '<rect class="bar {}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" rx="1.5">'
            "<title>{}</title></rect>",
            css, x0 + 0.6, min(y0, y1), max(x1 - x0 - 1.2, 0.6), abs(y0 - y1), title,
        )  # fmt: skip

    def cell(self, low: Point, high: Point, strength: float, title: str = "") -> None:
        """A filled rectangle whose opacity is `strength`."""
        x0, y1 = self.at(low)
        x1, y0 = self.at(high)
        self._add(
            '<rect class="cell" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" opacity="{:.3f}">'
            "<title>{}</title></rect>",
            x0, y0, x1 - x0, y1 - y0, strength, title,
        )  # fmt: skip

    def note(self, point: Point, text: str, css: str = "", anchor: str = "start") -> None:
        """A short text at a point."""
        x, y = self.at(point)
        self._add(
            '<text class="note {}" x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>', css, x, y, anchor, text
        )

    def svg(self) -> Markup:
        """The drawing."""
        head = Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">').format(
            self.width, self.height, self.label
        )
        return head + self._grid() + Markup("").join(self._shapes) + Markup("</svg>")

    def _add(self, template: str, *values: object) -> None:
        # Markup.format escapes every value: names of columns and classes come from the user's files.
        self._shapes.append(Markup(template).format(*values))  # noqa: S704

    def _points(self, points: Iterable[Point]) -> str:
        return " ".join(f"{x:.1f},{y:.1f}" for x, y in map(self.at, points))

    def _grid(self) -> Markup:
        left, bottom = self.left, self.height - _BOTTOM
        right, top = self.width - _RIGHT, _TOP
        parts = []
        for value, text in self.y.ticks:
            y = self.at((self.x.low, value))[1]
            css = "axis" if value == self.y.low else "grid"
            parts.append(_line(css, left, y, right, y) + _tick(left - 8, y + 4, "end", text))
        for value, text in self.x.ticks:
            x = self.at((value, self.y.low))[0]
            parts.append(_line("tick", x, bottom, x, bottom + 4) + _tick(x, bottom + 17, "middle", text))
        parts.append(_tick((left + right) / 2, self.height - 5, "middle", self.x.label, "label"))
        parts.append(_tick(left - 38, top - 14, "start", self.y.label, "label"))
        return Markup("").join(parts)


def _line(css: str, x0: float, y0: float, x1: float, y1: float) -> Markup:
    return Markup('<line class="{}" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>').format(
        css, x0, y0, x1, y1
    )


def _tick(x: float, y: float, anchor: str, text: str, css: str = "ticktext") -> Markup:
    template = '<text class="{}" x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>'
    return Markup(template).format(css, x, y, anchor, escape(text))  # noqa: S704
