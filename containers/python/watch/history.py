"""The looks before this one, as their findings.json tell."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from watch.findings import FILE, Findings

_MOST = 60


@dataclass(frozen=True)
class Look:
    """The figures of one look that are drawn over time; None where it had none."""

    window: str
    largest: float | None
    prediction: float | None
    metric: str | None
    value: float | None
    low: float | None
    high: float | None
    bound: float | None

    @property
    def day(self) -> str:
        """The end of the window for people."""
        try:
            return f"{datetime.strptime(self.window, '%Y%m%dT%H%M%SZ'):%-d %b %H:%M}"
        except ValueError:
            return self.window[:12]


def looks(earlier: Path, found: Findings) -> list[Look]:
    """The last ones in the order of their windows, this one at the end; a file that is none is left out."""
    documents = [_document(path) for path in earlier.rglob(FILE)]
    before = {
        look.window: look for each in documents if each is not None and (look := _look(each)) is not None
    }
    before.pop(found.window.name, None)
    this = _look(json.loads(found.document()))
    return [*(before[name] for name in sorted(before)), *([this] if this else [])][-_MOST:]


def _document(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None


def _look(document: Any) -> Look | None:
    """None for what is no findings.json, as of another format."""
    try:
        drift, quality = document["drift"], document["quality"] or {}
        indices = [each["psi"] for each in drift["features"] if each["psi"] is not None]
        return Look(
            window=str(document["window"]),
            largest=max(0.0, *indices) if indices else None,
            prediction=_index(drift["prediction"]),
            metric=quality.get("metric"),
            value=quality.get("value"),
            low=quality.get("low"),
            high=quality.get("high"),
            bound=quality.get("bound"),
        )
    except (KeyError, TypeError):
        return None


def _index(change: Mapping[str, Any] | None) -> float | None:
    return None if change is None or change["psi"] is None else max(0.0, change["psi"])
