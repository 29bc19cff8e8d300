"""Functions behind an API: API Gateway may call one only as the function's own policy says.

https://docs.aws.amazon.com/lambda/latest/dg/services-apigateway.html#apigateway-permissions
"""

from collections.abc import Mapping
from typing import Any

from local.adapter import authorization, seams

GATEWAY = "apigateway.amazonaws.com"


def install() -> None:
    """Refuse calls that the policy of the function does not allow, for which callers get a 500 as on AWS."""
    before = seams.apigateway._invoke_lambda_proxy_v1

    async def invoke(
        integration: Mapping[str, Any],
        api_id: str,
        stage_name: str,
        stage: Any,
        resource: Mapping[str, Any],
        path: str,
        method: str,
        *rest: Any,
        **options: Any,
    ) -> Any:
        called = f"{api_id}/{stage_name}/{method}{resource['path']}"
        if not _may_call(integration, called):
            return seams.apigateway._gw_error("API_CONFIGURATION_ERROR", "Internal server error")
        return await before(integration, api_id, stage_name, stage, resource, path, method, *rest, **options)

    seams.apigateway._invoke_lambda_proxy_v1 = invoke


def _may_call(integration: Mapping[str, Any], called: str) -> bool:
    """Whether the function lets this method of an API in; one that does not exist is told of elsewhere."""
    if integration.get("credentials"):
        # A role calls then, and not API Gateway itself.
        return True
    arn = seams.apigateway._extract_lambda_ref_from_integration_uri(integration.get("uri", ""))
    function, _, _ = seams.lambda_svc._get_func_record_for_ref(arn)
    if not function:
        return True
    region, account = seams.responses.get_region(), seams.responses.get_account_id()
    source = f"arn:aws:execute-api:{region}:{account}:{called}"
    return authorization.policy_allows(function["policy"], GATEWAY, "lambda:InvokeFunction", arn, source)
