"""watch --project flights --problem binary --target late"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tabular.contract import ml, run

if TYPE_CHECKING:
    from pathlib import Path

    from watch.arguments import Arguments
    from watch.findings import Findings


def main() -> None:
    """Read the inputs traffic, labels, earlier, baseline, quality, window and code; write output/report."""
    from watch import arguments

    found = look(ml("processing/input"), ml("processing/output/report"), arguments.parse())
    print(f"{found.captured.rows} rows of {found.captured.calls} calls: {found.reason}")


def look(inputs: Path, output: Path, asked: Arguments) -> Findings:
    """The whole job on directories; DataError when there is nothing to compare with."""
    from watch import baseline, captured, drift, labels, quality, report, violations, window
    from watch import findings as finding

    about = window.read(inputs / "window")
    before = baseline.read(inputs / "baseline", inputs / "quality")
    asked.require(before.schema)
    now = captured.read(inputs / "traffic", before.schema, about, before.code)
    truths = labels.read(inputs / "labels", before.schema, about.uploaded)
    answered = quality.joined(now.predictions, inputs / "earlier")
    known = quality.known(answered, truths, about.version)
    found = finding.Findings(
        window=about,
        captured=now,
        drift=drift.measure(before, now, about.rules, known.labelled["truth"]),
        violations=violations.find(now.table, before.schema, inputs / "baseline"),
        quality=quality.measure(known, before.schema, about.rules, inputs / "code"),
        known=known.labelled,
    )
    output.mkdir(parents=True, exist_ok=True)
    now.predictions.write_parquet(output / "predictions.parquet")
    page = report.render(asked.project, before, found, inputs / "earlier")
    (output / "report.html").write_text(page, encoding="utf-8")
    # Last: where it is, all else is there.
    (output / finding.FILE).write_text(found.document(), encoding="utf-8")
    return found


if __name__ == "__main__":
    run(main, "processing")
