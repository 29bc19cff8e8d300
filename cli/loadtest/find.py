"""The highest load that is carried: doubled until it breaks, then halved between, in so many steps."""

from collections.abc import Callable
from dataclasses import dataclass

from cli.loadtest.samples import Outcome

MOST_STEPS = 16
# The answer is this near to the load at which it broke.
NEAR_ENOUGH = 1.1


@dataclass(frozen=True)
class Found:
    """The tests in their order, and the best one that was carried (None when none was)."""

    steps: list[Outcome]
    best: Outcome | None


def find(test: Callable[[int], Outcome], first: int, p99_ms: float, most: int) -> Found:
    """Test loads from `first` up to `most` calls a minute, each with `test`.

    A load that failed is tried once more, so that one hiccup of a shared machine does not end the search.
    """
    steps: list[Outcome] = []
    low: Outcome | None = None
    high: int | None = None
    load = max(1, first)
    while len(steps) < MOST_STEPS:
        outcome = _tried(test, load, p99_ms, steps)
        if outcome.keeps(p99_ms):
            low = outcome
        else:
            high = load
        if low and low.calls_per_minute >= most:
            break
        if high is None:
            load = min(2 * load, most)
        elif low is None:
            if high <= 60:
                break
            load = max(60, high // 4)
        elif high / low.calls_per_minute <= NEAR_ENOUGH:
            break
        else:
            load = (low.calls_per_minute + high) // 2
    return Found(steps, low)


def _tried(test: Callable[[int], Outcome], load: int, p99_ms: float, steps: list[Outcome]) -> Outcome:
    outcome = test(load)
    steps.append(outcome)
    if not outcome.keeps(p99_ms) and len(steps) < MOST_STEPS:
        outcome = test(load)
        steps.append(outcome)
    return outcome
