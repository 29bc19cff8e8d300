"""The rule of drift: a change counts where it is improbable, and large, and larger than what is usual.

Improbable: by its p-value, adjusted for all that is tested in one look (Benjamini & Yekutieli, The control of
the false discovery rate in multiple testing under dependency, 2001). Where nothing has changed every finding
is false, so the rate that is controlled is the chance of any finding at all, however the columns hang
together: many noisy columns do not add up. Large: by its effect. Usual: by how far the training rows' own
blocks of time lie apart, as the rows of real traffic are not independent, and p-values believe that they are.
https://docs.scipy.org/doc/scipy/reference/generated/scipy.stats.false_discovery_control.html
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats  # type: ignore[import-untyped]

What = Literal["values", "missing", "new"]

# By how much the share of missing values must differ, and that of unknown categories exceed its expectation.
LEAST_MISSING, LEAST_NEW = 0.05, 0.02
# A column with less of the model's attention may drift without a reason to train again.
LEAST_IMPORTANCE = 0.02


@dataclass(frozen=True)
class Test:
    """One comparison of a subject, a column or the prediction, before and now.

    `effect` counts from `least` on; `far` must be beyond `natural`, in the unit of both, where that is known.
    """

    subject: str
    what: What
    p: float
    effect: float
    least: float
    far: float
    natural: float | None

    # Its name makes pytest look for tests in it.
    __test__ = False


@dataclass(frozen=True)
class Outcome:
    """A test and its p-value among all."""

    test: Test
    adjusted: float
    drifted: bool


def judge(tests: Sequence[Test], alpha: float) -> list[Outcome]:
    """All tests of one look; where nothing has changed, any of them is positive with a chance of `alpha`."""
    if not tests:
        return []
    chances = np.clip([test.p for test in tests], 0, 1)
    adjusted = stats.false_discovery_control(chances, method="by").tolist()
    return [
        Outcome(test, chance, drifted=chance <= alpha and _counts(test))
        for test, chance in zip(tests, adjusted, strict=True)
    ]


def _counts(test: Test) -> bool:
    return test.effect >= test.least and (test.natural is None or test.far > test.natural)
