"""The page that the demo leaves behind: the timeline, the switch between two models, and their reports."""

from __future__ import annotations

import io
from collections import defaultdict
from pathlib import Path

from jinja2 import Environment, FileSystemLoader

from examples.flights.demo.result import Result
from examples.flights.demo.timeline import Timeline

COLOURS = {1: "#64748b", 2: "#0f766e"}
FAILED = "#dc2626"


def write(target: Path, timeline: Timeline, result: Result) -> Path:
    """Write the page and, beside it, each version's report; returns the page's path."""
    for version, report in result.reports.items():
        target.with_name(f"report-version-{version}.html").write_bytes(report)
    environment = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True)
    text = environment.get_template("page.html").render(
        moments=timeline.moments,
        longest=max(moment.seconds for moment in timeline.moments),
        result=result,
        chart=_switch(result),
        gates={version: metrics["gate"] for version, metrics in result.metrics.items()},
    )
    target.write_text(text)
    return target


def _switch(result: Result) -> str:
    """Answers a second by version during the switch, and each answer's latency, as inline SVG."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot as plt

    if not result.traffic:
        return ""
    start = result.traffic[0].at
    models = list(dict.fromkeys(answer.model for answer in result.traffic if answer.status == 200))
    by_model: dict[str, dict[int, int]] = {model: defaultdict(int) for model in models}
    for answer in result.traffic:
        if answer.status == 200:
            by_model[answer.model][int(answer.at - start)] += 1
    seconds = range(int(result.traffic[-1].at - start) + 1)
    with plt.rc_context(
        {
            "font.family": "sans-serif",
            "axes.spines.top": False,
            "axes.spines.right": False,
            "svg.hashsalt": "demo",
        }
    ):
        figure, (rate, latency) = plt.subplots(
            2, 1, figsize=(9, 4.6), sharex=True, height_ratios=(3, 2), layout="constrained"
        )
        layers = [[by_model[model][second] for second in seconds] for model in models]
        colours = [COLOURS.get(version, FAILED) for version in range(1, len(models) + 1)]
        rate.stackplot(
            list(seconds),
            layers,
            labels=[f"version {n}" for n in range(1, len(models) + 1)],
            colors=colours,
            step="mid",
        )
        rate.set_ylabel("answers a second")
        rate.legend(loc="lower right", bbox_to_anchor=(1, 1), frameon=False, ncols=2)
        for model, colour in zip(models, colours, strict=True):
            chosen = [answer for answer in result.traffic if answer.model == model and answer.status == 200]
            latency.scatter(
                [a.at - start for a in chosen],
                [a.seconds * 1000 for a in chosen],
                s=3,
                color=colour,
                alpha=0.5,
                linewidths=0,
            )
        failed = [answer for answer in result.traffic if answer.status != 200]
        latency.scatter(
            [a.at - start for a in failed], [a.seconds * 1000 for a in failed], s=14, color=FAILED, marker="x"
        )
        latency.set_yscale("log")
        latency.yaxis.set_major_formatter("{x:g}")
        latency.yaxis.set_minor_formatter("")
        latency.set_ylabel("latency, ms")
        latency.set_xlabel("seconds since the approval of version 2")
        text = io.StringIO()
        figure.savefig(text, format="svg", transparent=True)
        plt.close(figure)
    svg = text.getvalue()
    return svg[svg.index("<svg") :]
