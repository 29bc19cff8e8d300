"""What the project declares of its looks, as the stack has written it."""

import json
from dataclasses import asdict, dataclass
from typing import Any

from monitor.decision import Rhythm


@dataclass(frozen=True)
class Drift:
    """When a change of the calls counts: see OnDrift. `alpha` is the chance of a false alarm of one look.

    What is not `declared` is reported all the same, and nobody is told.
    """

    declared: bool
    psi: float
    alpha: float
    rows: int
    features: tuple[str, ...]
    retrain: bool


@dataclass(frozen=True)
class Quality:
    """When answers are too bad: see OnQuality. `metric` is ours or module:function, times are in seconds."""

    metric: str
    bound: float
    higher: bool
    rows: int
    confidence: float
    labels_within: int
    retrain: bool


@dataclass(frozen=True)
class Rules:
    """All of it; `quality` is None where the truth is not asked for."""

    rhythm: Rhythm
    drift: Drift
    quality: Quality | None

    @classmethod
    def read(cls, text: str) -> "Rules":
        """The rules as the stack has written them."""
        given = json.loads(text)
        drift = given["drift"]
        return cls(
            Rhythm(given["every"], given["quiet"]),
            Drift(**{**drift, "features": tuple(drift["features"])}),
            Quality(**given["quality"]) if given["quality"] else None,
        )

    def retrains(self, kind: str) -> bool:
        """Whether a finding of this kind asks for a training."""
        match kind:
            case "drift":
                return self.drift.declared and self.drift.retrain
            case "quality":
                return self.quality is not None and self.quality.retrain
            case _:
                return False

    def document(self) -> dict[str, Any]:
        """The rules as the job reads them."""
        drift = asdict(self.drift)
        told = {
            "drift": self.drift.declared,
            **{key: drift[key] for key in ("psi", "alpha", "rows", "features")},
        }
        judged = self.quality
        if judged is None:
            return {**told, "quality": False, "metric": None, "bound": None}
        return {
            **told,
            "quality": True,
            "metric": judged.metric,
            "bound": judged.bound,
            "higher": judged.higher,
            "labelled_rows": judged.rows,
            "confidence": judged.confidence,
            "labels_within_seconds": judged.labels_within,
        }
