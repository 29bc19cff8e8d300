"""The inputs of a look: captured calls as SageMaker writes them, a baseline, a window."""

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from watch.window import Rules, Window

START = datetime(2026, 11, 1, 12, tzinfo=UTC)
RULES: Mapping[str, Any] = {"psi": 0.1, "alpha": 1 / 365, "rows": 200, "features": [], "confidence": 0.95}


def line(
    request: bytes,
    answer: bytes | None,
    *,
    number: int = 0,
    content_type: str = "text/csv",
    answered_as: str | None = None,
    inference_id: str | None = None,
) -> str:
    """One line of a capture file; what is neither CSV nor JSON is in base64, as on AWS."""
    sides: dict[str, Any] = {"endpointInput": _side("INPUT", request, content_type)}
    if answer is not None:
        sides["endpointOutput"] = _side("OUTPUT", answer, answered_as or content_type)
    metadata = {"eventId": f"event-{number}", "inferenceTime": f"{START + timedelta(seconds=number):%FT%TZ}"}
    if inference_id is not None:
        metadata["inferenceId"] = inference_id
    return json.dumps({"captureData": sides, "eventMetadata": metadata, "eventVersion": "0"})


def _side(mode: str, body: bytes, content_type: str) -> dict[str, str]:
    encoding = {"text/csv": "CSV", "application/json": "JSON"}.get(content_type, "BASE64")
    data = base64.b64encode(body).decode() if encoding == "BASE64" else body.decode()
    return {"observedContentType": content_type, "mode": mode, "data": data, "encoding": encoding}


def capture(directory: Path, lines: Iterable[str], name: str = "a") -> None:
    """Write a capture file below a directory, where SageMaker puts those of an hour."""
    path = directory / "flights/primary/2026/11/01/12" / f"{name}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(each + "\n" for each in lines), encoding="utf-8")


def window(rules: Mapping[str, Any] = RULES, **more: Any) -> Window:
    """As the job reads it."""
    kept = {name: value for name, value in rules.items() if name != "features"}
    return Window(
        "flights",
        "20261102T120000Z",
        _plain(START),
        _plain(START + timedelta(days=1)),
        "5",
        Rules(**kept),
        **more,
    )


def window_file(directory: Path, **more: Any) -> None:
    """window.json; members of `rules` replace its own."""
    rules = {**RULES, **more.pop("rules", {})}
    given = {
        "project": "flights",
        "window": "20261102T120000Z",
        "start": START.isoformat(),
        "end": (START + timedelta(days=1)).isoformat(),
        "version": 5,
        "package": "arn:aws:sagemaker:us-east-1:123456789012:model-package/flights/5",
        "invocations": 1000,
        "refused_4xx": 3,
        "faults_5xx": 0,
        "share": 1.0,
        "rules": rules,
        **more,
    }
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "window.json").write_text(json.dumps(given), encoding="utf-8")


def baseline(
    directory: Path, prepared: Path, natural: Mapping[str, Mapping[str, float]] | None = None
) -> None:
    """What was registered, of the outputs of prepare: the training rows are the sample."""
    directory.mkdir(parents=True, exist_ok=True)
    schema = (prepared / "schema/schema.json").read_text()
    (directory / "schema.json").write_text(schema)
    names = [feature["name"] for feature in json.loads(schema)["features"]]
    features = {name: {"natural": (natural or {}).get(name), "unseen_rate": 0.0} for name in names}
    (directory / "statistics.json").write_text(json.dumps({"format": 1, "features": features}))
    pl.read_parquet(prepared / "train/train.parquet").write_parquet(directory / "sample.parquet")


def quality(
    directory: Path, scores: Sequence[float], truths: Sequence[float], importance: Mapping[str, float]
) -> None:
    """What evaluation found out about the hold-out."""
    directory.mkdir(parents=True, exist_ok=True)
    pl.DataFrame({"score": list(scores), "truth": list(truths)}).write_parquet(
        directory / "predictions.parquet"
    )
    (directory / "metrics.json").write_text(json.dumps({"importance": dict(importance)}))


def _plain(moment: datetime) -> datetime:
    return moment.replace(tzinfo=None)
