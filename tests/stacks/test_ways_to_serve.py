"""Endpoints that queue, sleep, replace in batches, or are none: what each is in CloudFormation."""

import json
from typing import Any

import pytest

from declaration import Async, Endpoint
from pipelines.validation.steps import all_steps
from stacks.controls.template import text
from tests.stacks.synthesised import Json, Synthesised

TARGET, POLICY = (f"AWS::ApplicationAutoScaling::{kind}" for kind in ("ScalableTarget", "ScalingPolicy"))
CONFIG, ENDPOINT = (f"AWS::SageMaker::{kind}" for kind in ("EndpointConfig", "Endpoint"))


def alarm(served: Synthesised, name: str) -> Json:
    found = [a.properties for a in served.of("AWS::CloudWatch::Alarm") if a.properties["AlarmName"] == name]
    assert len(found) == 1
    return found[0]


def policies(served: Synthesised, project: str) -> dict[str, Any]:
    found = {p.properties["PolicyName"]: p for p in served.of(POLICY, f"{project}-serving")}
    return {name.removeprefix(f"{project}-"): policy for name, policy in found.items()}


def declared(served: Synthesised, project: str) -> Any:
    (found,) = [p.endpoint for p in served.projects if p.name == project]
    return found


# Calls that wait


def test_answers_lie_beside_the_requests_and_somebody_hears_of_them(served: Synthesised) -> None:
    config = served.one(CONFIG, "queued-serving").properties
    async_config = config["AsyncInferenceConfig"]
    assert async_config["ClientConfig"] == {"MaxConcurrentInvocationsPerInstance": 4}
    output = async_config["OutputConfig"]
    assert output["KmsKeyId"] == config["KmsKeyId"]
    assert text(output["S3OutputPath"]).endswith("/answers/")
    assert text(output["S3FailurePath"]).endswith("/failures/")
    topic = served.one("AWS::SNS::Topic", "queued-serving")
    assert set(output["NotificationConfig"]) == {"SuccessTopic", "ErrorTopic"}
    assert all(told == {"Ref": topic.logical_id} for told in output["NotificationConfig"].values())
    assert topic.properties["KmsMasterKeyId"]
    assert "DataCaptureConfig" not in config


def test_a_queue_is_scaled_by_what_waits_in_it(served: Synthesised) -> None:
    target = served.one(TARGET, "queued-serving").properties
    endpoint = declared(served, "queued")
    assert isinstance(endpoint, Async)
    assert (target["MinCapacity"], target["MaxCapacity"]) == (0, endpoint.maximum)
    assert target["ScalableDimension"] == "sagemaker:variant:DesiredInstanceCount"
    made = policies(served, "queued")
    tracking = made["backlog-per-instance"].properties["TargetTrackingScalingPolicyConfiguration"]
    assert tracking["TargetValue"] == endpoint.backlog
    assert tracking["CustomizedMetricSpecification"] == {
        "MetricName": "ApproximateBacklogSizePerInstance",
        "Namespace": "AWS/SageMaker",
        "Dimensions": [{"Name": "EndpointName", "Value": "queued"}],
        "Statistic": "Average",
    }


@pytest.mark.parametrize(
    ("project", "metric", "dimension", "periods", "instances"),
    [
        ("queued", "HasBacklogWithoutCapacity", "EndpointName", 2, 1),
        ("asleep", "NoCapacityInvocationFailures", "InferenceComponentName", 1, 2),
    ],
)
def test_a_step_leads_out_of_zero(
    served: Synthesised, project: str, metric: str, dimension: str, periods: int, instances: int
) -> None:
    policy = policies(served, project)["wake"]
    assert policy.properties["PolicyType"] == "StepScaling"
    step = policy.properties["StepScalingPolicyConfiguration"]
    assert step["AdjustmentType"] == "ChangeInCapacity"
    assert step["StepAdjustments"] == [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": instances}]
    wake = alarm(served, f"{project}-wake")
    assert (wake["MetricName"], wake["Threshold"]) == (metric, 1)
    assert wake["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"
    assert wake["Dimensions"] == [{"Name": dimension, "Value": project}]
    assert wake["EvaluationPeriods"] == wake["DatapointsToAlarm"] == periods
    assert wake["AlarmActions"] == [{"Ref": policy.logical_id}]


def test_what_waits_too_long_is_an_alarm_and_takes_a_model_back(served: Synthesised) -> None:
    age = alarm(served, "queued-age")
    assert (age["MetricName"], age["Threshold"]) == ("ApproximateAgeOfOldestRequest", 1_200)
    rollback = served.one(ENDPOINT, "queued-serving").properties["DeploymentConfig"][
        "AutoRollbackConfiguration"
    ]
    assert len(rollback["Alarms"]) == 2
    outputs = served.templates["queued-serving"]["Outputs"]
    assert {"AnswersTopicArn", "EndpointName"} <= set(outputs)
    assert served.of("AWS::ApiGateway::RestApi", "queued-serving") == []


# Down to zero


def test_copies_of_a_component_come_and_go_with_the_load(served: Synthesised) -> None:
    endpoint = declared(served, "asleep")
    assert isinstance(endpoint, Endpoint)
    config = served.one(CONFIG, "asleep-serving").properties
    (variant,) = config["ProductionVariants"]
    assert "ModelName" not in variant
    assert variant["ManagedInstanceScaling"] == {
        "Status": "ENABLED",
        "MinInstanceCount": 0,
        "MaxInstanceCount": endpoint.capacity.maximum,
    }
    assert config["ExecutionRoleArn"]
    assert config["EnableNetworkIsolation"] is True
    assert len(config["VpcConfig"]["Subnets"]) == 2
    assert "DeploymentConfig" not in served.one(ENDPOINT, "asleep-serving").properties

    component = served.one("AWS::SageMaker::InferenceComponent", "asleep-serving")
    assert component.body["Condition"] == "ModelApproved"
    properties = component.properties
    assert (properties["InferenceComponentName"], properties["VariantName"]) == ("asleep", "primary")
    assert properties["RuntimeConfig"] == {"CopyCount": 2}
    needs = properties["Specification"]["ComputeResourceRequirements"]
    assert needs["NumberOfCpuCoresRequired"] == 2  # all of an ml.c5.large: a copy for each instance
    rolling = properties["DeploymentConfig"]["RollingUpdatePolicy"]
    assert rolling["MaximumBatchSize"] == {"Type": "CAPACITY_PERCENT", "Value": 25}
    assert len(properties["DeploymentConfig"]["AutoRollbackConfiguration"]["Alarms"]) == 3

    target = served.one(TARGET, "asleep-serving")
    assert target.properties["ResourceId"] == "inference-component/asleep"
    assert target.properties["ScalableDimension"] == "sagemaker:inference-component:DesiredCopyCount"
    assert target.properties["MinCapacity"] == 0
    assert target.body["DependsOn"] == [component.logical_id]


def test_calls_at_once_are_tracked_where_the_declaration_says_so(served: Synthesised) -> None:
    tracking = policies(served, "asleep")["concurrency"].properties[
        "TargetTrackingScalingPolicyConfiguration"
    ]
    assert tracking["PredefinedMetricSpecification"] == {
        "PredefinedMetricType": "SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution"
    }
    # 30,000 calls a minute of 50 ms each: 500 a second, of which 25 are there at once.
    assert tracking["TargetValue"] == 25


def test_callers_of_a_component_need_not_know_of_it(served: Synthesised) -> None:
    header = "integration.request.header.X-Amzn-SageMaker-Inference-Component"

    def sent(project: str) -> Json:
        method = served.one("AWS::ApiGateway::Method", f"{project}-serving").properties
        parameters: Json = method["Integration"]["RequestParameters"]
        return parameters

    assert sent("asleep")[header] == "'asleep'"
    assert header not in sent("batches")


def test_the_alarms_of_a_component_watch_the_component(served: Synthesised) -> None:
    for suffix in ("5xx", "latency"):
        dimensions = alarm(served, f"asleep-{suffix}")["Dimensions"]
        assert dimensions == [{"Name": "InferenceComponentName", "Value": "asleep"}]


# Busy hours, batches, latency, silence


def test_the_floor_is_raised_before_the_busy_hours(served: Synthesised) -> None:
    actions = served.one(TARGET, "batches-serving").properties["ScheduledActions"]
    assert [(a["ScheduledActionName"], a["Schedule"], a["Timezone"]) for a in actions] == [
        ("busy", "cron(45 7 ? * MON,TUE,WED,THU,FRI *)", "UTC"),
        ("quiet", "cron(0 18 ? * MON,TUE,WED,THU,FRI *)", "UTC"),
    ]
    # 100,000 calls a minute at 30,000 an instance.
    assert [a["ScalableTargetAction"] for a in actions] == [
        {"MinCapacity": 4, "MaxCapacity": 8},
        {"MinCapacity": 2, "MaxCapacity": 8},
    ]
    asleep = served.one(TARGET, "asleep-serving").properties["ScheduledActions"]
    assert {a["Timezone"] for a in asleep} == {"Europe/Berlin"}
    assert asleep[1]["ScalableTargetAction"]["MinCapacity"] == 0


def test_a_fleet_is_replaced_in_batches(served: Synthesised) -> None:
    deployment = served.one(ENDPOINT, "batches-serving").properties["DeploymentConfig"]
    assert deployment["RollingUpdatePolicy"] == {
        "MaximumBatchSize": {"Type": "CAPACITY_PERCENT", "Value": 20},
        "WaitIntervalInSeconds": 60,
    }
    assert "BlueGreenUpdatePolicy" not in deployment
    assert deployment["AutoRollbackConfiguration"]["Alarms"]


def test_the_declared_latency_is_the_one_that_alarms(served: Synthesised, flights: Synthesised) -> None:
    assert alarm(served, "batches-latency")["Threshold"] == 50_000  # microseconds
    assert alarm(flights, "flights-latency")["Threshold"] == 1_000_000


def test_silence_is_calls_without_answers(flights: Synthesised) -> None:
    silent = alarm(flights, "flights-silent")
    (expression,) = [query for query in silent["Metrics"] if "Expression" in query]
    queries = {query["Id"]: query["MetricStat"] for query in silent["Metrics"] if "MetricStat" in query}
    assert {id_: stat["Metric"]["MetricName"] for id_, stat in queries.items()} == {
        "calls": "Count",
        "refused": "4XXError",
        "failed": "5XXError",
    }
    for stat in queries.values():
        assert (stat["Metric"]["Namespace"], stat["Stat"], stat["Period"]) == ("AWS/ApiGateway", "Sum", 60)
        assert stat["Metric"]["Dimensions"] == [{"Name": "ApiName", "Value": "flights"}]
    assert (silent["Threshold"], silent["EvaluationPeriods"]) == (0, 3)
    assert silent["ComparisonOperator"] == "GreaterThanThreshold"

    def breaches(calls: int | None, refused: int | None, failed: int | None) -> bool:
        """The expression itself, with the meaning that CloudWatch gives its functions."""
        names = {"calls": calls, "refused": refused, "failed": failed}
        functions = {
            "FILL": lambda value, default: default if value is None else value,
            "IF": lambda condition, yes, no: yes if condition else no,
        }
        value: float = eval(expression["Expression"], {"__builtins__": {}, **functions}, names)  # noqa: S307
        return bool(value > silent["Threshold"])

    assert not breaches(None, None, None)  # a quiet night
    assert not breaches(100, None, None)
    assert not breaches(3, 3, None)  # somebody sends garbage
    assert not breaches(100, 2, 97)  # many fail, which is another alarm
    assert breaches(100, None, 100)
    assert breaches(100, 2, 98)
    assert breaches(1, None, 1)


# No endpoint at all


def test_files_are_predicted_by_the_model_in_service(served: Synthesised) -> None:
    pipeline = served.one("AWS::SageMaker::Pipeline", "files-serving")
    assert pipeline.body["Condition"] == "ModelApproved"
    assert pipeline.properties["PipelineName"] == "files-batch"
    definition = json.loads(text(pipeline.properties["PipelineDefinition"]["PipelineDefinitionBody"]))
    assert [p["DefaultValue"] for p in definition["Parameters"]] == ["rows/"]
    (step,) = definition["Steps"]
    request = step["Arguments"]
    model = served.one("AWS::SageMaker::Model", "files-serving")
    assert model.logical_id in request["ModelName"]
    assert model.body["Condition"] == "ModelApproved"
    assert model.properties["EnableNetworkIsolation"] is True
    assert request["TransformInput"]["SplitType"] == "None"
    assert "BatchStrategy" not in request  # SageMaker takes one only where it splits
    assert request["TransformOutput"]["S3OutputPath"].endswith("/predictions")
    assert request["TransformResources"]["VolumeKmsKeyId"]
    assert served.of(ENDPOINT, "files-serving") == []
    assert served.of("AWS::ApiGateway::RestApi", "files-serving") == []


def test_each_uploaded_file_starts_a_prediction_or_the_clock_does(served: Synthesised) -> None:
    def rule(project: str) -> Json:
        found = served.of("AWS::Events::Rule", f"{project}-retraining")
        (made,) = [r.properties for r in found if r.properties["Name"] == f"{project}-batch"]
        return made

    files, nightly = rule("files"), rule("nightly")
    assert files["EventPattern"]["detail"]["object"] == {"key": [{"prefix": "rows/"}]}
    (target,) = files["Targets"]
    assert target["SageMakerPipelineParameters"] == {
        "PipelineParameterList": [{"Name": "Rows", "Value": "$.detail.object.key"}]
    }
    assert text(target["Arn"]).endswith(":pipeline/files-batch")
    assert nightly["ScheduleExpression"] == "rate(1 day)"
    assert "SageMakerPipelineParameters" not in nightly["Targets"][0]
    for made in (files, nightly):
        assert made["Targets"][0]["DeadLetterConfig"]["Arn"]
    assert alarm(served, "files-batch-failed")["MetricName"] == "ExecutionFailed"


def test_what_waits_for_a_model_is_promoted_as_an_endpoint_is(served: Synthesised) -> None:
    for project in ("files", "queued", "asleep"):
        assert list(served.templates[f"{project}-serving"]["Parameters"]) == ["ModelPackageArn"]
        names = [f.properties["FunctionName"] for f in served.of("AWS::Lambda::Function")]
        assert f"{project}-promote" in names


def test_the_users_answers_travel_with_the_data(served: Synthesised) -> None:
    body = served.one("AWS::SageMaker::Pipeline", "batches-training").properties
    definition = json.loads(text(body["PipelineDefinition"]["PipelineDefinitionBody"]))
    steps = {step.name: step.raw["Arguments"] for step in all_steps(definition)}
    prepare, train = steps["Prepare"], steps["Train"]
    arguments = prepare["AppSpecification"]["ContainerArguments"]
    assert arguments[arguments.index("--code-predict") + 1] == "answers:predict"
    assert "--code-prepare" not in arguments
    assert "code" in [given["InputName"] for given in prepare["ProcessingInputs"]]
    # So that another function is another training, whose model has it.
    assert "code" in [channel["ChannelName"] for channel in train["InputDataConfig"]]
