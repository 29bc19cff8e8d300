"""Asynchronous endpoints: queued on disk, answered to S3, told of over SNS, scaled to nothing and back."""

import json
import time
from typing import Any

import pytest

from local.sagemaker.hosting import InvokeResult
from local.sagemaker.hosting.backlog import Backlog
from tests.unit.local.hosting.hosting_cloud import Cloud, refused

SUCCESS = "arn:aws:sns:us-east-1:000000000000:good"
ERROR = "arn:aws:sns:us-east-1:000000000000:bad"


class MemorySns:
    def __init__(self) -> None:
        self.messages: list[tuple[str, dict[str, Any]]] = []

    def publish(self, *, TopicArn: str, Message: str) -> None:
        self.messages.append((TopicArn, json.loads(Message)))

    def of(self, topic: str) -> list[dict[str, Any]]:
        return [message for arn, message in self.messages if arn == topic]


@pytest.fixture
def sns(cloud: Cloud) -> MemorySns:
    sns = MemorySns()
    cloud.host.services["sns"] = sns
    return sns


def deploy(cloud: Cloud, concurrency: int = 2, **behaviour: Any) -> None:
    cloud.model("blue", **behaviour)
    notices = {
        "SuccessTopic": SUCCESS,
        "ErrorTopic": ERROR,
        "IncludeInferenceResponseIn": ["SUCCESS_NOTIFICATION_TOPIC"],
    }
    output = {
        "S3OutputPath": "s3://answers/out/",
        "S3FailurePath": "s3://answers/failed",
        "NotificationConfig": notices,
    }
    cloud.config(
        "blue",
        AsyncInferenceConfig={
            "ClientConfig": {"MaxConcurrentInvocationsPerInstance": concurrency},
            "OutputConfig": output,
        },
    )
    cloud.endpoint("blue")


def ask(cloud: Cloud, payload: bytes = b"1,2", **headers: str) -> InvokeResult:
    cloud.host.objects["questions/one.csv"] = payload
    named = {f"X-Amzn-SageMaker-{name.replace('_', '-')}": value for name, value in headers.items()}
    asked = {"X-Amzn-SageMaker-InputLocation": "s3://questions/one.csv", **named}
    return cloud.hosting.invoke_async("flights", asked, b"")


def place(result: InvokeResult, kind: str = "Output") -> str:
    assert result.status == 202, result.body
    return result.headers[f"X-Amzn-SageMaker-{kind}Location"].removeprefix("s3://")


def resize(cloud: Cloud, count: int) -> None:
    cloud.call(
        "UpdateEndpointWeightsAndCapacities",
        EndpointName="flights",
        DesiredWeightsAndCapacities=[{"VariantName": "primary", "DesiredInstanceCount": count}],
    )
    assert cloud.settled()["ProductionVariants"][0]["DesiredInstanceCount"] == count


def newest(cloud: Cloud, name: str) -> float | None:
    values = [m.value for m in list(cloud.host.metrics) if m.name == name]
    return values[-1] if values else None


def test_an_answer_goes_to_s3_and_a_notice_to_the_topic(cloud: Cloud, sns: MemorySns) -> None:
    deploy(cloud)
    result = ask(cloud, Content_Type="text/csv", Inference_Id="mine", Custom_Attributes="a=1")
    assert json.loads(result.body) == {"InferenceId": "mine"}
    key = place(result)
    assert key.startswith("answers/out/")
    assert key.endswith(".out")
    cloud.until(lambda: bool(sns.of(SUCCESS)))
    assert cloud.host.objects[key] == b"blue:1,2"
    [message] = sns.of(SUCCESS)
    assert message["invocationStatus"] == "Completed"
    assert message["requestParameters"] == {
        "contentType": "text/csv",
        "customAttributes": "a=1",
        "endpointName": "flights",
        "inputLocation": "s3://questions/one.csv",
    }
    assert message["responseParameters"] == {"contentType": "text/csv", "outputLocation": f"s3://{key}"}
    assert message["responseBody"] == {"content": "Ymx1ZToxLDI=", "encoding": "BASE64"}
    assert (message["inferenceId"], message["eventSource"], message["eventName"]) == (
        "mine",
        "aws:sagemaker",
        "InferenceResult",
    )
    assert sns.of(ERROR) == []
    described = cloud.call("DescribeEndpoint", EndpointName="flights")["AsyncInferenceConfig"]
    assert described["OutputConfig"]["NotificationConfig"]["SuccessTopic"] == SUCCESS


def test_a_payload_can_come_with_the_request_and_the_answer_can_be_named(
    cloud: Cloud, sns: MemorySns
) -> None:
    deploy(cloud)
    named = {"X-Amzn-SageMaker-Filename": "a.csv", "X-Amzn-SageMaker-S3OutputPathExtension": "day/one"}
    result = cloud.hosting.invoke_async("flights", named, b"3,4")
    assert place(result) == "answers/out/day/one/a.csv"
    cloud.until(lambda: cloud.host.objects.get("answers/out/day/one/a.csv") == b"blue:3,4")


@pytest.mark.parametrize(("behaviour", "status"), [({}, 400), ({"status": 500}, 500)])
def test_what_the_model_refuses_is_kept_and_told(
    cloud: Cloud, sns: MemorySns, behaviour: dict[str, Any], status: int
) -> None:
    deploy(cloud, **behaviour)
    result = ask(cloud, b"bad" if status == 400 else b"1")
    cloud.until(lambda: bool(sns.of(ERROR)))
    key = place(result, "Failure")
    assert key.endswith("-error.out")
    assert cloud.host.objects[key].startswith(b"blue:")
    [message] = sns.of(ERROR)
    assert message["invocationStatus"] == "Failed"
    assert f"({status}) from model" in message["failureReason"]
    assert place(result) not in cloud.host.objects
    cloud.until(lambda: newest(cloud, "InvocationFailures") == 1)
    assert newest(cloud, "Invocations") is None


def test_a_payload_that_is_not_there_is_a_failure(cloud: Cloud, sns: MemorySns) -> None:
    deploy(cloud)
    missing = {"X-Amzn-SageMaker-InputLocation": "s3://questions/none.csv"}
    assert cloud.hosting.invoke_async("flights", missing, b"").status == 202
    cloud.until(lambda: bool(sns.of(ERROR)))
    assert "s3://questions/none.csv" in sns.of(ERROR)[0]["failureReason"]
    assert "responseParameters" not in sns.of(ERROR)[0]


def test_an_endpoint_without_instances_queues_and_says_so(cloud: Cloud, sns: MemorySns) -> None:
    deploy(cloud)
    resize(cloud, 0)
    cloud.until(lambda: not cloud.running())
    keys = [place(ask(cloud)) for _ in range(3)]
    cloud.until(lambda: newest(cloud, "HasBacklogWithoutCapacity") == 1)
    assert newest(cloud, "ApproximateBacklogSize") == 3
    assert newest(cloud, "ApproximateBacklogSizePerInstance") == 3
    gauge = next(m for m in cloud.host.metrics if m.name == "ApproximateBacklogSize")
    assert gauge.dimensions == {"EndpointName": "flights"}
    resize(cloud, 1)
    cloud.until(lambda: all(key in cloud.host.objects for key in keys))
    cloud.until(lambda: newest(cloud, "ApproximateBacklogSize") == 0)
    assert newest(cloud, "HasBacklogWithoutCapacity") == 0


@pytest.mark.parametrize(
    "policy",
    [
        {"RollingUpdatePolicy": {"WaitIntervalInSeconds": 0}},
        {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE"}}},
    ],
)
def test_a_fleet_without_instances_can_be_updated(
    cloud: Cloud, sns: MemorySns, policy: dict[str, Any]
) -> None:
    deploy(cloud)
    resize(cloud, 0)
    if rolling := policy.get("RollingUpdatePolicy"):
        rolling["MaximumBatchSize"] = {"Type": "INSTANCE_COUNT", "Value": 1}
    else:
        policy["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]["WaitIntervalInSeconds"] = 0
    cloud.model("green")
    output = {"OutputConfig": {"S3OutputPath": "s3://answers/green"}}
    cloud.config("green", AsyncInferenceConfig=output)
    cloud.call(
        "UpdateEndpoint",
        EndpointName="flights",
        EndpointConfigName="green",
        RetainAllVariantProperties=True,
        DeploymentConfig=policy,
    )
    assert cloud.settled()["EndpointConfigName"] == "green"
    assert cloud.instances() == 0
    key = place(ask(cloud))
    resize(cloud, 1)
    cloud.until(lambda: cloud.host.objects.get(key) == b"green:1,2")


def test_no_more_requests_at_a_time_than_the_configuration_allows(cloud: Cloud, sns: MemorySns) -> None:
    deploy(cloud, concurrency=1, delay=0.3)
    begun = time.monotonic()
    keys = [place(ask(cloud)) for _ in range(4)]
    cloud.until(lambda: all(key in cloud.host.objects for key in keys))
    assert time.monotonic() - begun >= 4 * 0.3


def test_the_queue_outlives_the_process(cloud: Cloud, sns: MemorySns) -> None:
    deploy(cloud, concurrency=2, delay=0.5)
    keys = [place(ask(cloud)) for _ in range(4)]
    assert not any(key in cloud.host.objects for key in keys)
    cloud.restart()
    cloud.until(lambda: all(key in cloud.host.objects for key in keys))
    cloud.until(lambda: len({message["inferenceId"] for message in sns.of(SUCCESS)}) == 4)


def test_a_request_whose_instance_dies_is_tried_again_and_then_failed(cloud: Cloud, sns: MemorySns) -> None:
    deploy(cloud)
    ask(cloud, b"die")
    cloud.until(lambda: bool(sns.of(ERROR)), 60)
    assert sum(not container.alive for container in cloud.containers) == 3, "three instances tried it"
    assert "ended before it had answered" in sns.of(ERROR)[0]["failureReason"]
    after = place(ask(cloud))
    cloud.until(lambda: after in cloud.host.objects)


def test_a_request_that_waits_too_long_expires(cloud: Cloud, sns: MemorySns) -> None:
    deploy(cloud)
    resize(cloud, 0)
    key = place(ask(cloud, RequestTTLSeconds="60"))
    cloud.until(lambda: bool(sns.of(ERROR)))
    assert "RequestTTLSeconds" in sns.of(ERROR)[0]["failureReason"]
    cloud.until(lambda: newest(cloud, "ExpiredRequests") == 1)
    resize(cloud, 1)
    assert key not in cloud.host.objects


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({"RequestTTLSeconds": "59"}, "requestTTLSeconds"),
        ({"RequestTTLSeconds": "soon"}, "RequestTTLSeconds"),
        ({"InvocationTimeoutSeconds": "3601"}, "invocationTimeoutSeconds"),
        ({"InputLocation": "file:///etc/passwd"}, "inputLocation"),
        ({"Accept": "a\tb"}, "control character"),
    ],
)
def test_a_request_that_aws_refuses_is_refused(cloud: Cloud, headers: dict[str, str], said: str) -> None:
    deploy(cloud)
    result = ask(cloud, b"1", **headers)
    assert (result.status, result.headers["x-amzn-ErrorType"]) == (400, "ValidationError")
    assert said in json.loads(result.body)["Message"]


def test_the_two_kinds_of_endpoint_do_not_mix(cloud: Cloud) -> None:
    deploy(cloud)
    result = cloud.invoke()
    assert (result.status, result.headers["x-amzn-ErrorType"]) == (400, "ValidationError")
    assert b"InvokeEndpointAsync" in result.body
    cloud.deploy("green")
    cloud.call("CreateEndpoint", EndpointName="other", EndpointConfigName="green")
    cloud.settled("other")
    where = {"X-Amzn-SageMaker-InputLocation": "s3://questions/one.csv"}
    assert b"AsyncInferenceConfig" in cloud.hosting.invoke_async("other", where, b"").body
    assert b"not found" in cloud.hosting.invoke_async("none", where, b"").body
    assert cloud.hosting.invoke_async("flights", {}, b"").status == 400
    assert cloud.hosting.invoke_async("flights", where, b"1").status == 400
    zero = [{"VariantName": "primary", "DesiredInstanceCount": 0}]
    refusal = refused(
        lambda: cloud.call(
            "UpdateEndpointWeightsAndCapacities", EndpointName="other", DesiredWeightsAndCapacities=zero
        )
    )
    assert "not asynchronous" in refusal.message


def test_a_deleted_endpoint_leaves_no_queue(cloud: Cloud, sns: MemorySns) -> None:
    deploy(cloud)
    resize(cloud, 0)
    ask(cloud)
    cloud.call("DeleteEndpoint", EndpointName="flights")
    cloud.until(lambda: cloud.call("ListEndpoints")["Endpoints"] == [])
    cloud.restart()
    queue = Backlog(cloud.host.state / "async.sqlite")
    assert queue.size("flights") == 0
    queue.close()


@pytest.mark.parametrize(
    "rest",
    [
        {"AsyncInferenceConfig": {"OutputConfig": {}}},
        {
            "AsyncInferenceConfig": {"OutputConfig": {"S3OutputPath": "s3://a"}},
            "ProductionVariants": [
                {
                    "VariantName": "primary",
                    "ModelName": "blue",
                    "ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1},
                }
            ],
        },
    ],
)
def test_a_configuration_that_cannot_be_is_refused(cloud: Cloud, rest: dict[str, Any]) -> None:
    cloud.model("blue")
    variant = {
        "VariantName": "primary",
        "ModelName": "blue",
        "InstanceType": "ml.c5.large",
        "InitialInstanceCount": 1,
    }
    asked = {"ProductionVariants": [variant], **rest}
    assert refused(lambda: cloud.call("CreateEndpointConfig", EndpointConfigName="blue", **asked))
