"""What a scaling policy makes of traffic, by AWS's documented rules; pure arithmetic, without AWS.

`simulate(fleet, trace, step_seconds)` follows a fleet through a trace of calls a minute and says how many
instances it had, how many calls came late or were dropped, and what it cost.
"""

from simulator.fleet import AWS, EMBEDDED, Fleet, Monitoring, Outage, Server
from simulator.policies import Policy, Scheduled, Step, StepScaling, TargetTracking
from simulator.simulation import Simulation, simulate

__all__ = [
    "AWS",
    "EMBEDDED",
    "Fleet",
    "Monitoring",
    "Outage",
    "Policy",
    "Scheduled",
    "Server",
    "Simulation",
    "Step",
    "StepScaling",
    "TargetTracking",
    "simulate",
]
