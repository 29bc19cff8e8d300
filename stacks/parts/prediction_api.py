"""The API in front of an endpoint: it calls SageMaker itself, so there is no function on the hot path."""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_apigateway as apigateway
from constructs import Construct

from declaration import Client
from stacks.parts import api_answers, usage_plans
from stacks.parts.acknowledgements import acknowledge
from stacks.parts.roles import Grant, service_role

# What clients get to see of a prediction: its type, the model that made it, and the variant.
HEADERS = ("Content-Type", "X-Amzn-SageMaker-Custom-Attributes", "x-Amzn-Invoked-Production-Variant")
RETRY = "Retry-After"
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html
COMPONENT = "X-Amzn-SageMaker-Inference-Component"
INFERENCE_ID = "X-Amzn-SageMaker-Inference-Id"
# What a caller may say of a body.
ASKED = ("Content-Type", "Accept", INFERENCE_ID)
# The types of text that our own server reads.
TEXT = (
    "text/csv",
    "application/json",
    "application/jsonlines",
    "application/x-jsonlines",
    "application/jsonl",
)
# A call without an id gets that of its answer, x-amzn-RequestId, so that the truth can be told of it later.
# AWS does not say whether a header is found in any other case, and many clients send small letters.
# https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-override-request-response-parameters.html
# https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html
IDENTIFIED = (
    f"#if(\"$input.params('{INFERENCE_ID}')$input.params('{INFERENCE_ID.lower()}')\" == \"\")"
    f"#set($context.requestOverride.header.{INFERENCE_ID} = $context.requestId)"
    "#end"
    "$input.body"
)
# All other bodies are text, which API Gateway takes for UTF-8. The first three are our own server's formats,
# the others those of AWS's built-in algorithms: https://docs.aws.amazon.com/sagemaker/latest/dg/cdf-inference.html
BINARY = (
    "application/vnd.apache.parquet",
    "application/x-parquet",
    "application/vnd.apache.arrow.stream",
    "application/x-recordio-protobuf",
    "application/x-npy",
    "application/x-image",
    "image/*",
)


class PredictionApi(Construct):
    """`POST /predict` for callers who sign with IAM; a body is passed to the model server as it is.

    What is too large is refused here; the rows and the Content-Type are the model server's to judge, whose
    refusals pass as they are. A caller may give the call an id (X-Amzn-SageMaker-Inference-Id); text without
    one gets the request's. Where `clients` are named, a caller also needs the API key of one of them.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        name: str,
        calls_per_minute: int,
        component: bool = False,
        clients: Sequence[Client] = (),
    ) -> None:
        super().__init__(scope, id_)
        # An inference component has the name of its endpoint, and is asked for beside it.
        self._component = {f"integration.request.header.{COMPONENT}": f"'{name}'"} if component else {}
        # Twice the declared load, so that its peaks pass; at least enough to try things out.
        per_second = max(10, round(2 * calls_per_minute / 60))
        self.api = apigateway.RestApi(
            self,
            "Api",
            rest_api_name=name,
            description=f"Predictions of the project {name}",
            endpoint_types=[apigateway.EndpointType.REGIONAL],
            binary_media_types=list(BINARY),
            cloud_watch_role=False,
            deploy_options=apigateway.StageOptions(
                stage_name="v1",
                tracing_enabled=True,
                throttling_rate_limit=per_second,
                throttling_burst_limit=per_second,
            ),
        )
        # The L2 prints the address under a name that nobody can guess.
        self.api.node.try_remove_child("Endpoint")
        self._predict(name, keys=bool(clients))
        api_answers.refuse_in_one_form(self.api)
        usage_plans.limit(self.api, name, clients)
        account_wide = (
            "Logs of an API need a role in the account's settings, which are shared with every other API; "
            "calls are counted in CloudWatch and traced in X-Ray, and their content is in the data capture"
        )
        acknowledge(
            self.api.deployment_stage,
            {
                "AwsSolutions-APIG1": account_wide,
                "AwsSolutions-APIG6": account_wide,
                "AwsSolutions-APIG3": "Only callers who sign with IAM get in, and the stage throttles them",
            },
        )

    @property
    def url(self) -> str:
        """The address of the stage, with a slash at the end."""
        return self.api.url

    def _predict(self, endpoint: str, *, keys: bool) -> None:
        method = self.api.root.add_resource("predict").add_method(
            "POST",
            apigateway.AwsIntegration(
                service="runtime.sagemaker",
                path=f"endpoints/{endpoint}/invocations",
                options=self._integration(endpoint),
            ),
            authorization_type=apigateway.AuthorizationType.IAM,
            api_key_required=keys or None,
            # A body without a type would reach the model as JSON, whatever it is.
            request_parameters={
                f"method.request.header.{header}": header == "Content-Type" for header in ASKED
            },
            request_validator=apigateway.RequestValidator(
                self,
                "Validator",
                rest_api=self.api,
                validate_request_body=True,
                validate_request_parameters=True,
            ),
            method_responses=[
                apigateway.MethodResponse(
                    status_code=status,
                    response_parameters={
                        f"method.response.header.{header}": True for header in (*HEADERS, RETRY)
                    },
                )
                for status in ("200", *api_answers.REFUSALS, "424", "500")
            ],
        )
        acknowledge(
            method,
            {"AwsSolutions-COG4": "Callers are authorised by IAM, as services and people of the account"},
        )

    def _integration(self, endpoint: str) -> apigateway.IntegrationOptions:
        stack = cdk.Stack.of(self)
        role = service_role(
            self,
            "Role",
            service="apigateway.amazonaws.com",
            description=f"The API's calls of the endpoint {endpoint}",
            grants=[
                Grant(
                    "InvokeEndpoint",
                    ["sagemaker:InvokeEndpoint"],
                    [f"arn:{stack.partition}:sagemaker:{stack.region}:{stack.account}:endpoint/{endpoint}"],
                )
            ],
        )
        passed_on = {
            f"method.response.header.{header}": f"integration.response.header.{header}" for header in HEADERS
        }
        return apigateway.IntegrationOptions(
            credentials_role=role,
            # Binary bodies pass without a template alone, so theirs is the id that the caller gives, or none:
            # https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-payload-encodings-workflow.html
            passthrough_behavior=apigateway.PassthroughBehavior.WHEN_NO_MATCH,
            request_templates=dict.fromkeys(TEXT, IDENTIFIED),
            request_parameters={
                f"integration.request.header.{header}": f"method.request.header.{header}" for header in ASKED
            }
            | self._component,
            integration_responses=[
                apigateway.IntegrationResponse(
                    status_code="200", selection_pattern=r"2\d{2}", response_parameters=passed_on
                ),
                *(
                    _answer(status, api_answers.refusal(status), selection_pattern=status)
                    for status in api_answers.REFUSALS
                ),
                _answer("424", api_answers.UNWRAP, selection_pattern="424"),
                # Without a pattern: everything else. It must never look like a prediction.
                _answer("500", api_answers.FAULT),
            ],
        )


def _answer(
    status: str, template: str, selection_pattern: str | None = None
) -> apigateway.IntegrationResponse:
    headers = {"method.response.header.Content-Type": "'application/json'"}
    if status in api_answers.PASSING:
        headers[f"method.response.header.{RETRY}"] = "'1'"
    return apigateway.IntegrationResponse(
        status_code=status,
        selection_pattern=selection_pattern,
        response_parameters=headers,
        response_templates={"application/json": template},
        # Else a caller who accepts a binary type would get it for base64, and decoded.
        content_handling=apigateway.ContentHandling.CONVERT_TO_TEXT,
    )
