"""The verdict: is the challenger good enough, and better than the model that reigns by more than noise."""

from dataclasses import dataclass

from evaluate.compare import Comparison
from evaluate.metrics import LOWER_IS_BETTER


@dataclass(frozen=True)
class Gate:
    """What a model must reach: `threshold` is a lower bound where `higher` is better, else an upper one.

    `margin` is how much better than the champion it must be, in the metric's own unit; with a `confidence`
    the lower end of the improvement's one-sided interval must reach it, without one the plain difference.
    """

    metric: str
    threshold: float
    higher: bool
    beats_champion: bool = False
    margin: float = 0.0
    confidence: float | None = None

    @property
    def name(self) -> str:
        """The metric without the module that a user's own function lives in."""
        return self.metric.rpartition(":")[2]

    @property
    def fits(self) -> bool:
        """Whether the bound is on the side on which a metric of ours is worse."""
        return ":" in self.metric or self.higher == (self.metric not in LOWER_IS_BETTER)


@dataclass(frozen=True)
class Verdict:
    """`reason` is one sentence with the figures that decided; an improvement above 0 is one."""

    metric: str
    value: float
    threshold: float
    champion_value: float | None
    improvement: float | None
    improvement_low: float | None
    confidence: float | None
    passed: bool
    reason: str


def judge(gate: Gate, found: Comparison, absent: str | None = None) -> Verdict:
    """Judge a value; `absent` says why there is no champion's value, where one was asked for."""
    bound = "at least" if gate.higher else "at most"
    value, champion = found.value, found.champion
    reaches = value >= gate.threshold if gate.higher else value <= gate.threshold
    reason = f"{gate.name} {value:.4f} is {'' if reaches else 'not '}{bound} {gate.threshold:g}"
    if not gate.beats_champion or champion is None:
        if gate.beats_champion and absent:
            reason += f" ({absent})"
        return Verdict(
            gate.name, value, gate.threshold, champion, None, None, gate.confidence, reaches, reason
        )
    better = found.improvement(gate.higher)
    low = found.improvement_low(gate.higher, gate.confidence)
    beats = (better if low is None else low) >= gate.margin
    reason += f" {'and' if reaches == beats else 'but'} {_against(gate, champion, better, low)}"
    return Verdict(
        gate.name, value, gate.threshold, champion, better, low, gate.confidence, reaches and beats, reason
    )


def _against(gate: Gate, champion: float, better: float, low: float | None) -> str:
    margin = f" by {gate.margin:g}" if gate.margin else ""
    if not better >= gate.margin:
        return f"does not beat the champion's {champion:.4f}{margin}"
    if better == 0:
        return f"equals the champion's {champion:.4f}"
    relation = f"beats the champion's {champion:.4f}"
    if low is None or gate.confidence is None:
        return relation + margin
    if low >= gate.margin:
        # A narrow decision is not shown as a zero.
        least = f"{low:.4f}" if abs(low) >= 0.00005 or low == 0 else f"{low:.1e}"
        return f"{relation} by {better:.4f} ({gate.confidence:.0%} sure: by at least {least})"
    wanted = f"the {gate.margin:g} asked for" if gate.margin else "none at all"
    return (
        f"does not surely beat the champion's {champion:.4f}{margin}: with {gate.confidence:.0%} confidence "
        f"the lead of {better:.4f} could be as low as {low:.4f}, which is less than {wanted}"
    )
