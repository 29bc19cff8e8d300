"""What happens to calls inside of instances: a queue per instance that random arrivals and overload fill.

Within its capacity an instance is an M/M/c queue with a server per vCPU: Erlang's C formula says how many
calls wait, and the wait of those is exponential (Gross & Harris, Fundamentals of Queueing Theory, ch. 3).
Beyond its capacity the queue grows like a fluid, until back-pressure refuses what would wait too long.
"""

import math
from dataclasses import dataclass

from simulator.fleet import Server

# Nearer to 1 than this, Erlang's formula says little more than that the queue is long.
_BUSIEST = 0.999


@dataclass(frozen=True)
class Outcome:
    """What became of the calls of one step; `backlog` are those that still wait at its end."""

    dropped: float
    late: float
    backlog: float
    concurrent: float


def serve(
    server: Server, instances: float, backlog: float, calls: float, seconds: float, late_ms: float
) -> Outcome:
    """Give `calls`, which come evenly during `seconds`, and the backlog to some instances."""
    rate = instances * server.calls_per_minute / 60
    if rate <= 0:
        # SageMaker has nobody to pass a call to.
        return Outcome(dropped=calls + backlog, late=0.0, backlog=0.0, concurrent=0.0)
    room = rate * server.queue_ms / 1000
    left = max(0.0, backlog + calls - rate * seconds)
    dropped = max(0.0, left - room)
    waiting = left - dropped
    before, after = backlog / rate, waiting / rate
    accepted = max(0.0, calls - dropped)
    slack = (late_ms - server.p50_ms) / 1000
    load = min(calls / seconds / rate, _BUSIEST)
    if slack < 0:
        share, wait = 1.0, mean_wait(server, load)
    elif before or after:
        share, wait = _beyond(before, after, slack), (before + after) / 2
    else:
        share, wait = waiting_longer(server, load, slack), mean_wait(server, load)
    served = min(calls / seconds, rate)
    return Outcome(dropped, accepted * share, waiting, served * (server.p50_ms / 1000 + wait))


def waiting_longer(server: Server, load: float, seconds: float) -> float:
    """The share of calls that wait longer than this in one instance at a load from 0 to 1."""
    count = max(1, server.vcpus)
    rate = server.calls_per_minute / 60
    return erlang_c(count, load) * math.exp(-rate * (1 - load) * seconds)


def mean_wait(server: Server, load: float) -> float:
    """The mean wait in seconds in one instance at a load from 0 to 1."""
    rate = server.calls_per_minute / 60
    return erlang_c(max(1, server.vcpus), load) / (rate * (1 - load))


def erlang_c(servers: int, load: float) -> float:
    """The share of calls that have to wait at all, of `servers` each busy for a share `load` of the time.

    By the recursion of Erlang's B formula, which does not overflow.
    """
    if load <= 0:
        return 0.0
    offered, blocked = servers * load, 1.0
    for count in range(1, servers + 1):
        blocked = offered * blocked / (count + offered * blocked)
    return blocked / (1 - load * (1 - blocked))


def _beyond(before: float, after: float, slack: float) -> float:
    """The share of a step in which a wait that goes evenly from `before` to `after` is above `slack`."""
    low, high = min(before, after), max(before, after)
    if slack < low:
        return 1.0 if high > 0 else 0.0
    if slack >= high:
        return 0.0
    return (high - slack) / (high - low)
