"""Service quotas against what the pipelines ask for; in a new account many of them are 0.

https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_ListServiceQuotas.html
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from cli.checks.check import Check, refused
from cli.checks.demand import Demand

if TYPE_CHECKING:
    import boto3

SERVICE = "sagemaker"


def check(session: "boto3.Session", demands: Sequence[Demand]) -> Iterator[Check]:
    """One check for each quota, against the largest demand on it."""
    from botocore.exceptions import ClientError

    wanted = _largest(demands)
    try:
        values = _values(session, set(wanted))
    except ClientError as error:
        needed = ", ".join(f"{_needs(demand)} {name}" for name, demand in wanted.items())
        found = refused("Quotas", error)
        yield replace(found, seen=f"{found.seen}; needed are {needed}")
        return
    for name, demand in wanted.items():
        yield _check(demand, values.get(name))


def _largest(demands: Sequence[Demand]) -> dict[str, Demand]:
    found: dict[str, Demand] = {}
    for demand in demands:
        known = found.get(demand.quota)
        if known is None:
            found[demand.quota] = demand
        else:
            greater = max(known, demand, key=lambda each: each.most)
            found[demand.quota] = replace(greater, least=max(known.least, demand.least))
    return found


def _values(session: "boto3.Session", wanted: set[str]) -> dict[str, float]:
    """The quotas of these names: the account's own, or else AWS's default where no own one is listed."""
    client = session.client("service-quotas")
    found: dict[str, float] = {}
    for listing in ("list_service_quotas", "list_aws_default_service_quotas"):
        for page in client.get_paginator(listing).paginate(ServiceCode=SERVICE):
            for quota in page["Quotas"]:
                if quota["QuotaName"] in wanted:
                    found.setdefault(quota["QuotaName"], quota["Value"])
            if wanted <= set(found):
                return found
    return found


def _check(demand: Demand, value: float | None) -> Check:
    raise_it = f'Ask Service Quotas for {demand.most} of "{demand.quota}"'
    if value is None:
        return Check("Quota", "unknown", f"Service Quotas does not list {demand.quota}", f"{raise_it}.")
    seen = f"{value:g} {demand.quota}, and {demand.of} needs {_needs(demand)}"
    if value < demand.least:
        return Check("Quota", "problem", seen, f"{raise_it}, or choose another instance.")
    if value < demand.most:
        less = (
            "or new models cannot replace the old one side by side"
            if demand.quota.endswith("endpoint usage")
            else f"or say parallel={int(value // demand.least)} in Tuning"
        )
        return Check("Quota", "warning", seen, f"{raise_it}, {less}.")
    return Check("Quota", "ok", seen)


def _needs(demand: Demand) -> str:
    return f"{demand.least}" if demand.least == demand.most else f"{demand.least} to {demand.most}"
