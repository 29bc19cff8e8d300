"""What the API itself answers, in the model server's form: {"code", "message", "request_id"}.

https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html
"""

import json

from aws_cdk import aws_apigateway as apigateway

# https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html
LARGEST = "10 MB"
LONGEST = "29 seconds"

# The container's own answer, which SageMaker wraps in a ModelError with status 424.
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html
# https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-override-request-response-parameters.html
UNWRAP = (
    "#set($context.responseOverride.status = $input.path('$.OriginalStatusCode'))"
    "#if($input.path('$.OriginalStatusCode') == 429 || $input.path('$.OriginalStatusCode') == 503)"
    '#set($context.responseOverride.header.Retry-After = "1")'
    "#end"
    "$input.path('$.OriginalMessage')"
)
FAULT = (
    '{"code":"internal_error","message":"The call of the endpoint failed.","request_id":"$context.requestId"}'
)
# SageMaker's own words; its escaped single quotes would be no JSON.
_ITS_WORDS = """$util.escapeJavaScript($input.path('$.Message')).replaceAll("\\\\'","'")"""

# SageMaker's own refusals: a call that it does not take, too large, or more than it takes now.
REFUSALS = {"400": "Refused", "413": "TooLarge", "429": "Busy", "503": "Unavailable"}
# After these the same call may succeed.
PASSING = ("429", "503")


def refusal(status: str) -> str:
    """The template of a refusal of SageMaker's."""
    return f'{{"code":"{REFUSALS[status]}","message":"{_ITS_WORDS}","request_id":"$context.requestId"}}'


def refuse_in_one_form(api: apigateway.RestApi) -> None:
    """Let API Gateway's own refusals look like the model server's; unsaid ones keep its words."""
    types = apigateway.ResponseType
    said = {
        types.MISSING_AUTHENTICATION_TOKEN: (
            "Forbidden",
            "the call is not signed with Signature Version 4, or is not POST /predict",
        ),
        types.REQUEST_TOO_LARGE: ("TooLarge", f"the body is larger than {LARGEST}"),
        types.THROTTLED: ("Throttled", "more calls than this API allows; try again shortly"),
        types.QUOTA_EXCEEDED: ("QuotaExceeded", "this API key has used up its calls of the day"),
        types.INVALID_API_KEY: ("Forbidden", "the header x-api-key holds no key of this API"),
        types.INTEGRATION_TIMEOUT: ("TimedOut", f"no answer within {LONGEST}; send fewer rows"),
    }
    for type_, (code, message) in said.items():
        api.add_gateway_response(
            type_.response_type.title().replace("_", ""),
            type=type_,
            response_headers={"Retry-After": "'1'"} if code == "Throttled" else None,
            templates={"application/json": _body(json.dumps(code), json.dumps(message))},
        )
    for type_ in (types.DEFAULT_4_XX, types.DEFAULT_5_XX):
        api.add_gateway_response(
            type_.response_type.title().replace("_", ""),
            type=type_,
            templates={
                "application/json": _body('"$context.error.responseType"', "$context.error.messageString")
            },
        )


def _body(code: str, message: str) -> str:
    return f'{{"code":{code},"message":{message},"request_id":"$context.requestId"}}'
