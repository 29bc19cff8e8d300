"""The instances behind the endpoint under test: watched, or one of their own for the time of a test."""

import contextlib
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from cli import output
from cli.errors import CommandError
from cli.loadtest.samples import Seen

if TYPE_CHECKING:
    import boto3

LOOK_SECONDS = 2.0
# Two instances of an endpoint take minutes to start on AWS, rarely more than ten.
START_SECONDS = 1_800


@contextlib.contextmanager
def watched(session: "boto3.Session", endpoint: str, every: float = LOOK_SECONDS) -> Iterator[list[Seen]]:
    """The instances in service, looked at every so many seconds while the block runs."""
    from botocore.exceptions import BotoCoreError, ClientError

    seen: list[Seen] = []
    sagemaker, ended = session.client("sagemaker"), threading.Event()

    def look() -> None:
        with contextlib.suppress(BotoCoreError, ClientError):
            # A look that fails leaves a gap in the chart, and the test goes on.
            count = instances(sagemaker.describe_endpoint(EndpointName=endpoint))
            seen.append(Seen(time.time(), count))

    def go_on() -> None:
        while not ended.wait(every):
            look()

    look()
    thread = threading.Thread(target=go_on, name="instances", daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        ended.set()
        thread.join(timeout=10)


def instances(described: Any) -> int:
    """The instances in service of an endpoint, as DescribeEndpoint has them."""
    return sum(variant.get("CurrentInstanceCount", 0) for variant in described.get("ProductionVariants", []))


def served_on(session: "boto3.Session", endpoint: str) -> dict[str, Any]:
    """The variant that an endpoint serves; raises CommandError for one without instances of its own."""
    sagemaker = session.client("sagemaker")
    config = sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointConfigName"]
    described = sagemaker.describe_endpoint_config(EndpointConfigName=config)
    variant = dict(described["ProductionVariants"][0])
    if "InstanceType" not in variant or "ModelName" not in variant:
        raise CommandError(
            f"Endpoint {endpoint} has no instances of its own: it is serverless or made of components."
        )
    return {**variant, "KmsKeyId": described.get("KmsKeyId")}


@contextlib.contextmanager
def one_instance(session: "boto3.Session", endpoint: str, instance: str | None) -> Iterator[str]:
    """An endpoint of its own with the same model on ONE instance, deleted afterwards; gives its name.

    So the test can break it, and nobody else calls it. Its name is always the same one, for which the model's
    role may write logs. Raises CommandError when it does not start, or another load test goes on.
    """
    sagemaker = session.client("sagemaker")
    variant = served_on(session, endpoint)
    name = f"{endpoint}-loadtest"
    _refuse_a_second(sagemaker, name)
    config: dict[str, Any] = {
        "EndpointConfigName": name,
        "ProductionVariants": [
            {
                "VariantName": variant["VariantName"],
                "ModelName": variant["ModelName"],
                "InstanceType": instance or variant["InstanceType"],
                "InitialInstanceCount": 1,
                "InitialVariantWeight": 1.0,
            }
        ],
    }
    if variant["KmsKeyId"]:
        config["KmsKeyId"] = variant["KmsKeyId"]
    _delete_config(sagemaker, name)
    sagemaker.create_endpoint_config(**config)
    try:
        sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
        try:
            _wait(sagemaker, name)
            yield name
        finally:
            sagemaker.delete_endpoint(EndpointName=name)
    finally:
        _delete_config(sagemaker, name)


def _delete_config(sagemaker: Any, name: str) -> None:
    """Delete a configuration, which a test that was cut off may have left."""
    try:
        sagemaker.delete_endpoint_config(EndpointConfigName=name)
    except sagemaker.exceptions.ClientError as error:
        if "Could not find" not in error.response["Error"]["Message"]:
            raise


def _refuse_a_second(sagemaker: Any, name: str) -> None:
    listed = sagemaker.list_endpoints(NameContains=name, MaxResults=100)["Endpoints"]
    if any(each["EndpointName"] == name for each in listed):
        raise CommandError(
            f"Endpoint {name} is there already: another load test goes on, or one was cut off, and then "
            f"`aws sagemaker delete-endpoint --endpoint-name {name}` ends what it costs."
        )


def _wait(sagemaker: Any, name: str) -> None:
    end = time.monotonic() + START_SECONDS
    with output.messages.status(f"Starting one instance as endpoint {name} ..."):
        while (found := sagemaker.describe_endpoint(EndpointName=name))["EndpointStatus"] == "Creating":
            if time.monotonic() > end:
                raise CommandError(
                    f"Endpoint {name} was not in service within {START_SECONDS // 60} minutes."
                )
            time.sleep(1)
    if found["EndpointStatus"] != "InService":
        reason = found.get("FailureReason", found["EndpointStatus"])
        raise CommandError(f"Endpoint {name} with one instance did not start: {reason}")
