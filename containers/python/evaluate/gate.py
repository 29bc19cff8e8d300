"""The verdict: is the challenger good enough, and at least as good as the model that reigns."""

from dataclasses import dataclass

from evaluate.metrics import LOWER_IS_BETTER


@dataclass(frozen=True)
class Gate:
    """What a model must reach; `margin` is how much better than the champion it must be."""

    metric: str
    threshold: float
    beats_champion: bool = False
    margin: float = 0.0

    @property
    def sign(self) -> int:
        """1 where higher is better, else -1."""
        return -1 if self.metric in LOWER_IS_BETTER else 1


@dataclass(frozen=True)
class Verdict:
    """`reason` is one sentence with the figures that decided."""

    metric: str
    value: float
    threshold: float
    champion_value: float | None
    passed: bool
    reason: str


def judge(gate: Gate, value: float, champion: float | None, absent: str | None = None) -> Verdict:
    """Judge a value; `absent` says why there is no champion's value, where one was asked for."""
    bound = "at least" if gate.sign > 0 else "at most"
    reaches = gate.sign * (value - gate.threshold) >= 0
    if reaches:
        reason = f"{gate.metric} {value:.4f} is {bound} {gate.threshold:g}"
    else:
        reason = f"{gate.metric} {value:.4f} is not {bound} {gate.threshold:g}"
    beats = True
    if gate.beats_champion and champion is not None:
        beats = gate.sign * (value - champion) >= gate.margin
        margin = f" by {gate.margin:g}" if gate.margin else ""
        relation = "does not beat" if not beats else "equals" if value == champion else "beats"
        link = "and" if reaches == beats else "but"
        reason += f" {link} {relation} the champion's {champion:.4f}{margin}"
    elif gate.beats_champion and absent:
        reason += f" ({absent})"
    return Verdict(gate.metric, value, gate.threshold, champion, reaches and beats, reason)
