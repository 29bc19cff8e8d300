"""The rollout Shadow: what exists while a model is compared, and what promotion gets for it."""

from promote.verdict import Rules
from stacks.controls.template import text
from tests.stacks.synthesised import Synthesised

TARGET = "AWS::ApplicationAutoScaling::ScalableTarget"
CONFIG, ENDPOINT = (f"AWS::SageMaker::{kind}" for kind in ("EndpointConfig", "Endpoint"))


def test_a_shadow_exists_only_while_a_model_is_compared(served: Synthesised) -> None:
    template = served.templates["beside-serving"]
    assert list(template["Parameters"]) == ["ModelPackageArn", "ShadowModelPackageArn"]
    assert template["Parameters"]["ShadowModelPackageArn"]["Default"] == ""
    assert template["Conditions"]["ShadowApproved"] == {
        "Fn::Not": [{"Fn::Equals": [{"Ref": "ShadowModelPackageArn"}, ""]}]
    }
    models = {model.name: model for model in served.of("AWS::SageMaker::Model", "beside-serving")}
    shadow = models["ShadowModel"]
    assert shadow.body["Condition"] == "ShadowApproved"
    assert shadow.properties["Containers"] == [{"ModelPackageName": {"Ref": "ShadowModelPackageArn"}}]
    for member in ("EnableNetworkIsolation", "VpcConfig", "ExecutionRoleArn"):
        assert shadow.properties[member] == models["Model"].properties[member]
    config = served.one(CONFIG, "beside-serving").properties
    condition, (variant,), otherwise = config["ShadowProductionVariants"]["Fn::If"]
    assert (condition, otherwise) == ("ShadowApproved", {"Ref": "AWS::NoValue"})
    assert variant["VariantName"] == "shadow"
    assert variant["ModelName"] == {"Fn::GetAtt": [shadow.logical_id, "ModelName"]}
    (service,) = config["ProductionVariants"]
    assert variant["InitialVariantWeight"] == service["InitialVariantWeight"] * 0.25
    assert variant["InitialInstanceCount"] == -(-service["InitialInstanceCount"] // 4)
    for member in ("InstanceType", "RoutingConfig"):
        assert variant[member] == service[member]
    assert config["DataCaptureConfig"]["EnableCapture"] is True
    # What scales cannot be removed, and a shadow is.
    targets = [target.properties["ResourceId"] for target in served.of(TARGET, "beside-serving")]
    assert targets == ["endpoint/beside/variant/primary"]


def test_a_shadow_begins_and_ends_all_at_once_under_the_guards(served: Synthesised) -> None:
    deployment = served.one(ENDPOINT, "beside-serving").properties["DeploymentConfig"]
    assert deployment["BlueGreenUpdatePolicy"] == {
        "TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0},
        "TerminationWaitInSeconds": 300,
    }
    assert len(deployment["AutoRollbackConfiguration"]["Alarms"]) == 3


def test_promotion_is_told_what_a_shadow_must_hold_and_woken_to_look(served: Synthesised) -> None:
    found = served.of("AWS::Lambda::Function", "beside-retraining")
    (promote,) = [f.properties for f in found if f.properties["FunctionName"] == "beside-promote"]
    settings = promote["Environment"]["Variables"]
    rules = Rules.read(settings["SHADOW"])
    assert rules == Rules(900, 86_400, 500, 0.8, None, faults=0.01, milliseconds=50)
    assert settings["VARIANTS"] == "primary shadow"
    assert settings["CAPTURED_PREFIX"] == "traffic/beside/"
    uri = text(served.one(CONFIG, "beside-serving").properties["DataCaptureConfig"]["DestinationS3Uri"])
    assert uri.endswith("/traffic")
    rules_of = {r.properties["Name"]: r for r in served.of("AWS::Events::Rule", "beside-retraining")}
    assert rules_of["beside-compare"].properties["ScheduleExpression"] == "rate(5 minutes)"
    (policy,) = [
        queue.properties["PolicyDocument"]
        for queue in served.of("AWS::SQS::QueuePolicy", "beside-retraining")
        if "PromoteQueue" in str(queue.properties["Queues"])
    ]
    assert rules_of["beside-compare"].logical_id in str(policy)


def test_who_is_not_compared_has_nothing_for_it(served: Synthesised) -> None:
    for project in ("queued", "asleep", "batches"):
        assert "ShadowModelPackageArn" not in served.templates[f"{project}-serving"]["Parameters"]
        names = [r.properties["Name"] for r in served.of("AWS::Events::Rule", f"{project}-retraining")]
        assert f"{project}-compare" not in names
        for function in served.of("AWS::Lambda::Function", f"{project}-retraining"):
            assert "SHADOW" not in function.properties["Environment"]["Variables"]
