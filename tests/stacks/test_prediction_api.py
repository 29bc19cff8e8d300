"""The API in front of a model: what it refuses itself, in which words, and what it lets clients do."""

import json
import re
from collections.abc import Mapping
from typing import Any

import aws_cdk as cdk
import pytest

from declaration import Client
from stacks.parts.prediction_api import PredictionApi
from tests.stacks.synthesised import Synthesised

Json = Mapping[str, Any]


def api(*clients: Client) -> Json:
    """The resources of an API alone."""
    app = cdk.App()
    stack = cdk.Stack(app, "shop-serving")
    PredictionApi(stack, "Predictions", name="shop", calls_per_minute=600, clients=clients)
    resources: Json = app.synth().get_stack_by_name("shop-serving").template["Resources"]
    return resources


def of(resources: Json, type_: str) -> list[Json]:
    return [each["Properties"] for each in resources.values() if each["Type"] == f"AWS::ApiGateway::{type_}"]


@pytest.fixture(scope="module")
def plain() -> Json:
    return api()


def test_bodies_pass_unchanged_to_who_judges_their_type(plain: Json) -> None:
    (method,) = of(plain, "Method")
    integration = method["Integration"]
    assert integration["PassthroughBehavior"] == "WHEN_NO_MATCH"
    # A template would see a binary body as base64, and `contentHandling` would convert one or the other.
    assert "ContentHandling" not in integration
    (made,) = of(plain, "RestApi")
    templates = integration["RequestTemplates"]
    assert not set(templates) & set(made["BinaryMediaTypes"])
    assert {"text/csv", "application/json", "application/jsonlines"} <= set(templates)
    for template in templates.values():
        assert template.startswith("#if(")
        assert template.endswith("#end$input.body")
    assert {"application/vnd.apache.parquet", "application/vnd.apache.arrow.stream"} <= set(
        made["BinaryMediaTypes"]
    )
    assert not {"text/csv", "application/json", "application/jsonlines", "*/*"} & set(
        made["BinaryMediaTypes"]
    )
    assert method["RequestParameters"]["method.request.header.Content-Type"] is True


def test_a_call_has_the_id_that_the_caller_gives_or_its_requests(plain: Json) -> None:
    (method,) = of(plain, "Method")
    header = "X-Amzn-SageMaker-Inference-Id"
    # For bodies of every type, binary ones included.
    assert method["RequestParameters"][f"method.request.header.{header}"] is False
    given = method["Integration"]["RequestParameters"]
    assert given[f"integration.request.header.{header}"] == f"method.request.header.{header}"
    for template in method["Integration"]["RequestTemplates"].values():
        asked, _, rest = template.partition(' == "")')
        assert f"$input.params('{header}')" in asked
        assert f"$input.params('{header.lower()}')" in asked
        # A parameter may be overridden once, else the call fails.
        assert rest.count("requestOverride") == 1
        assert f"#set($context.requestOverride.header.{header} = $context.requestId)" in rest


def test_the_apis_own_refusals_have_the_servers_form(plain: Json) -> None:
    responses = {each["ResponseType"]: each for each in of(plain, "GatewayResponse")}
    assert {"DEFAULT_4XX", "DEFAULT_5XX", "REQUEST_TOO_LARGE", "THROTTLED"} <= set(responses)
    for response in responses.values():
        template = response["ResponseTemplates"]["application/json"]
        said = json.loads(template.replace("$context.error.messageString", '"what API Gateway says"'))
        assert set(said) == {"code", "message", "request_id"}
        assert said["request_id"] == "$context.requestId"
    # A status of its own would change that of every other response of the kind.
    assert not [response for response in responses.values() if "StatusCode" in response]
    assert responses["THROTTLED"]["ResponseParameters"] == {"gatewayresponse.header.Retry-After": "'1'"}


def test_sagemakers_own_refusals_have_the_servers_form(plain: Json) -> None:
    (method,) = of(plain, "Method")
    by_status = {each["StatusCode"]: each for each in method["Integration"]["IntegrationResponses"]}
    for status in ("400", "413", "429", "503"):
        template = by_status[status]["ResponseTemplates"]["application/json"]
        said = json.loads(re.sub(r"\$util.*?(?=\",\"request_id)", "what SageMaker says", template))
        assert set(said) == {"code", "message", "request_id"}
        # Also to callers who accept a binary type, for whom API Gateway would take it for base64.
        assert by_status[status]["ContentHandling"] == "CONVERT_TO_TEXT"
        retry = "method.response.header.Retry-After" in by_status[status]["ResponseParameters"]
        assert retry is (status in ("429", "503"))


def test_a_deployment_is_made_anew_when_an_answer_changes(plain: Json) -> None:
    (deployment,) = [each for each in plain.values() if each["Type"] == "AWS::ApiGateway::Deployment"]
    answers = {name for name, each in plain.items() if each["Type"] == "AWS::ApiGateway::GatewayResponse"}
    assert answers <= set(deployment["DependsOn"])


def test_without_clients_nobody_needs_a_key(plain: Json) -> None:
    (method,) = of(plain, "Method")
    assert not method.get("ApiKeyRequired")
    assert of(plain, "UsagePlan") == of(plain, "ApiKey") == []


def test_a_client_has_a_key_a_rate_and_a_quota() -> None:
    resources = api(
        Client("web-shop", calls_per_minute=600, calls_per_day=100_000), Client("trial", calls_per_minute=6)
    )
    (method,) = of(resources, "Method")
    assert method["ApiKeyRequired"] is True
    assert method["AuthorizationType"] == "AWS_IAM"
    plans = {plan["UsagePlanName"]: plan for plan in of(resources, "UsagePlan")}
    shop, trial = plans["shop-web-shop"], plans["shop-trial"]
    assert shop["Throttle"] == {"RateLimit": 10, "BurstLimit": 10}
    assert shop["Quota"] == {"Limit": 100_000, "Period": "DAY"}
    assert trial["Throttle"] == {"RateLimit": 1, "BurstLimit": 1}
    assert "Quota" not in trial
    assert {key["Name"] for key in of(resources, "ApiKey")} == set(plans)
    assert len(of(resources, "UsagePlanKey")) == 2


def test_the_project_has_no_clients_unless_it_names_them(flights: Synthesised) -> None:
    assert flights.of("AWS::ApiGateway::UsagePlan") == []
