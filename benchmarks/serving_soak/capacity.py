"""What a server carries: the highest tried rate of an open loop without an error and within a latency."""

from collections.abc import Callable

from benchmarks.serving.load import Outcome

MOST_P99_MS = 20.0
_STEPS = (0.95, 0.85, 0.75, 0.65, 0.55, 0.45, 0.35, 0.25)
"""Shares of the closed loop's rate, which no schedule reaches: there a late request delays the next one."""


class OverloadedError(RuntimeError):
    """Not even the lowest rate is carried."""


def carried(closed: Outcome, attempt: Callable[[float], Outcome]) -> float:
    """Requests per second; raises OverloadedError, as on a machine that has other work."""
    for share in _STEPS:
        outcome = attempt(share * closed.rps)
        if not outcome.errors and not outcome.wrong and outcome.p99_ms <= MOST_P99_MS:
            return share * closed.rps
    raise OverloadedError(
        f"not even {_STEPS[-1]:.0%} of {closed.rps:,.0f} requests/s are answered with a p99 of "
        f"{MOST_P99_MS:g} ms: is the machine busy with something else?"
    )
