"""What may go wrong at the calls of a step of a history, as Hypothesis draws it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine

from tests.histories.aws.points import TROUBLES, Trouble
from tests.histories.projects import COOLDOWN, QUIET
from tests.histories.wiring import Wiring
from tests.histories.world import World

SECONDS = st.sampled_from([0, 1, 60, 180, QUIET, 900, COOLDOWN, 7_200])
# The calls that change something: what goes wrong there is what matters most.
EFFECTS = (
    "PutItem",
    "StartPipelineExecution",
    "SendMessage",
    "PutEvents",
    "Publish",
    "Post",
    "UpdateStack",
    "UpdateModelPackage",
    "PutObject",
    "CopyObject",
    "DeleteObject",
)
# At which of the next calls what goes wrong: few are made by one invocation.
Wrong = Mapping[int | str, Trouble]
TROUBLE = st.dictionaries(
    st.one_of(st.integers(0, 11), st.sampled_from(EFFECTS)),
    st.sampled_from([*TROUBLES, "another", "another"]),
    min_size=1,
    max_size=4,
)
OVERWRITTEN = st.just({"StartPipelineExecution": "overwritten"})


class Turmoil(RuleBasedStateMachine):
    """Histories of the project that `wiring` describes, without any steps yet."""

    wiring: ClassVar[Wiring]
    played: ClassVar[dict[str, int]]
    world: World

    @contextmanager
    def with_trouble(self, trouble: Wrong) -> Iterator[None]:
        """What goes wrong, by the number of the call from now on, or by the operation."""
        points = self.world.account.points
        points.at = {
            len(points.made) + call if isinstance(call, int) else call: what for call, what in trouble.items()
        }
        try:
            yield
        finally:
            points.at = {}
