"""The arithmetic of a comparison: regrets, and how often one side won."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb
from statistics import median

SIGNIFICANT = 0.05


@dataclass(frozen=True)
class Scale:
    """The scores of a data set as regrets: 0 is the best score known of it, 1 a typical random trial.

    Scores of data sets are in units of their own, and only their regrets can be compared or pooled.
    """

    best: float
    typical: float
    maximize: bool

    @classmethod
    def of(cls, known: Sequence[float], random: Sequence[float], *, maximize: bool) -> "Scale":
        """From the scores of all trials of all arms, and those of the random ones."""
        scale = cls(max(known) if maximize else min(known), median(random), maximize)
        if scale.best == scale.typical:
            raise ValueError("half of the random trials have the best score known: nothing is to be found")
        return scale

    def regret(self, score: float) -> float:
        """How far a score is from the best one."""
        # Adding 0 makes a zero of -0.
        return (self.best - score) / (self.best - self.typical) + 0.0


@dataclass(frozen=True)
class Pairs:
    """Regrets of two sides in the same order, ours first."""

    ours: Sequence[float]
    theirs: Sequence[float]

    @property
    def difference(self) -> float:
        """The median of ours - theirs: below 0, ours is the better."""
        return median(self._differences)

    @property
    def won(self) -> int:
        """In how many pairs ours is better."""
        return sum(difference < 0 for difference in self._differences)

    @property
    def lost(self) -> int:
        """In how many pairs ours is worse."""
        return sum(difference > 0 for difference in self._differences)

    @property
    def lost_by_chance(self) -> float:
        """The chance to lose as many of the undecided coin tosses or more: the one-sided sign test."""
        return tail(self.won + self.lost, self.lost)

    @property
    def worse(self) -> bool:
        """Whether ours is worse by more than noise: it is in the median, and by the sign test."""
        return self.difference > 0 and self.lost_by_chance < SIGNIFICANT

    @property
    def better(self) -> bool:
        """Whether ours is better in the median and wins more often than it loses."""
        return median(self.ours) < median(self.theirs) and self.won > self.lost

    @property
    def _differences(self) -> list[float]:
        return [ours - theirs for ours, theirs in zip(self.ours, self.theirs, strict=True)]


def tail(tosses: int, heads: int) -> float:
    """The chance of that many heads or more in tosses of a fair coin."""
    return float(sum(comb(tosses, count) for count in range(heads, tosses + 1)) / 2.0**tosses)
