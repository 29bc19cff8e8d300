"""evaluate --gate 'auc>=0.7' --beats-champion --confidence 0.9 --slice carrier"""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tabular.contract import ml, run

if TYPE_CHECKING:
    from evaluate.contest import Contest
    from evaluate.cost import Cost
    from evaluate.explanation import Explanation
    from evaluate.judgement import Judgement
    from tabular.artifact import Artifact


def main() -> None:
    """Read the inputs model or predictions, champion, holdout, schema, code and trials; judge and report."""
    from evaluate import arguments, contest, custom, record, report
    from evaluate import cost as costs
    from evaluate import trials as tuning
    from evaluate.explanation import explain
    from evaluate.judgement import decide

    asked = arguments.parse()
    inputs, output = ml("processing/input"), ml("processing/output/evaluation")
    functions = custom.load(inputs / "code", asked.custom)
    with tempfile.TemporaryDirectory(dir=ml("processing")) as scratch:
        held = contest.hold(inputs, Path(scratch))
    found = decide(held, asked, functions)
    trials = tuning.read(inputs / "trials")
    cost = costs.cost(trials, asked)
    output.mkdir(parents=True, exist_ok=True)
    explanation = explain(held)
    page = report.render(held, found, trials, cost, asked, inputs, explanation)
    (output / "report.html").write_text(page, encoding="utf-8")
    (output / "metrics.json").write_text(_document(held, found, cost, explanation), encoding="utf-8")
    record.write(output, held)
    if model := held.challenger.model:
        _describe(model, output, asked.project)
    print(f"{'passed' if found.passed else 'rejected'}: {found.reason}")


def _describe(model: Artifact, output: Path, project: str | None) -> None:
    """What an endpoint of this model takes and answers; only our own server is known so well."""
    from serve import openapi

    title = f"Predictions of {project}" if project else "Predictions"
    described = openapi.document(model.schema, title=title, version=model.digest[:12])
    text = json.dumps(described, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    (output / openapi.FILE).write_text(text, encoding="utf-8")


def _document(held: Contest, found: Judgement, cost: Cost | None, explanation: Explanation | None) -> str:
    """What the pipeline's condition reads, and what the registry shows."""
    from evaluate.judgement import SHOWN

    champion = {name: each.champion for name, each in found.metrics.items()}
    document = {
        "metrics": {name: each.value for name, each in found.metrics.items()},
        "champion": {"metrics": champion} if held.champion else None,
        "gate": {
            **asdict(found.first), "passed": 1.0 if found.passed else 0.0, "reason": found.reason
        },
        "intervals": {
            name: {"low": ends.low, "high": ends.high, "confidence": ends.confidence}
            for name, each in found.metrics.items()
            if (ends := each.interval(SHOWN))
        },
        "gates": [asdict(verdict) for verdict in found.verdicts],
        "slices": [asdict(each) for each in found.slices],
        "fairness": [asdict(each) for each in found.fairness],
        "cost": asdict(cost) if cost else None,
        "rows": held.holdout.height,
        "importance": {each.name: each.share for each in explanation.importances} if explanation else None,
    }  # fmt: skip
    return json.dumps(_finite(document), indent=1, allow_nan=False) + "\n"


def _finite(value: Any) -> Any:
    """The same, with null for what is not a number: JSON has no NaN."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    return value


if __name__ == "__main__":
    run(main, "processing")
