"""The page of the year: what each policy came to and cost, what the watch saw, and when it trained anew."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader

from examples.flights.year import drawing
from examples.flights.year.result import POLICIES, Year


@dataclass(frozen=True)
class Policy:
    """A policy's line of the table; costs are in US dollars, `share` is of the largest cost."""

    title: str
    colour: str
    executions: int
    auc: float
    gain: float
    jobs: int
    seconds: float
    looks: float
    usd: float
    share: float


def write(target: Path, year: Year) -> Path:
    """Write the page; returns its path."""
    environment = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True)
    text = environment.get_template("page.html").render(
        year=year, policies=_policies(year), auc=drawing.auc(year), watch=drawing.watch(year)
    )
    target.write_text(text)
    return target


def _policies(year: Year) -> list[Policy]:
    most = max(year.cost.values(), default=0) or 1.0
    return [
        Policy(
            title=title,
            colour=drawing.COLOURS[name],
            executions=year.executions.get(name, 1),
            auc=year.mean(name),
            gain=year.mean(name) - year.mean("never"),
            jobs=len(year.jobs[name]),
            seconds=sum(seconds for _, _, seconds in year.jobs[name]),
            looks=year.cost["on_drift_looks"] if name == "on_drift" else 0.0,
            usd=year.cost[name],
            share=year.cost[name] / most,
        )
        for name, title in POLICIES.items()
    ]
