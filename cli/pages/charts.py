"""Small charts as inline SVG; colours come from the page, so that they follow its light or dark mode."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from markupsafe import Markup

_LEFT, _RIGHT, _TOP, _BOTTOM = 54, 20, 26, 40
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


def share_axis(label: str) -> Axis:
    """An axis of shares from 0 to 1."""
    return Axis(0, 1, label, [(step / 4, f"{25 * step}%") for step in range(5)])


def round_axis(low: float, high: float, label: str) -> Axis:
    """An axis over [low, high] with about five round ticks."""
    if low == high:
        low, high = low - (abs(low) or 1.0) / 2, high + (abs(high) or 1.0) / 2
    raw = (high - low) / 4
    power = 10.0 ** int(f"{raw:e}".split("e")[1])
    step = next(power * nice for nice in (1, 2, 2.5, 5, 10) if power * nice >= raw * 0.999)
    first, last = step * (low // step), step * -(-high // step)
    values = [first + step * number for number in range(round((last - first) / step) + 1)]
    return Axis(first, last, label, [(value, _number(value)) for value in values])


def _number(value: float) -> str:
    """Six digits at the most, and millions as such."""
    return f"{value / 1e6:,.6g} M" if abs(value) >= 1e6 else f"{value:,.6g}"


@dataclass
class Chart:
    """Shapes on a pair of axes; `label` is what a screen reader says."""

    x: Axis
    y: Axis
    label: str
    width: int = 520
    height: int = 330
    _shapes: list[Markup] = field(default_factory=list)

    def line(self, points: Iterable[Point], css: str) -> None:
        """A line through the points."""
        places = " ".join(f"{x:.1f},{y:.1f}" for x, y in map(self._at, points))
        self._shapes.append(Markup('<polyline class="line {}" points="{}"/>').format(css, places))

    def dot(self, point: Point, css: str, title: str) -> None:
        """A dot that tells its title when it is pointed at."""
        x, y = self._at(point)
        shape = Markup('<circle class="dot {}" cx="{:.1f}" cy="{:.1f}" r="4"><title>{}</title></circle>')
        self._shapes.append(shape.format(css, x, y, title))

    def svg(self) -> Markup:
        """The drawing."""
        head = Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">').format(
            self.width, self.height, self.label
        )
        return head + self._grid() + Markup("").join(self._shapes) + Markup("</svg>")

    def _at(self, point: Point) -> Point:
        across, up = self.x.share(point[0]), self.y.share(point[1])
        return (
            _LEFT + across * (self.width - _LEFT - _RIGHT),
            self.height - _BOTTOM - up * (self.height - _TOP - _BOTTOM),
        )

    def _grid(self) -> Markup:
        parts = []
        for value, text in self.y.ticks:
            y = self._at((self.x.low, value))[1]
            css = "axis" if value == self.y.low else "grid"
            parts.append(_line(css, _LEFT, y, self.width - _RIGHT, y) + _text(_LEFT - 8, y + 4, "end", text))
        for value, text in self.x.ticks:
            x = self._at((value, self.y.low))[0]
            parts.append(_text(x, self.height - _BOTTOM + 17, "middle", text))
        parts.append(_text((_LEFT + self.width - _RIGHT) / 2, self.height - 6, "middle", self.x.label))
        parts.append(_text(2, _TOP - 12, "start", self.y.label))
        return Markup("").join(parts)


@dataclass(frozen=True)
class Upright:
    """An axis of parallel coordinates: the place of each line from 0 to 1, and its ticks."""

    label: str
    places: Sequence[float]
    ticks: Sequence[tuple[float, str]]


def parallel(axes: Sequence[Upright], strengths: Sequence[float], titles: Sequence[str]) -> Markup:
    """A line per entry through all axes; the strongest (1.0) are drawn last and darkest."""
    width, height, top, bottom, side = 1080, 340, 44, 30, 70

    def x(number: int) -> float:
        return side + number * (width - 2 * side) / max(1, len(axes) - 1)

    def y(place: float) -> float:
        return height - bottom - place * (height - top - bottom)

    parts = [Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="Trials">').format(width, height)]
    for entry in sorted(range(len(strengths)), key=lambda entry: strengths[entry]):
        points = " ".join(f"{x(n):.1f},{y(axis.places[entry]):.1f}" for n, axis in enumerate(axes))
        css = "best" if strengths[entry] == max(strengths) else ""
        opacity = 1.0 if css else 0.08 + 0.7 * strengths[entry] ** 2
        shape = Markup(
            '<polyline class="thread {}" opacity="{:.2f}" points="{}"><title>{}</title></polyline>'
        )
        parts.append(shape.format(css, opacity, points, titles[entry]))
    for number, axis in enumerate(axes):
        parts.append(_line("axis", x(number), y(0), x(number), y(1)))
        parts.append(_text(x(number), 16, "middle", axis.label))
        for place, text in axis.ticks:
            below = -7 if place == 1 else 16 if place == 0 else 4
            parts.append(_text(x(number), y(place) + below, "middle", text, "halo"))
    return Markup("").join(parts) + Markup("</svg>")


def _line(css: str, x0: float, y0: float, x1: float, y1: float) -> Markup:
    return Markup('<line class="{}" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>').format(
        css, x0, y0, x1, y1
    )


def _text(x: float, y: float, anchor: str, text: str, css: str = "") -> Markup:
    template = Markup('<text class="{}" x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>')
    return template.format(css, x, y, anchor, text)
