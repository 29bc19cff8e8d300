"""Our image behind an endpoint of the embedded AWS, and behind the API that a project has in front."""

import json
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import aws_cdk as cdk

from benchmarks.scaling import platform
from benchmarks.serving.paths import STATE
from benchmarks.serving_fuzz.carried import Door
from local import cloud
from stacks.parts.prediction_api import PredictionApi

_ENDPOINT, _STACK = "fuzz", "fuzz-api"
_CALLS_PER_MINUTE = 1_000_000
"""So many that the API throttles none: a throttled one is none of the model server's answers."""
_SPEED = 60.0
_SECONDS = 120.0


class Behind:
    """An endpoint in service; `state` is where its embedded AWS keeps what it has."""

    def __init__(self, running: platform.Platform, state: Path) -> None:
        self._running = running
        found = cloud.running(state)
        if found is None:
            raise RuntimeError("the embedded AWS ended by itself")
        self._region = found.region
        self._port = urlsplit(found.url).port or 80
        running.serve(_ENDPOINT, _CALLS_PER_MINUTE, 1, (60, 60))

    def endpoint(self) -> Door:
        """InvokeEndpoint."""
        path = f"/endpoints/{_ENDPOINT}/invocations"
        return Door(self._port, path, f"127.0.0.1:{self._port}", "sagemaker", self._region)

    def api(self) -> Door:
        """POST /predict, of the stack's own template."""
        app = cdk.App()
        synthesizer = cdk.DefaultStackSynthesizer(generate_bootstrap_version_rule=False)
        stack = cdk.Stack(app, _STACK, synthesizer=synthesizer)
        api = PredictionApi(stack, "Predictions", name=_ENDPOINT, calls_per_minute=_CALLS_PER_MINUTE)
        cdk.CfnOutput(stack, "Id", value=api.api.rest_api_id)
        template = app.synth().get_stack_by_name(_STACK).template
        formation = self._running.client("cloudformation")
        formation.create_stack(
            StackName=_STACK, TemplateBody=json.dumps(template), Capabilities=["CAPABILITY_IAM"]
        )
        formation.get_waiter("stack_create_complete").wait(
            StackName=_STACK, WaiterConfig={"Delay": 1, "MaxAttempts": round(_SECONDS)}
        )
        [output] = formation.describe_stacks(StackName=_STACK)["Stacks"][0]["Outputs"]
        host = f"{output['OutputValue']}.execute-api.{self._region}.amazonaws.com"
        return Door(self._port, "/v1/predict", host, "execute-api", self._region)

    def served(self, archives: Mapping[str, bytes]) -> list[str]:
        """Those of the archives that an endpoint came into service with."""
        sagemaker, s3 = self._running.client("sagemaker"), self._running.client("s3")
        [model] = sagemaker.list_models()["Models"]
        described = sagemaker.describe_model(ModelName=model["ModelName"])
        container = described["PrimaryContainer"]
        # The one that the model's role may read.
        bucket = urlsplit(container["ModelDataUrl"]).netloc
        names = {f"archive-{number}": name for number, name in enumerate(archives)}
        for endpoint, name in names.items():
            s3.put_object(Bucket=bucket, Key=f"{endpoint}.tar.gz", Body=archives[name])
            sagemaker.create_model(
                ModelName=endpoint,
                ExecutionRoleArn=described["ExecutionRoleArn"],
                PrimaryContainer={
                    "Image": container["Image"],
                    "ModelDataUrl": f"s3://{bucket}/{endpoint}.tar.gz",
                },
            )
            variant = {"VariantName": "primary", "ModelName": endpoint, "InstanceType": "ml.c5.large"}
            sagemaker.create_endpoint_config(
                EndpointConfigName=endpoint, ProductionVariants=[variant | {"InitialInstanceCount": 1}]
            )
            sagemaker.create_endpoint(EndpointName=endpoint, EndpointConfigName=endpoint)
        missed = []
        for endpoint, name in names.items():
            deadline = time.monotonic() + _SECONDS
            while (found := sagemaker.describe_endpoint(EndpointName=endpoint))[
                "EndpointStatus"
            ] == "Creating":
                if time.monotonic() > deadline:
                    break
                time.sleep(0.05)
            if found["EndpointStatus"] != "Failed":
                missed.append(f"the endpoint: {name} is {found['EndpointStatus']}")
            sagemaker.delete_endpoint(EndpointName=endpoint)
        return missed


@contextmanager
def behind(model: Path) -> Iterator[Behind]:
    """The model of a directory behind an endpoint, until the end of the block."""
    state = STATE / "aws"
    cloud.stop(state)
    shutil.rmtree(state, ignore_errors=True)
    with platform.running(state, model, _SPEED) as running:
        yield Behind(running, state)
