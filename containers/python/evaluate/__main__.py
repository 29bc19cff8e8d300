"""evaluate --metric auc --at-least 0.7 --beats-champion --margin 0.0"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from evaluate.gate import Gate, Verdict, judge
from evaluate.metrics import LOWER_IS_BETTER
from tabular.contract import DataError, ml, run

if TYPE_CHECKING:
    from evaluate import contest

# Before libgomp is loaded, for the reason given in train.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def main() -> None:
    """Read the inputs model, champion and holdout; write metrics.json and report.html."""
    from evaluate import contest, report

    gate = _gate()
    inputs, output = ml("processing/input"), ml("processing/output/evaluation")
    with tempfile.TemporaryDirectory(dir=ml("processing")) as scratch:
        held = contest.hold(inputs / "model", inputs / "champion", inputs / "holdout", Path(scratch))
    verdict = _verdict(gate, held)
    output.mkdir(parents=True, exist_ok=True)
    (output / "report.html").write_text(report.render(held, verdict), encoding="utf-8")
    (output / "metrics.json").write_text(_document(held, verdict), encoding="utf-8")
    print(f"{'passed' if verdict.passed else 'rejected'}: {verdict.reason}")


def _gate() -> Gate:
    parser = argparse.ArgumentParser(prog="evaluate")
    parser.add_argument("--metric", required=True)
    bound = parser.add_mutually_exclusive_group(required=True)
    bound.add_argument("--at-least", type=float)
    bound.add_argument("--at-most", type=float)
    parser.add_argument("--beats-champion", action="store_true")
    parser.add_argument("--margin", type=float, default=0.0)
    given = parser.parse_args()
    lower = given.metric in LOWER_IS_BETTER
    if lower != (given.at_least is None):
        remedy = "lower: use --at-most" if lower else "higher: use --at-least"
        raise DataError(f"the metric {given.metric} is better when it is {remedy}")
    threshold = given.at_most if lower else given.at_least
    return Gate(given.metric, threshold, given.beats_champion, given.margin)


def _verdict(gate: Gate, held: contest.Contest) -> Verdict:
    found = held.challenger.metrics
    if gate.metric not in found:
        problem = held.challenger.model.schema.problem
        raise DataError(f"a {problem} model has no metric {gate.metric!r}; it has {', '.join(found)}")
    champion = held.champion.metrics[gate.metric] if held.champion else None
    return judge(gate, found[gate.metric], champion, held.absent)


def _document(held: contest.Contest, verdict: Verdict) -> str:
    """What the pipeline's condition reads, and what the registry shows."""
    document = {
        "metrics": held.challenger.metrics,
        "champion": {"metrics": held.champion.metrics} if held.champion else None,
        "gate": {**asdict(verdict), "passed": 1.0 if verdict.passed else 0.0},
        "rows": held.holdout.height,
    }
    return json.dumps(document, indent=1) + "\n"


if __name__ == "__main__":
    run(main, "processing")
