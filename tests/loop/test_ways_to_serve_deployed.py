"""Every way to serve, from its declaration to its answers and to its end, as a user goes there.

The first way trains the model that all of them serve.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from examples.flights.demo.traffic import Api, SteadyTraffic
from tests.loop.deployed import until
from tests.loop.deployed_ways import TAUGHT, Ways, ways
from tests.loop.own_cloud import own_cloud

PENGUINS = ["male", "female", "female", "female", "male"]
"""The answers for the first five."""


@pytest.fixture(scope="module")
def queued(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ways]:
    """Only calls that wait in a queue."""
    directory: Path = tmp_path_factory.mktemp("ways")
    with own_cloud(directory / "aws") as cloud:
        yield ways(cloud.environment(), directory)


@pytest.fixture(scope="module")
def others(queued: Ways) -> Ways:
    """All ways."""
    queued.deploy("others")
    return queued


def test_calls_wait_in_a_queue_and_their_answers_are_told(queued: Ways) -> None:
    queued.sageloop("approve", "--project", TAUGHT)
    heard = queued.hear(queued.of(TAUGHT, "serving")["AnswersTopicArn"])
    assert queued.invoke(TAUGHT) == PENGUINS
    told = queued.heard(heard)
    assert told["invocationStatus"] == "Completed"
    assert "/answers/" in told["responseParameters"]["outputLocation"]
    refused = queued.sageloop_fails("invoke", "--project", TAUGHT, "-", typed="island\nnowhere\n")
    assert "The call failed: " in refused
    assert "species" in refused
    assert queued.heard(heard)["invocationStatus"] == "Failed"


@pytest.mark.slow
def test_an_empty_queue_needs_no_instance(queued: Ways) -> None:
    until("an end of the last instance", lambda: queued.instances(TAUGHT) == 0)
    assert queued.endpoint(TAUGHT)["instances"] == 0
    assert queued.invoke(TAUGHT, str(queued.rows.with_suffix(".parquet"))) == PENGUINS
    assert "has no API" in queued.sageloop_fails("api", "--project", TAUGHT)
    assert '"event":"ready"' in queued.sageloop("logs", "endpoint", "--project", TAUGHT)


@pytest.mark.slow
def test_clients_have_keys_and_quotas(others: Ways) -> None:
    others.give("sold")
    without = others.sageloop_fails("invoke", "--project", "sold", str(others.rows))
    assert "answered 403" in without
    assert "Set SAGELOOP_API_KEY" in without
    listed = others.client("apigateway").get_api_keys(nameQuery="sold-", includeValues=True)["items"]
    keys = {key["name"]: key["value"] for key in listed}
    try:
        others.environment["SAGELOOP_API_KEY"] = keys["sold-till"]
        assert others.invoke("sold") == others.invoke("sold") == PENGUINS
        over = others.sageloop_fails("invoke", "--project", "sold", str(others.rows))
        assert "answered 429: this API key has used up its calls of the day" in over
        others.environment["SAGELOOP_API_KEY"] = keys["sold-desk"]
        assert others.invoke("sold") == PENGUINS
        assert others.invoke("sold", str(others.rows.with_suffix(".parquet"))) == PENGUINS
        other_type = ("invoke", "--project", "sold", "-", "--content-type", "image/png")
        assert "answered 415: the Content-Type is 'image/png'" in others.sageloop_fails(
            *other_type, typed=others.row
        )
    finally:
        others.environment.pop("SAGELOOP_API_KEY", None)
    assert "POST https://" in others.sageloop("api", "--project", "sold")
    counted = others.client("cloudwatch").list_metrics(
        Namespace="AWS/ApiGateway", Dimensions=[{"Name": "ApiName", "Value": "sold"}]
    )["Metrics"]
    assert {metric["MetricName"] for metric in counted} == {
        "Count",
        "4XXError",
        "5XXError",
        "Latency",
        "IntegrationLatency",
    }


@pytest.mark.slow
def test_a_fleet_of_busy_hours_is_replaced_in_batches_under_load(others: Ways) -> None:
    others.give("busy")
    assert others.endpoint("busy")["instances"] == 4
    scaling = others.client("application-autoscaling")
    resource = {"ServiceNamespace": "sagemaker", "ResourceId": "endpoint/busy/variant/primary"}
    [policy] = scaling.describe_scaling_policies(**resource)["ScalingPolicies"]
    tracked = policy["TargetTrackingScalingPolicyConfiguration"]["PredefinedMetricSpecification"]
    assert tracked["PredefinedMetricType"] == "SageMakerVariantConcurrentRequestsPerModelHighResolution"
    actions = scaling.describe_scheduled_actions(**resource)["ScheduledActions"]
    floors = {one["ScheduledActionName"]: one["ScalableTargetAction"]["MinCapacity"] for one in actions}
    assert floors == {"busy": 4, "quiet": 2}
    before = others.sagemaker.describe_endpoint(EndpointName="busy")["EndpointConfigName"]
    api = Api(others.api_of("busy"), access_key="test", secret_key="test", region="us-east-1")
    with SteadyTraffic(api, [others.row], per_second=20) as traffic:
        others.give("busy")
    assert not traffic.failed, {(answer.status, answer.body) for answer in traffic.failed}
    assert {answer.body for answer in traffic.answers} == {b"male\n"}
    after = others.sagemaker.describe_endpoint(EndpointName="busy")
    assert after["EndpointConfigName"] != before
    assert others.endpoint("busy")["version"] == 2
    # What the alarm of silence looks at.
    until("all calls, counted", lambda: others.calls_of("busy") == len(traffic.answers))
    silent = others.client("cloudwatch").describe_alarms(AlarmNames=["busy-silent"])["MetricAlarms"]
    assert [alarm["StateValue"] for alarm in silent] == ["OK"]


@pytest.mark.slow
def test_a_call_starts_what_sleeps_and_it_falls_asleep_again(others: Ways) -> None:
    others.give("asleep")

    def sleeps() -> bool:
        return others.instances("asleep") == 0

    def awake() -> bool:
        called = others.run("invoke", "--project", "asleep", str(others.rows))
        assert called.returncode == 0 or "no capacity" in called.stderr, called.stderr
        return called.stdout.split() == PENGUINS

    until("sleep", sleeps)
    woken = others.sageloop_fails("invoke", "--project", "asleep", str(others.rows))
    assert "This call has started its instances: repeat it in some minutes." in woken
    until("an answer", awake)
    assert '"event":"ready"' in others.sageloop("logs", "endpoint", "--project", "asleep")
    until("sleep again", sleeps)
    assert "0 of 0 instances" in others.sageloop("status", "--project", "asleep")


@pytest.mark.slow
def test_files_are_predicted_without_an_endpoint(others: Ways) -> None:
    others.give("files")
    assert others.invoke("files") == PENGUINS
    assert "version 1 predicts the files below rows/" in others.sageloop("status", "--project", "files")
    assert "has no endpoint" in others.sageloop_fails("logs", "endpoint", "--project", "files")
    parquet = str(others.rows.with_suffix(".parquet"))
    assert "files of CSV alone" in others.sageloop_fails("invoke", "--project", "files", parquet)
    bad = others.sageloop_fails("invoke", "--project", "files", "-", typed="island\nnowhere\n")
    assert "The run of files-batch for " in bad


@pytest.mark.slow
def test_serverless_calls_are_warm(others: Ways) -> None:
    others.give("bare")
    assert others.invoke("bare") == PENGUINS
    found = others.endpoint("bare")
    assert (found["at_once"], found["warm"]) == (200, 1)
    assert "up to 200 calls at once, 1 of them warm" in others.sageloop("status", "--project", "bare")


@pytest.mark.slow
@pytest.mark.parametrize("project", ["sold", "busy", "asleep", "bare"])
def test_each_way_with_a_load_is_planned(others: Ways, project: str) -> None:
    app = Path(__file__).parent / "ways_to_serve" / "others.py"
    planned = others.sageloop_json("plan", "--app", str(app), "--project", project)
    assert planned["project"] == project
    assert planned["candidates"]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_nothing_is_left(others: Ways) -> None:
    for app in ("others", TAUGHT):
        done = others.destroy(app, "*-retraining", "*-serving")
        assert done.returncode == 0, done.stdout + done.stderr
    assert others.sagemaker.list_endpoints()["Endpoints"] == []
    assert others.sagemaker.list_endpoint_configs()["EndpointConfigs"] == []
    assert others.sagemaker.list_models()["Models"] == []
    assert others.sagemaker.list_inference_components()["InferenceComponents"] == []
    gateway = others.client("apigateway")
    assert gateway.get_rest_apis()["items"] == []
    assert gateway.get_api_keys()["items"] == gateway.get_usage_plans()["items"] == []
    scaling = others.client("application-autoscaling")
    assert scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"] == []
    for app in ("others", TAUGHT):

        def destroyed(app: str = app) -> bool:
            # The last requests are still written to the access logs, which then are not empty.
            others.empty()
            return others.destroy(app).returncode == 0

        until(f"the end of {app}", destroyed, seconds=600)
    stacks = others.cloudformation.describe_stacks()["Stacks"]
    assert [stack["StackName"] for stack in stacks] == ["CDKToolkit"]
    assert others.client("cloudwatch").describe_alarms()["MetricAlarms"] == []
    assert json.dumps(others.sagemaker.list_pipelines()["PipelineSummaries"]) == "[]"
