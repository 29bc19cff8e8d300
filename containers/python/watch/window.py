"""What one look is about, and by which rules: window.json, written by the function that starts the job."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from evaluate.metrics import LOWER_IS_BETTER
from tabular.contract import DataError

FILE = "window.json"


@dataclass(frozen=True)
class Rules:
    """When a change counts; `alpha` is the chance of a false alarm that this look may take.

    `psi` is the least effect, `rows` how many make a verdict on drift and `labelled_rows` how many with their
    truth on quality, `features` those that are watched (none: all). The `metric` of live quality, ours or
    module:function, is None where quality is not watched; it falls below its `bound`, or rises above it where
    it is not `higher` that is better.
    """

    psi: float
    alpha: float
    rows: int
    features: tuple[str, ...] = ()
    metric: str | None = None
    bound: float | None = None
    higher: bool = True
    confidence: float = 0.95
    labelled_rows: int = 0

    @property
    def level(self) -> float:
        """The confidence that a verdict on quality needs: looking often is paid for, as with drift."""
        return max(self.confidence, 1 - self.alpha)


@dataclass(frozen=True)
class Window:
    """A window of traffic; times are UTC without a zone, counts are None where nobody counted.

    `name` is its end as text. `share` is how much of the captured bytes was read. `silent` is whether calls
    were due and none came. `labels` has the time of upload of each label file, by its place below labels/.
    Calls before `deployed_at` were another model's.
    """

    project: str
    name: str
    start: datetime
    end: datetime
    version: str
    rules: Rules
    deployed_at: datetime | None = None
    share: float | None = None
    invocations: int | None = None
    refused: int | None = None
    faults: int | None = None
    silent: bool | None = None
    labels: Mapping[str, datetime] | None = None

    def uploaded(self, file: str) -> datetime | None:
        """When a label file came."""
        return (self.labels or {}).get(file)


def read(directory: Path) -> Window:
    """The only window.json of the input; DataError where it is not as it must be."""
    try:
        given = json.loads((directory / FILE).read_bytes())
        return Window(
            project=str(given["project"]),
            name=str(given["window"]),
            start=moment(given["start"]),
            end=moment(given["end"]),
            version=str(given["version"]),
            rules=_rules(given["rules"]),
            deployed_at=moment(given["deployed_at"]) if given.get("deployed_at") else None,
            share=given.get("share"),
            invocations=given.get("invocations"),
            refused=given.get("refused_4xx"),
            faults=given.get("faults_5xx"),
            silent=given.get("silent"),
            labels={name: moment(text) for name, text in (given.get("labels") or {}).items()},
        )
    except KeyError as error:
        raise DataError(f"{FILE} has no {error.args[0]!r}") from error
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise DataError(f"the input 'window' holds no usable {FILE}: {error}") from error


def moment(text: str) -> datetime:
    """A time of ISO 8601 as UTC without a zone; ValueError for another form."""
    found = datetime.fromisoformat(text)
    return found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo else found


def _rules(given: Mapping[str, Any]) -> Rules:
    metric = given.get("metric")
    higher = given.get("higher")
    if metric is not None and given.get("bound") is None:
        raise KeyError("bound")
    return Rules(
        psi=float(given["psi"]),
        alpha=float(given["alpha"]),
        rows=int(given["rows"]),
        features=tuple(given.get("features") or ()),
        metric=metric,
        bound=None if given.get("bound") is None else float(given["bound"]),
        higher=metric not in LOWER_IS_BETTER if higher is None else bool(higher),
        confidence=float(given.get("confidence") or 0.95),
        labelled_rows=int(given.get("labelled_rows") or given["rows"]),
    )
