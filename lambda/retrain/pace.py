"""When pending requests may start an execution."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from retrain.messages import Kind
from retrain.state import BUNCHED, State

# Data that trickles in for ever would otherwise postpone training for ever.
QUIET_TIMES_AT_MOST = 12


@dataclass(frozen=True)
class Pace:
    """Start at least `quiet` seconds after the last of a bunch, and a kind's cooldown after the last start.

    A kind without a cooldown waits for none. With `on_new_data` new data are a reason to train: what nobody
    was told of is looked for.
    """

    quiet: int = 0
    cooldowns: Mapping[Kind, int] = field(default_factory=dict)
    on_new_data: bool = False

    @classmethod
    def read(cls, text: str) -> "Pace":
        """From JSON with these names."""
        return cls(**json.loads(text))

    def due(self, state: State) -> int:
        """The epoch second from which the pending requests may start an execution; a person does not wait."""
        return min((self._due(kind, since, state) for kind, since in state.since.items()), default=0)

    def overdue(self, state: State, now: int) -> int:
        """For how many seconds an execution has been due that does not start, though none runs."""
        if state.running:
            return 0 if state.running.arn else max(0, now - state.last_start_at)
        if not state.since or state.held:
            return 0
        return max(0, now - max(self.due(state), min(state.since.values())))

    def _due(self, kind: Kind, since: int, state: State) -> int:
        if kind == "manual":
            return 0
        begin = since
        if kind in BUNCHED:
            begin = min(state.last_request_at + self.quiet, since + QUIET_TIMES_AT_MOST * self.quiet)
        return max(begin, state.last_start_at + self.cooldowns.get(kind, 0))
