"""Everything that the job finds out, and whether the model passes."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from evaluate import fairness as fair
from evaluate import slices as sliced
from evaluate.arguments import Arguments
from evaluate.compare import Comparison, compare
from evaluate.contest import Contest
from evaluate.custom import Function
from evaluate.fairness import Fairness
from evaluate.gate import Verdict, judge
from evaluate.metrics import LOWER_IS_BETTER, NAMES
from evaluate.slices import Slice
from tabular.contract import DataError

# Of the intervals that are shown, whatever confidence a gate asks for.
SHOWN = 0.9


@dataclass(frozen=True)
class Judgement:
    """The verdict of each gate, and whether all of them, every slice and every group are as they should be.

    `higher` says of each metric whether higher is better.
    """

    passed: bool
    reason: str
    verdicts: tuple[Verdict, ...]
    metrics: Mapping[str, Comparison]
    higher: Mapping[str, bool]
    slices: tuple[Slice, ...]
    fairness: tuple[Fairness, ...] = field(default=())

    @property
    def first(self) -> Verdict:
        """The verdict of the gate that is compared with the champion."""
        return self.verdicts[0]


def decide(contest: Contest, asked: Arguments, functions: Mapping[str, Function]) -> Judgement:
    """Judge the challenger by all gates, slices and fairness criteria; DataError for a metric it has not."""
    ours = NAMES[contest.schema.problem]
    for gate in asked.gates:
        if gate.name not in functions and gate.name not in ours:
            raise DataError(
                f"a {contest.schema.problem} model has no metric {gate.name!r}; it has {', '.join(ours)}"
            )
    rivals = contest.challenger.rows, contest.champion.rows if contest.champion else None
    found = compare(*rivals, [*ours, *functions], functions)
    verdicts = tuple(judge(gate, found[gate.name], contest.absent) for gate in asked.gates)
    first = asked.gates[0]
    slices = sliced.slices(contest.holdout, asked.slices, rivals, first, functions, asked.slice_tolerance)
    treated = tuple(fair.fairness(contest.holdout, rivals[0], each) for each in asked.fair)
    faults = [
        *(verdict.reason for verdict in verdicts if not verdict.passed),
        *sliced.reasons(slices, first, asked.slice_tolerance),
        *(each.reason for each in treated if not each.passed),
    ]
    good = [verdict.reason for verdict in verdicts]
    own = {gate.name: gate.higher for gate in asked.gates}
    return Judgement(
        passed=not faults,
        reason="; ".join(faults or good),
        verdicts=verdicts,
        metrics=found,
        higher={name: own.get(name, name not in LOWER_IS_BETTER) for name in found},
        slices=tuple(slices),
        fairness=treated,
    )
