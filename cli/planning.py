"""Instances for a load, type by type, by the same arithmetic as `cdk deploy`; and serverless beside them."""

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from cli.errors import CommandError

if TYPE_CHECKING:
    from declaration import Capacity, Endpoint
    from declaration.measured import Measured

# Of one GB of memory while a call is answered, us-east-1; like declaration/prices.py it was compared between
# public tables of https://aws.amazon.com/sagemaker/ai/pricing/ and not checked with AWS.
SERVERLESS_USD_PER_GB_SECOND = 0.00002
_SERVERLESS_AT_ONCE = 200
_SERVERLESS_MEMORY_MB = 2048
_MINUTES_A_MONTH = 60 * 730


@dataclass(frozen=True)
class Candidate:
    """A fleet of one type for the load; `refusal` says why it cannot be, and is empty if it can.

    `headroom` is what the fleet can take beyond the load before instances are at their peak: 1.0 is twice.
    """

    instance: str
    declared: bool
    vcpus: int
    calls_per_instance: int
    target: float
    count: int
    floor: int
    ceiling: int
    headroom: float
    usd_per_month: float | None
    refusal: str
    arithmetic: str


@dataclass(frozen=True)
class ServerlessPlan:
    """What a serverless endpoint would need and cost if the load came all month; None for what is unknown."""

    fits: bool | None
    concurrent_calls: float | None
    usd_per_month: float | None
    why: str


@dataclass(frozen=True)
class Plan:
    """All candidates, the cheapest that can be first, and what they were computed from."""

    project: str | None
    calls_per_minute: int
    p99_ms: int | None
    measured: "Measured | None"
    scale_on: str
    scale_out_cooldown: int
    scale_in_cooldown: int
    candidates: list[Candidate]
    serverless: ServerlessPlan


def changed(endpoint: "Endpoint", calls_per_minute: int | None, p99_ms: int | None) -> "Endpoint":
    """The endpoint with what the call says otherwise, which lifts limits that were for another load.

    Raises CommandError when that cannot be.
    """
    from declaration import DeclarationError

    try:
        if calls_per_minute and calls_per_minute != endpoint.calls_per_minute:
            endpoint = replace(
                endpoint, calls_per_minute=calls_per_minute, max_instances=None, monthly_budget=None
            )
        return replace(endpoint, p99_ms=p99_ms) if p99_ms else endpoint
    except DeclarationError as error:
        raise CommandError(str(error)) from error


def plan(endpoint: "Endpoint", measured: "Measured | None", project: str | None, *, declared: bool) -> Plan:
    """Plan an endpoint; `declared` says that its own instance type is the one in app.py."""
    from declaration.capacity import SCALE_IN_COOLDOWN, SCALE_OUT_COOLDOWN
    from declaration.instances import burstable, usable
    from declaration.prices import priced_to_serve

    types = [
        name
        for name in usable("endpoint")
        if (found := priced_to_serve(name)) and not found.gpus and not burstable(name)
    ]
    names = dict.fromkeys([endpoint.instance, *types])
    candidates = [_candidate(endpoint, measured, name, declared=declared) for name in names]
    return Plan(
        project,
        endpoint.calls_per_minute,
        endpoint.p99_ms,
        measured,
        endpoint.scale_on,
        SCALE_OUT_COOLDOWN,
        SCALE_IN_COOLDOWN,
        sorted(candidates, key=_order),
        serverless(endpoint.calls_per_minute, endpoint.p99_ms, measured),
    )


def _order(each: Candidate) -> tuple[bool, float, int]:
    """What can be before what cannot, the cheap before the dear, the small before the large."""
    return bool(each.refusal), math.inf if each.usd_per_month is None else each.usd_per_month, each.vcpus


def _candidate(
    endpoint: "Endpoint", measured: "Measured | None", instance: str, *, declared: bool
) -> Candidate:
    from declaration import DeclarationError
    from declaration.instances import vcpus

    own = instance == endpoint.instance
    try:
        other = endpoint if own else _on(endpoint, measured, instance)
        refusal = "; ".join(str(problem) for problem in other.load_problems("", measured))
    except DeclarationError as error:
        # Its capacity is still worth showing, without the limits that it breaks.
        other = _on(replace(endpoint, monthly_budget=None), measured, instance)
        refusal = str(error)
    capacity = other.capacity_by(measured)
    count = max(other.min_instances, capacity.needed)
    return Candidate(
        instance,
        own and declared,
        vcpus(instance),
        capacity.calls_per_instance,
        capacity.target,
        count,
        capacity.minimum,
        capacity.maximum,
        round(count * capacity.calls_per_instance / capacity.calls_per_minute - 1, 3),
        _rounded(capacity.monthly_usd(count)),
        refusal,
        arithmetic(capacity, count, at_once=other.scale_on == "concurrency"),
    )


def _on(endpoint: "Endpoint", measured: "Measured | None", instance: str) -> "Endpoint":
    """The same endpoint on another type: what was said of one instance is taken in proportion to vCPUs."""
    from declaration.instances import vcpus

    each = endpoint.calls_per_instance
    scaled = each and max(2, each * vcpus(instance) // vcpus(endpoint.instance))
    return replace(
        endpoint,
        instance=instance,
        calls_per_instance=None if measured else scaled,
        max_instances=None if instance != endpoint.instance else endpoint.max_instances,
    )


def arithmetic(capacity: "Capacity", count: int, *, at_once: bool = False) -> str:
    """How the figures of a fleet follow from each other, one step a line; `at_once` scales by concurrency."""
    lines = [capacity.explain()]
    if at_once and capacity.concurrency is not None:
        lines.append(
            f"at once   {capacity.target / 60:,.1f} calls/s x {capacity.call_ms:g} ms = "
            f"{capacity.concurrency:,.2f} calls per instance, which scaling keeps to"
        )
    usd = capacity.monthly_usd(count)
    if usd is not None:
        hourly = f"{count:,} x {capacity.usd_per_hour:g} USD/h x 730 h"
        lines.append(f"at load   {hourly} = {usd:,.0f} USD a month")
    peak = count * capacity.calls_per_instance
    room = headroom(peak / capacity.calls_per_minute - 1)
    lines.append(
        f"headroom  {count:,} x {capacity.calls_per_instance:,} = {peak:,} calls/min at their peak, "
        f"{room} above the load"
    )
    return "\n".join(lines)


def headroom(share: float) -> str:
    """What a fleet can take beyond its load, in words: 140%, or 1,999 x for very much."""
    return f"{share:.0%}" if share < 10 else f"{share:,.0f} x"


def serverless(calls_per_minute: int, p99_ms: int | None, measured: "Measured | None") -> ServerlessPlan:
    """Whether 200 calls at once are enough (Little's law), and what they would cost.

    https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html
    """
    longest = _SERVERLESS_AT_ONCE * 60_000 / calls_per_minute
    if measured is None and p99_ms is None:
        shown = f"{longest:,.0f}" if longest >= 100 else f"{longest:.3g}"
        why = (
            f"{_SERVERLESS_AT_ONCE} calls at once carry it if a call takes at most {shown} ms; "
            "how long one takes is not measured"
        )
        return ServerlessPlan(None, None, None, why)
    call_ms = max(1.0, measured.p50_ms) if measured else float(p99_ms or 1)
    at_once = calls_per_minute / 60 * call_ms / 1000
    gigabytes = _SERVERLESS_MEMORY_MB / 1024
    usd = calls_per_minute * _MINUTES_A_MONTH * call_ms / 1000 * gigabytes * SERVERLESS_USD_PER_GB_SECOND
    source = "measured on an instance" if measured else "the p99 asked for"
    sum_ = (
        f"{calls_per_minute / 60:,.1f} calls/s x {call_ms:g} ms ({source}) = {at_once:,.1f} at once of "
        f"{_SERVERLESS_AT_ONCE}"
    )
    price = f"{gigabytes:g} GB x {SERVERLESS_USD_PER_GB_SECOND:.5f} USD/s"
    cost = f"at this load all month {price} cost {usd:,.0f} USD"
    if at_once > _SERVERLESS_AT_ONCE:
        return ServerlessPlan(False, round(at_once, 3), _rounded(usd), f"it cannot: {sum_}")
    why = f"it can: {sum_}; {cost}. A cold start takes seconds, so the p99 holds only for warm calls"
    return ServerlessPlan(True, round(at_once, 3), _rounded(usd), why)


def _rounded(usd: float | None) -> float | None:
    return None if usd is None else round(usd, 2)
