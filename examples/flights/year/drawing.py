"""The two pictures of the year, month under month: how good the answers were, and what the watch saw."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from examples.flights.year.result import POLICIES, Column, Year

COLOURS = {"never": "#94a3b8", "monthly": "#d97706", "on_drift": "#0f766e"}
_INK, _SOFT, _LINE, _REPORTED = "#0f172a", "#64748b", "#e2e8f0", "#dc2626"
# Columns that are shown, of those that ever changed; a stability index of this is drawn the darkest.
_ROWS, _DARKEST = 8, 3.0
_STYLE: dict[Any, object] = {
    "font.family": "sans-serif",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": _LINE,
    "axes.labelcolor": _SOFT,
    "xtick.color": _SOFT,
    "ytick.color": _SOFT,
    "text.color": _INK,
    "svg.hashsalt": "year",
}
# The left ends of both pictures' plots are one above the other, in shares of the width.
_LEFT, _RIGHT = 0.1, 0.985


def auc(year: Year) -> str:
    """The AUC of each month's flights by the policies, and when drift trained a new model, as inline SVG."""
    with _picture(4.2) as (axes, text):
        months = [played.month for played in year.played]
        for policy, style in (("never", "-"), ("monthly", "--"), ("on_drift", "-")):
            values = [getattr(played, f"auc_{policy}") for played in year.played]
            axes.plot(
                months, values, style, color=COLOURS[policy], marker="o", markersize=5, linewidth=2,
                label=POLICIES[policy],
            )  # fmt: skip
        for place, played in enumerate(year.retrainings, start=2):
            axes.axvline(played.month + 0.5, color=COLOURS["on_drift"], linestyle=":", linewidth=1.2)
            axes.annotate(
                f"{played.retrained}:\nversion {place}", (played.month + 0.5, 1.0), (0, 3),
                xycoords=("data", "axes fraction"), textcoords="offset points",
                fontsize=8.5, ha="center", va="bottom", color=COLOURS["on_drift"],
            )  # fmt: skip
        axes.grid(axis="y", color=_LINE, linewidth=0.8)
        axes.set_axisbelow(True)
        axes.set_ylabel("AUC on the month's flights")
        _name_months(axes, year)
        axes.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.15), ncols=3)
        axes.figure.subplots_adjust(left=_LEFT, right=_RIGHT, bottom=0.21, top=0.88)
    return _svg(text)


def watch(year: Year) -> str:
    """The stability index of what changed, month by month, and what was reported, as inline SVG."""
    names = _changed(year)
    if not names:
        return ""
    with _picture(0.9 + 0.36 * len(names)) as (axes, text):
        for row, name in enumerate(names):
            for played in year.played:
                if column := played.seen.columns.get(name):
                    _cell(axes, played.month, row, column)
        for played in year.retrainings:
            axes.axvline(played.month + 0.5, color=COLOURS["on_drift"], linestyle=":", linewidth=1.2)
        axes.set_yticks(range(len(names)), names)
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.tick_params(length=0)
        for spine in axes.spines.values():
            spine.set_visible(False)
        _name_months(axes, year)
        axes.figure.subplots_adjust(left=_LEFT, right=_RIGHT, bottom=0.5 / (0.9 + 0.36 * len(names)), top=1)
    return _svg(text)


def _changed(year: Year) -> list[str]:
    """The columns that were reported, the most often first, and then what else changed the most."""
    names = dict.fromkeys(name for played in year.played for name in played.seen.columns)

    def order(name: str) -> tuple[int, float]:
        columns = [found for played in year.played if (found := played.seen.columns.get(name))]
        return -sum(one.acted_on for one in columns), -max((one.index or 0.0 for one in columns), default=0.0)

    return sorted(names, key=order)[:_ROWS]


def _cell(axes: Any, month: int, row: int, column: Column) -> None:
    from matplotlib.colors import to_rgba
    from matplotlib.patches import FancyBboxPatch

    index = max(0.0, column.index or 0.0)
    shade = 0.04 + 0.5 * min(index / _DARKEST, 1.0) ** 0.6
    box = FancyBboxPatch(
        (month - 0.42, row - 0.36), 0.84, 0.72, boxstyle="round,pad=0,rounding_size=0.08",
        facecolor=to_rgba(COLOURS["on_drift"], shade), edgecolor=_REPORTED if column.drifted else "none",
        linewidth=1.6 if column.acted_on else 1.1, linestyle="-" if column.acted_on else "--",
    )  # fmt: skip
    axes.add_patch(box)
    weight = "bold" if column.acted_on else "normal"
    axes.text(month, row, f"{index:.2f}", ha="center", va="center", fontsize=8.5, fontweight=weight)


def _name_months(axes: Any, year: Year) -> None:
    months = [played.month for played in year.played]
    axes.set_xticks(months, [played.name[:3] for played in year.played])
    axes.set_xlabel("month of 2013")
    axes.set_xlim(min(months) - 0.5, max(months) + 0.55)


@contextmanager
def _picture(height: float) -> Iterator[tuple[Any, io.StringIO]]:
    """Axes to draw on, and the text that holds the SVG after the block; inches of 9 in width."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot as plt

    text = io.StringIO()
    with plt.rc_context(_STYLE):
        figure, axes = plt.subplots(figsize=(9, height))
        yield axes, text
        figure.savefig(text, format="svg", transparent=True)
        plt.close(figure)


def _svg(text: io.StringIO) -> str:
    svg = text.getvalue()
    return svg[svg.index("<svg") :]
