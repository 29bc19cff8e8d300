"""A REST API in front of an endpoint."""

from typing import Any

import pytest
import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from local.cloud import Cloud
from tests.loop.raw_stacks import Json, allow, att, outputs, ref, role, stack


def rest_api(*actions: str) -> Json:
    unwrapped = (
        "#set($context.responseOverride.status = $input.path('$.OriginalStatusCode'))"
        "$input.path('$.OriginalMessage')"
    )
    uri = "arn:aws:apigateway:${AWS::Region}:runtime.sagemaker:path/endpoints/flights-x/invocations"
    return {
        "Api": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": "api"}},
        "Resource": {
            "Type": "AWS::ApiGateway::Resource",
            "Properties": {
                "RestApiId": ref("Api"),
                "ParentId": att("Api", "RootResourceId"),
                "PathPart": "predict",
            },
        },
        "Role": role("apigateway.amazonaws.com", *(allow(action, "*") for action in actions)),
        "Method": {
            "Type": "AWS::ApiGateway::Method",
            "Properties": {
                "RestApiId": ref("Api"),
                "ResourceId": ref("Resource"),
                "HttpMethod": "POST",
                "AuthorizationType": "AWS_IAM",
                "RequestParameters": {"method.request.header.Content-Type": False},
                "MethodResponses": [{"StatusCode": "200"}, {"StatusCode": "400"}, {"StatusCode": "500"}],
                "Integration": {
                    "Type": "AWS",
                    "IntegrationHttpMethod": "POST",
                    "Uri": {"Fn::Sub": uri},
                    "Credentials": att("Role", "Arn"),
                    "RequestParameters": {
                        "integration.request.header.Content-Type": "method.request.header.Content-Type"
                    },
                    "IntegrationResponses": [
                        {"StatusCode": "200"},
                        {
                            "StatusCode": "400",
                            "SelectionPattern": "424",
                            "ResponseTemplates": {"application/json": unwrapped},
                        },
                        {
                            "StatusCode": "500",
                            "SelectionPattern": "4(?!24)\\d\\d",
                            "ResponseTemplates": {"application/json": "$input.path('$.Message')"},
                        },
                    ],
                },
            },
        },
        "Deployment": {
            "Type": "AWS::ApiGateway::Deployment",
            "Properties": {"RestApiId": ref("Api")},
            "DependsOn": "Method",
        },
        "Stage": {
            "Type": "AWS::ApiGateway::Stage",
            "Properties": {"RestApiId": ref("Api"), "DeploymentId": ref("Deployment"), "StageName": "v1"},
        },
    }


def call(
    cloud: Cloud, api: str, body: bytes, credentials: dict[str, str] | None = None, sign: bool = True
) -> Any:
    """Send a request to the API under its own host name, as a client of AWS would, but to our port."""
    headers = {"Host": f"{api}.execute-api.us-east-1.amazonaws.com", "Content-Type": "text/csv"}
    request = AWSRequest("POST", f"{cloud.url}/v1/predict", data=body, headers=headers)
    granted = credentials or {"AccessKeyId": "test", "SecretAccessKey": "test"}
    signer = Credentials(granted["AccessKeyId"], granted["SecretAccessKey"], granted.get("SessionToken"))
    if sign:
        SigV4Auth(signer, "execute-api", "us-east-1").add_auth(request)
    return urllib3.request("POST", f"{cloud.url}/v1/predict", body=body, headers=dict(request.headers))


def test_an_api_calls_the_endpoint_with_its_own_role(cloud: Cloud, client: Any) -> None:
    with stack(client, "api", rest_api("sagemaker:InvokeEndpoint"), Outputs=outputs(Api=ref("Api"))) as made:
        assert call(cloud, made["Api"], b"1,2\n", sign=False).status == 403
        # No such endpoint: SageMaker's own 400, by way of the template.
        answer = call(cloud, made["Api"], b"1,2\n")
        assert answer.status == 500
        assert b"flights-x" in answer.data
    with stack(
        client, "api-2", rest_api("sagemaker:DescribeEndpoint"), Outputs=outputs(Api=ref("Api"))
    ) as made:
        answer = call(cloud, made["Api"], b"1,2\n")
        assert b"not authorized to perform: sagemaker:InvokeEndpoint" in answer.data


def proxied(*, allowed: str | None) -> Json:
    """An API in front of a function, which lets in the calls of this method of the stage."""
    resources = rest_api()
    function = "${Function.Arn}/invocations"
    resources["Method"]["Properties"]["Integration"] = {
        "Type": "AWS_PROXY",
        "IntegrationHttpMethod": "POST",
        "Uri": {
            "Fn::Sub": f"arn:aws:apigateway:${{AWS::Region}}:lambda:path/2015-03-31/functions/{function}"
        },
    }
    resources["FunctionRole"] = role("lambda.amazonaws.com", allow("logs:PutLogEvents", "*"))
    resources["Function"] = {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "Runtime": "python3.11",
            "Handler": "index.handle",
            "Role": att("FunctionRole", "Arn"),
            "Code": {"ZipFile": "def handle(event, context): return {'statusCode': 200, 'body': 'heard'}"},
        },
    }
    if allowed:
        resources["Permission"] = {
            "Type": "AWS::Lambda::Permission",
            "Properties": {
                "Action": "lambda:InvokeFunction",
                "FunctionName": ref("Function"),
                "Principal": "apigateway.amazonaws.com",
                "SourceArn": {
                    "Fn::Sub": f"arn:aws:execute-api:${{AWS::Region}}:${{AWS::AccountId}}:${{Api}}/{allowed}"
                },
            },
        }
    return resources


@pytest.mark.parametrize(
    ("allowed", "status"), [("v1/*/*", 200), ("v1/POST/predict", 200), ("v2/*/*", 500), (None, 500)]
)
def test_a_function_lets_an_api_in_by_its_own_policy(
    cloud: Cloud, client: Any, allowed: str | None, status: int
) -> None:
    values = outputs(Api=ref("Api"))
    with stack(client, "proxied", proxied(allowed=allowed), Outputs=values) as made:
        assert call(cloud, made["Api"], b"x").status == status
