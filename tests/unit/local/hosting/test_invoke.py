"""InvokeEndpoint: answers, errors in AWS's form, capture, metrics, and how fast it is."""

import asyncio
import json
import math
import re
import time
from typing import Any

import pytest

from local.host import Metric
from tests.unit.local.hosting.hosting_cloud import Cloud, refused


def capture(**changes: Any) -> dict[str, Any]:
    return {
        "EnableCapture": True,
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": "s3://captured/traffic",
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"]},
        **changes,
    }


def test_an_answer_carries_what_aws_says_about_it(cloud: Cloud) -> None:
    cloud.deploy("blue")
    cloud.endpoint("blue")
    result = cloud.invoke(x_amzn_sagemaker_custom_attributes="trace=1", x_secret="stripped")
    assert (result.status, result.body) == (200, b"blue:1,2")
    headers = {name.lower(): value for name, value in result.headers.items()}
    assert headers == {
        "content-type": "text/csv",
        "x-amzn-invoked-production-variant": "primary",
        "x-amzn-sagemaker-custom-attributes": "trace=1",
    }


def test_an_error_of_the_container_is_a_model_error(cloud: Cloud) -> None:
    cloud.deploy("blue")
    cloud.endpoint("blue")
    result = cloud.invoke(body=b"bad")
    assert (result.status, result.headers["x-amzn-ErrorType"]) == (424, "ModelError")
    body = json.loads(result.body)
    assert body["OriginalStatusCode"] == 400
    assert body["OriginalMessage"] == "blue:bad"
    assert body["LogStreamArn"] == (
        "arn:aws:logs:us-east-1:000000000000:log-group:/aws/sagemaker/Endpoints/flights"
    )
    assert body["Message"].startswith('Received client error (400) from primary with message "blue:bad". See')


@pytest.mark.parametrize(
    ("endpoint", "body", "headers", "status", "said"),
    [
        ("none", b"", {}, 400, "Endpoint none of account 000000000000 not found."),
        ("flights", b"x" * (25 * 1024 * 1024 + 1), {}, 413, "larger"),
        ("flights", b"", {"x-amzn-sagemaker-target-variant": "other"}, 400, "Variant other not found"),
        ("flights", b"", {"accept": "text/csv\r\nX-Evil: 1"}, 400, "control character"),
        ("flights", b"", {"accept": "text/\u2603"}, 400, "Latin-1"),
    ],
)
def test_a_request_that_cannot_be_is_refused(
    cloud: Cloud, endpoint: str, body: bytes, headers: dict[str, str], status: int, said: str
) -> None:
    cloud.deploy("blue")
    cloud.endpoint("blue")
    result = cloud.invoke(endpoint, body, **headers)
    assert result.status == status
    assert result.headers["x-amzn-ErrorType"] == "ValidationError"
    assert said in json.loads(result.body)["Message"]


def test_a_container_that_does_not_answer_is_a_timeout(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("local.sagemaker.hosting.invoke.INVOCATION_SECONDS", 0.3)
    cloud.deploy("slow", delay=30)
    cloud.endpoint("slow")
    body = json.loads(cloud.invoke().body)
    assert body["OriginalStatusCode"] == 0
    assert "timed out" in body["OriginalMessage"]


def test_a_caller_that_goes_away_leaves_nothing_behind(cloud: Cloud) -> None:
    cloud.deploy("slow", delay=0.5)
    cloud.endpoint("slow")

    async def give_up() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await cloud.hosting.invoke("flights", {}, b"mine")

    cloud.run(give_up())
    assert cloud.invoke(body=b"yours").body == b"slow:yours"


def test_a_serverless_variant_runs_no_more_than_its_concurrency(cloud: Cloud) -> None:
    cloud.model("blue", delay=0.5)
    serverless = {"MemorySizeInMB": 1024, "MaxConcurrency": 2, "ProvisionedConcurrency": 1}
    variant = {"VariantName": "primary", "ModelName": "blue", "ServerlessConfig": serverless}
    cloud.call("CreateEndpointConfig", EndpointConfigName="blue", ProductionVariants=[variant])
    cloud.endpoint("blue")

    async def three() -> list[int]:
        calls = [cloud.hosting.invoke("flights", {}, b"") for _ in range(3)]
        return sorted(result.status for result in await asyncio.gather(*calls))

    assert cloud.run(three()) == [200, 200, 429]
    (described,) = cloud.settled()["ProductionVariants"]
    assert described["CurrentServerlessConfig"] == serverless


def test_no_more_is_warm_than_may_run(cloud: Cloud) -> None:
    cloud.model("blue")
    serverless = {"MemorySizeInMB": 1024, "MaxConcurrency": 2, "ProvisionedConcurrency": 3}
    variant = {"VariantName": "primary", "ModelName": "blue", "ServerlessConfig": serverless}
    config = {"EndpointConfigName": "blue", "ProductionVariants": [variant]}
    error = refused(lambda: cloud.call("CreateEndpointConfig", **config))
    assert "ProvisionedConcurrency 3 must be at most MaxConcurrency, which is 2." in error.message


def test_traffic_is_captured_to_s3_as_aws_does(cloud: Cloud) -> None:
    cloud.model("blue")
    cloud.config("blue", DataCaptureConfig=capture(KmsKeyId="key-1"))
    cloud.endpoint("blue")
    for number in range(5):
        cloud.invoke(body=str(number).encode(), x_amzn_sagemaker_inference_id=f"id-{number}")
    cloud.invoke(body=b"bad")

    def lines() -> list[dict[str, Any]]:
        files = [body for key, body in list(cloud.host.objects.items()) if key.startswith("captured/")]
        return [json.loads(line) for body in files for line in body.decode().splitlines()]

    cloud.until(lambda: len(lines()) == 5)
    data = {line["captureData"]["endpointInput"]["data"]: line for line in lines()}
    assert sorted(data) == ["0", "1", "2", "3", "4"]
    assert data["3"]["captureData"]["endpointOutput"]["data"] == "blue:3"
    assert data["3"]["eventMetadata"]["inferenceId"] == "id-3"
    path = r"traffic/flights/primary/\d{4}/\d\d/\d\d/\d\d/\d\d-\d\d-\d{3}-[0-9a-f-]{36}\.jsonl"
    for put in cloud.host.s3.puts:
        assert re.fullmatch(path, put["Key"])
        assert (put["ServerSideEncryption"], put["SSEKMSKeyId"]) == ("aws:kms", "key-1")
    shown = cloud.settled()["DataCaptureConfig"]
    assert shown["CaptureStatus"] == "Started"
    assert shown["CurrentSamplingPercentage"] == 100


def test_capture_that_cannot_be_written_is_in_the_log(cloud: Cloud) -> None:
    cloud.model("blue")
    cloud.config("blue", DataCaptureConfig=capture())
    cloud.endpoint("blue")
    cloud.host.denied.add("s3:PutObject")
    assert cloud.invoke().status == 200
    stream = "/aws/sagemaker/Endpoints/flights:primary/data-capture"
    cloud.until(lambda: stream in cloud.host.logs)
    assert "lost 1 requests" in cloud.host.logs[stream][0]


def test_metrics_count_what_was_invoked_and_are_zero_without_traffic(cloud: Cloud) -> None:
    cloud.deploy("blue", 2)
    cloud.endpoint("blue")
    dimensions = {"EndpointName": "flights", "VariantName": "primary"}

    def total(name: str) -> float | None:
        return cloud.host.metric("AWS/SageMaker", name, dimensions, "Sum", 0, math.inf)

    cloud.until(lambda: total("InvocationsPerInstance") == 0)
    for _ in range(10):
        cloud.invoke()
    cloud.invoke(body=b"bad")
    cloud.until(lambda: total("Invocations") == 11)
    assert total("InvocationsPerInstance") == 5.5
    assert total("Invocation4XXErrors") == 1
    assert total("Invocation5XXErrors") == 0

    def measured() -> list[Metric]:
        found = list(cloud.host.metrics)
        return [m for m in found if m.name == "ModelLatency" and m.dimensions == dimensions]

    cloud.until(lambda: sum(m.count for m in measured()) >= 11)
    latencies = measured()
    assert all(m.unit == "Microseconds" and 10 < m.value < 5e6 for m in latencies)
    assert sum(m.count for m in latencies) == 11
    assert any(m.dimensions.get("EndpointConfigName") == "blue" for m in cloud.host.metrics)


def test_many_requests_pass_in_a_second(cloud: Cloud) -> None:
    """The bound is far below what is measured, so that only a broken path fails; the figure is printed."""
    cloud.deploy("blue")
    cloud.endpoint("blue")
    requests, callers = 4000, 16

    async def caller() -> None:
        for _ in range(requests // callers):
            result = await cloud.hosting.invoke("flights", {"content-type": "text/csv"}, b"1,2,3")
            assert result.status == 200

    async def all_callers() -> None:
        await asyncio.gather(*(caller() for _ in range(callers)))

    begun = time.perf_counter()
    cloud.run(all_callers())
    print(f"{requests / (time.perf_counter() - begun):,.0f} requests/s")
