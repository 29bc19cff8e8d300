"""Whether a model that ran as a shadow may take over: a pure function of what was seen of it."""

import json
from dataclasses import dataclass, field

from promote.comparison import Comparison
from promote.traffic import Traffic


@dataclass(frozen=True)
class Rules:
    """What is declared: the times in seconds, and what a shadow must hold.

    `calls` is how many must be compared, `agreement` the share of values that must agree (within
    `difference`); `faults` is the share of 5xx and `milliseconds` the p99 that the alarms allow.
    """

    wait_seconds: int
    within_seconds: int
    calls: int
    agreement: float
    difference: float | None
    faults: float
    milliseconds: float

    @classmethod
    def read(cls, text: str) -> "Rules":
        """The rules as the stack has written them."""
        return cls(**json.loads(text))


@dataclass(frozen=True)
class Seen:
    """What the model in service and its shadow did with the same calls."""

    comparison: Comparison = field(default_factory=Comparison)
    service: Traffic = field(default_factory=Traffic)
    shadow: Traffic = field(default_factory=Traffic)

    def described(self) -> str:
        """All of it on one line."""
        compared = self.comparison
        parts = [f"{compared.calls:,} calls compared"]
        if compared.values:
            parts.append(f"{compared.agreement:.0%} of {compared.values:,} values agree")
        if compared.mean_difference is not None and compared.max_difference is not None:
            parts.append(
                f"differences {compared.mean_difference:.4g} on average and {compared.max_difference:.4g} at "
                "most"
            )
        parts.append(f"5xx {self.shadow.fault_rate:.1%}, in service {self.service.fault_rate:.1%}")
        parts.append(f"p99 {_ms(self.shadow.p99_ms)}, in service {_ms(self.service.p99_ms)}")
        return "; ".join(parts)


@dataclass(frozen=True)
class Undecided:
    """It goes on: the wait is not over, or too few calls were compared and more may come."""


@dataclass(frozen=True)
class Holds:
    """It may take over."""

    seen: Seen


@dataclass(frozen=True)
class Fails:
    """It may not, and why."""

    reason: str
    seen: Seen


Verdict = Undecided | Holds | Fails


def judge(rules: Rules, seen: Seen, age: float) -> Verdict:
    """The verdict on a shadow of so many seconds, whose wait is over.

    Failed calls leave no answer to compare, so that they are judged first. A shadow may be as bad as what is
    in service, which the deployment would not make worse.
    """
    compared, service, shadow = seen.comparison, seen.service, seen.shadow
    if shadow.calls >= rules.calls and shadow.fault_rate > max(rules.faults, service.fault_rate):
        rate = f"{shadow.fault_rate:.1%} of its calls failed with a 5xx"
        return Fails(f"{rate}, in service {service.fault_rate:.1%} ({rules.faults:.0%} are allowed)", seen)
    if compared.calls < rules.calls:
        if age < rules.within_seconds:
            return Undecided()
        return Fails(
            f"within {_duration(rules.within_seconds)} only {compared.calls:,} different calls could be "
            f"compared, and {rules.calls:,} are asked for: approve it again when there are more calls, or "
            "declare Shadow(calls=...) with less or a longer within",
            seen,
        )
    late = shadow.p99_ms or 0.0
    if late > max(rules.milliseconds, service.p99_ms or 0.0):
        allowed = f"in service {_ms(service.p99_ms)} ({_ms(rules.milliseconds)} are allowed)"
        return Fails(f"1% of its calls took longer than {_ms(late)}, {allowed}", seen)
    if compared.agreement < rules.agreement:
        needed = f"{rules.agreement:.0%} must, within {compared.tolerance:.4g}"
        return Fails(f"{compared.agreement:.0%} of its answers agree with those in service ({needed})", seen)
    return Holds(seen)


def _ms(milliseconds: float | None) -> str:
    return "unknown" if milliseconds is None else f"{milliseconds:,.4g} ms"


def _duration(seconds: int) -> str:
    return f"{seconds / 3_600:g} h" if seconds >= 7_200 else f"{seconds / 60:g} min"
