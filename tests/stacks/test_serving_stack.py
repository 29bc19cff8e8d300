"""The endpoint, which exists once a model is approved, and its API."""

from declaration import Endpoint
from tests.stacks.synthesised import Synthesised

SERVED = [
    "AWS::SageMaker::Model",
    "AWS::SageMaker::EndpointConfig",
    "AWS::SageMaker::Endpoint",
    "AWS::ApplicationAutoScaling::ScalableTarget",
    "AWS::ApplicationAutoScaling::ScalingPolicy",
]


def test_without_an_approved_model_there_is_no_endpoint(flights: Synthesised) -> None:
    template = flights.templates["flights-serving"]
    assert list(template["Parameters"]) == ["ModelPackageArn"]  # no bootstrap version either
    assert template["Parameters"]["ModelPackageArn"]["Default"] == ""
    assert template["Conditions"] == {
        "ModelApproved": {"Fn::Not": [{"Fn::Equals": [{"Ref": "ModelPackageArn"}, ""]}]}
    }
    assert [flights.one(type_).body["Condition"] for type_ in SERVED] == ["ModelApproved"] * 5


def test_the_model_is_the_approved_package(flights: Synthesised) -> None:
    model = flights.one("AWS::SageMaker::Model").properties
    assert model["Containers"] == [{"ModelPackageName": {"Ref": "ModelPackageArn"}}]
    assert len(model["VpcConfig"]["Subnets"]) == 2


def test_what_is_replaced_has_no_name_and_the_variant_always_the_same(flights: Synthesised) -> None:
    assert "ModelName" not in flights.one("AWS::SageMaker::Model").properties
    config = flights.one("AWS::SageMaker::EndpointConfig").properties
    assert "EndpointConfigName" not in config
    assert [variant["VariantName"] for variant in config["ProductionVariants"]] == ["primary"]


def test_a_deployment_keeps_scaled_capacity_and_is_rolled_back_by_alarms(flights: Synthesised) -> None:
    endpoint = flights.one("AWS::SageMaker::Endpoint").properties
    assert endpoint["RetainAllVariantProperties"] is True
    policy = endpoint["DeploymentConfig"]["BlueGreenUpdatePolicy"]
    assert policy["TrafficRoutingConfiguration"] == {
        "Type": "CANARY",
        "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 10},
        "WaitIntervalInSeconds": 300,
    }
    named = [
        alarm["AlarmName"] for alarm in endpoint["DeploymentConfig"]["AutoRollbackConfiguration"]["Alarms"]
    ]
    alarms = {a.logical_id: a for a in flights.of("AWS::CloudWatch::Alarm", "flights-serving")}
    # A reference: CloudFormation makes the alarm first.
    guards = [alarms[name["Ref"]].properties for name in named]
    assert [guard["AlarmName"] for guard in guards] == ["flights-5xx", "flights-latency", "flights-silent"]
    assert [guard["TreatMissingData"] for guard in guards] == ["notBreaching"] * 3


def test_faults_of_clients_roll_nothing_back(flights: Synthesised) -> None:
    watched = {alarm.properties.get("MetricName") for alarm in flights.of("AWS::CloudWatch::Alarm")}
    assert not watched & {"Invocation4XXErrors", "InvocationModelErrors"}


def test_the_endpoint_scales_as_declared(flights: Synthesised) -> None:
    target = flights.one("AWS::ApplicationAutoScaling::ScalableTarget")
    assert target.properties["ResourceId"] == "endpoint/flights/variant/primary"
    endpoint = flights.projects[0].endpoint
    assert isinstance(endpoint, Endpoint)
    capacity = endpoint.capacity_by(flights.projects[0].measured)
    assert target.properties["MinCapacity"] == capacity.minimum
    assert target.properties["MaxCapacity"] == capacity.maximum
    (variant,) = flights.one("AWS::SageMaker::EndpointConfig").properties["ProductionVariants"]
    assert variant["InitialInstanceCount"] == capacity.initial
    # So that deleting the stack deregisters the target before the endpoint goes.
    assert target.body["DependsOn"] == [flights.one("AWS::SageMaker::Endpoint").logical_id]
    policy = flights.one("AWS::ApplicationAutoScaling::ScalingPolicy").properties
    tracking = policy["TargetTrackingScalingPolicyConfiguration"]
    assert tracking["TargetValue"] == capacity.target
    assert tracking["ScaleInCooldown"] >= tracking["ScaleOutCooldown"]


def test_traffic_is_captured_readably_and_encrypted(flights: Synthesised) -> None:
    config = flights.one("AWS::SageMaker::EndpointConfig").properties
    capture = config["DataCaptureConfig"]
    assert capture["InitialSamplingPercentage"] == 100
    assert capture["CaptureOptions"] == [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}]
    assert capture["KmsKeyId"] == config["KmsKeyId"]


def test_a_fixed_fleet_neither_scales_nor_captures(several: Synthesised) -> None:
    assert several.of("AWS::ApplicationAutoScaling::ScalableTarget") == []
    config = several.one("AWS::SageMaker::EndpointConfig", "prices-serving")
    assert "DataCaptureConfig" not in config.properties
    assert config.body["Metadata"]["sageloop:acknowledged"] == {
        "SageMaker.4": "The declaration of prices asks for one instance"
    }
    policy = several.one("AWS::SageMaker::Endpoint", "prices-serving").properties["DeploymentConfig"]
    assert policy["BlueGreenUpdatePolicy"] == {
        "TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0},
        "TerminationWaitInSeconds": 600,
    }


def test_serverless_says_only_what_serverless_can(several: Synthesised) -> None:
    (variant,) = several.one("AWS::SageMaker::EndpointConfig", "churn-serving").properties[
        "ProductionVariants"
    ]
    assert variant["ServerlessConfig"] == {"MaxConcurrency": 200, "MemorySizeInMB": 2048}
    assert not variant.keys() & {"InstanceType", "InitialInstanceCount", "RoutingConfig"}
    assert "VpcConfig" not in several.one("AWS::SageMaker::Model", "churn-serving").properties
    endpoint = several.one("AWS::SageMaker::Endpoint", "churn-serving").properties
    assert endpoint.keys() == {"EndpointName", "EndpointConfigName"}


def test_a_project_without_endpoint_has_no_serving(several: Synthesised) -> None:
    assert "bare-serving" not in several.templates
    functions = several.of("AWS::Lambda::Function", "bare-retraining")
    assert {f.properties["FunctionName"] for f in functions} == {"bare-retrain", "bare-tell"}


def test_only_signed_calls_reach_the_endpoint_and_no_function_is_between(flights: Synthesised) -> None:
    method = flights.one("AWS::ApiGateway::Method").properties
    assert (method["HttpMethod"], method["AuthorizationType"]) == ("POST", "AWS_IAM")
    assert method["Integration"]["Type"] == "AWS"
    uri = "".join(part for part in method["Integration"]["Uri"]["Fn::Join"][1] if isinstance(part, str))
    assert uri.endswith(":runtime.sagemaker:path/endpoints/flights/invocations")
    assert method["Integration"]["RequestParameters"] == {
        "integration.request.header.Content-Type": "method.request.header.Content-Type",
        "integration.request.header.Accept": "method.request.header.Accept",
        "integration.request.header.X-Amzn-SageMaker-Inference-Id": (
            "method.request.header.X-Amzn-SageMaker-Inference-Id"
        ),
    }


def test_the_containers_own_answer_is_unwrapped(flights: Synthesised) -> None:
    responses = flights.one("AWS::ApiGateway::Method").properties["Integration"]["IntegrationResponses"]
    (wrapped,) = [response for response in responses if response.get("SelectionPattern") == "424"]
    template = wrapped["ResponseTemplates"]["application/json"]
    assert "$context.responseOverride.status = $input.path('$.OriginalStatusCode')" in template
    assert template.endswith("$input.path('$.OriginalMessage')")


def test_what_is_no_prediction_never_looks_like_one(flights: Synthesised) -> None:
    responses = flights.one("AWS::ApiGateway::Method").properties["Integration"]["IntegrationResponses"]
    assert [r["StatusCode"] for r in responses if "SelectionPattern" not in r] == ["500"]
    assert [r["SelectionPattern"] for r in responses if r["StatusCode"] == "200"] == [r"2\d{2}"]


def test_the_api_carries_twice_the_declared_load(several: Synthesised) -> None:
    def rate(stack: str) -> int:
        (settings,) = several.one("AWS::ApiGateway::Stage", stack).properties["MethodSettings"]
        assert settings["DataTraceEnabled"] is False  # it would log what people ask
        limit: int = settings["ThrottlingRateLimit"]
        return limit

    assert rate("churn-serving") == 20
    assert rate("prices-serving") == 10  # enough to try it out
