"""Who may call how much: an API key for each client, with a rate and a daily quota.

A key says who calls, not that the caller may: IAM decides that, with keys and without.
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-api-usage-plans.html
"""

from collections.abc import Sequence

from aws_cdk import aws_apigateway as apigateway

from declaration import Client


def limit(api: apigateway.RestApi, project: str, clients: Sequence[Client]) -> None:
    """Make a key and a usage plan for each client, named `<project>-<client>`; AWS makes the keys' values."""
    for client in clients:
        name = f"{project}-{client.name}"
        each = client.name.title().replace("-", "")
        per_second = client.calls_per_minute / 60
        plan = api.add_usage_plan(
            f"{each}Plan",
            name=name,
            description=f"What {client.name} may ask of {project}",
            api_stages=[apigateway.UsagePlanPerApiStage(api=api, stage=api.deployment_stage)],
            throttle=apigateway.ThrottleSettings(
                # A burst of a second passes, and a client of less than one call a second may call at all.
                rate_limit=max(1.0, per_second),
                burst_limit=max(1, round(per_second)),
            ),
            quota=(
                apigateway.QuotaSettings(limit=client.calls_per_day, period=apigateway.Period.DAY)
                if client.calls_per_day is not None
                else None
            ),
        )
        plan.add_api_key(api.add_api_key(f"{each}Key", api_key_name=name))
