"""A load over time, and how many connections its calls may need at once."""

import math
import resource
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

# There are connections enough for calls of ten seconds, and never fewer than these.
_MOST_SECONDS, _FEWEST = 10.0, 128
# A call that opens a connection takes longer, so these are less than one in a hundred of some seconds.
READY_SECONDS, _FEWEST_READY = 0.05, 4
# Beyond this, connections cost the generator more memory than a test is worth (about 30 KB each).
_MOST = 10_000
# What the generator needs descriptors for beside its connections.
_OTHER_DESCRIPTORS = 200


@dataclass(frozen=True)
class Load:
    """Calls a second at each corner, in straight lines between them; the first corner is at 0 seconds.

    `ready_seconds`: the first calls open connections enough for calls that take so long; each further one is
    opened when a call finds all of them waiting.
    """

    corners: Sequence[tuple[float, float]]
    ready_seconds: float = READY_SECONDS

    @classmethod
    def steady(cls, calls_per_minute: int, seconds: float) -> "Load":
        """Evenly as many calls."""
        return cls(((0.0, calls_per_minute / 60), (float(seconds), calls_per_minute / 60)))

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return self.corners[-1][0]

    @property
    def calls(self) -> float:
        """All calls."""
        return sum((b[1] + a[1]) / 2 * (b[0] - a[0]) for a, b in pairwise(self.corners))

    @property
    def calls_per_minute(self) -> int:
        """Calls a minute, on average."""
        return round(self.calls / self.seconds * 60)

    @property
    def highest(self) -> float:
        """The most calls a second."""
        return max(rate for _, rate in self.corners)

    @property
    def ready(self) -> int:
        """Connections that the first calls open."""
        return min(max(_FEWEST_READY, math.ceil(self.highest * self.ready_seconds)), self.connections)

    @property
    def connections(self) -> int:
        """The most connections: enough for every call to be sent, even if none is answered for ten seconds.

        Each call that waits for its answer needs one, and a call that finds none is not sent: an error. A
        call that is sent late is not, its time counts from when it was due.
        """
        _, descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)
        allowed = _MOST if descriptors == resource.RLIM_INFINITY else descriptors - _OTHER_DESCRIPTORS
        return min(max(_FEWEST, math.ceil(self.highest * _MOST_SECONDS)), _MOST, max(1, allowed))

    def rate(self, moments: "npt.NDArray[np.float64]") -> "npt.NDArray[np.float64]":
        """Calls a second at these moments."""
        import numpy as np

        times, rates = (np.array(column) for column in zip(*self.corners, strict=True))
        return np.asarray(np.interp(moments, times, rates), dtype=np.float64)

    def parts(self, seconds: float) -> "Sequence[Load]":
        """The same load in pieces of at most so long."""
        cuts = [seconds * number for number in range(1, math.ceil(self.seconds / seconds))]
        return [self._between(begin, end) for begin, end in pairwise([0.0, *cuts, self.seconds])]

    def _between(self, begin: float, end: float) -> "Load":
        inside = [(time, rate) for time, rate in self.corners if begin < time < end]
        corners = [(begin, self._at(begin)), *inside, (end, self._at(end))]
        return replace(self, corners=tuple((time - begin, rate) for time, rate in corners))

    def _at(self, moment: float) -> float:
        for (begin, low), (end, high) in pairwise(self.corners):
            if begin <= moment <= end:
                return low + (high - low) * (moment - begin) / (end - begin) if end > begin else high
        return self.corners[-1][1]
