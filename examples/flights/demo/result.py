"""What the demo measured, and the floors under it."""

from __future__ import annotations

from dataclasses import dataclass, field

from examples.flights.demo.traffic import Answer

AUC_TOLERANCE = 0.005


@dataclass
class Result:
    """The figures of the RESULT line and what the page draws.

    `auc` is of version 1 on all April flights through the API; `auc_plain` of the script without the platform
    on the same flights. `failed_requests` counts single predictions and the traffic during the switch.
    """

    first_prediction_s: float = 0.0
    total_s: float = 0.0
    auc: float = 0.0
    auc_plain: float = 0.0
    failed_requests: int = 0
    requests: int = 0
    versions: dict[str, int] = field(default_factory=dict)
    versions_served: list[int] = field(default_factory=list)
    last_version: int = 0
    traffic: list[Answer] = field(default_factory=list)
    metrics: dict[int, dict[str, object]] = field(default_factory=dict)
    reports: dict[int, bytes] = field(default_factory=dict)

    def figures(self) -> dict[str, object]:
        """The members of the RESULT line."""
        return {
            "first_prediction_s": self.first_prediction_s,
            "total_s": self.total_s,
            "failed_requests": self.failed_requests,
            "requests": self.requests,
            "auc": round(self.auc, 4),
            "auc_plain": round(self.auc_plain, 4),
            "versions_served": self.versions_served,
        }

    def problems(self) -> list[str]:
        """One sentence for each floor that was missed."""
        found = []
        if self.failed_requests:
            found.append(f"{self.failed_requests} of {self.requests} requests failed.")
        if self.auc < self.auc_plain - AUC_TOLERANCE:
            found.append(
                f"AUC {self.auc:.4f} is over {AUC_TOLERANCE} below the plain script's {self.auc_plain:.4f}."
            )
        if self.last_version != 2:
            found.append(f"version {self.last_version} answered last, not version 2.")
        return found
