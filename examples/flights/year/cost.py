"""What the jobs of the year would cost, by the seconds that they ran here and public prices."""

from __future__ import annotations

from collections.abc import Iterable

from declaration.prices import priced

Job = tuple[str, str, float]
"""Step, instance type and seconds."""


def usd(jobs: Iterable[Job]) -> float:
    """US dollars of the jobs; types without a known price cost nothing here, which is said on the page."""
    return sum(_usd(instance, seconds) for _, instance, seconds in jobs)


def unpriced(jobs: Iterable[Job]) -> set[str]:
    """The instance types of which no price is known."""
    return {instance for _, instance, _ in jobs if priced(instance) is None}


def _usd(instance: str, seconds: float) -> float:
    found = priced(instance)
    return found.usd * seconds / 3_600 if found else 0.0
