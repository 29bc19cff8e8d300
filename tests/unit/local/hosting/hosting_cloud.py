"""Hosting in a cloud in memory, with containers for real: little servers in the sandbox."""

import asyncio
import io
import json
import stat
import sys
import tarfile
import threading
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

from local import sandbox
from local.errors import ApiError
from local.images.image import Image, UnknownImage
from local.model import check_input, shape_output
from local.sagemaker.context import Context
from local.sagemaker.hosting import Hosting, InvokeResult
from local.sagemaker.operations import handlers
from local.sagemaker.store import Store
from tests.unit.local.hosting.memory_host import MemoryHost

T = TypeVar("T")
ROLE = "arn:aws:iam::000000000000:role/serving"
IMAGE = "000000000000.dkr.ecr.us-east-1.amazonaws.com/tiny:1"
PACKAGE = "arn:aws:sagemaker:us-east-1:000000000000:model-package/flights/1"

# Answers with what /opt/ml/model/behaviour.json says; echoes the body after it.
_SERVER = """
import asyncio, json, os, signal, sys
base = os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml")
behaviour = json.load(open(base + "/model/behaviour.json"))
if behaviour.get("die_at_start"):
    print("no model here", flush=True)
    sys.exit(3)

async def handle(reader, writer):
    try:
        while True:
            head = await reader.readuntil(b"\\r\\n\\r\\n")
            length = 0
            custom = b""
            for line in head.split(b"\\r\\n"):
                if line.lower().startswith(b"content-length:"):
                    length = int(line[15:])
                if line.lower().startswith(b"x-amzn-sagemaker-custom-attributes:"):
                    custom = b"X-Amzn-SageMaker-Custom-Attributes:" + line[35:] + b"\\r\\n"
            body = await reader.readexactly(length)
            if head.startswith(b"GET /ping"):
                status, answer = behaviour.get("ping", 200), b""
            else:
                if body == b"die":
                    os._exit(9)
                if behaviour.get("delay"):
                    await asyncio.sleep(behaviour["delay"])
                status, answer = behaviour.get("status", 200), behaviour["answer"].encode() + b":" + body
                if body == b"bad":
                    status = 400
            head = b"HTTP/1.1 %d X\\r\\nContent-Type: text/csv\\r\\n%bContent-Length: %d\\r\\n\\r\\n"
            writer.write(head % (status, custom, len(answer)) + answer)
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()

async def main():
    port = int(os.environ.get("SAGEMAKER_BIND_TO_PORT", "8080"))
    server = await asyncio.start_server(handle, "0.0.0.0", port)
    print("serving", behaviour["answer"], flush=True)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await stop.wait()

asyncio.run(main())
"""


class TinyImages:
    """One image, whose program `serve` is the little server above."""

    def __init__(self, root: Path) -> None:
        program = root / "opt" / "tiny" / "serve"
        program.parent.mkdir(parents=True)
        program.write_text(f"#!{sys.prefix}/bin/python -I\n{_SERVER}")
        program.chmod(program.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
        self._image = Image(
            digest="sha256:" + "0" * 64,
            files=root,
            venv=Path(sys.prefix),
            environment={"PATH": "/opt/tiny:/usr/local/bin:/usr/bin:/bin"},
        )

    def resolve(self, uri: str) -> Image:
        if uri != IMAGE:
            raise UnknownImage(f"No image {uri} was pushed.")
        return self._image


class Cloud:
    """Hosting with its store in a directory; `restart` is what a kill of the process leaves."""

    def __init__(self, root: Path, speed: float = 60.0) -> None:
        self.host = MemoryHost(root / "state", speed)
        self.images = TinyImages(root / "image")
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()
        self.pids: set[int] = set()
        self._open()

    def _open(self) -> None:
        def start(image: Image, **how: Any) -> Any:
            container = sandbox.start(image, **how)
            self.pids.add(container.pid)
            self.containers.append(container)
            behaviour = json.loads((how["ml"] / "model" / "behaviour.json").read_text())
            self.answers[container.pid] = behaviour["answer"]
            return container

        self.answers: dict[int, str] = {}
        self.containers: list[sandbox.Container] = []
        self.context = Context(self.host, self.images, start, Store(self.host.state / "sagemaker.sqlite"))
        self.hosting = Hosting(self.context)
        self._handlers = dict(handlers(self.hosting))
        self.hosting.resume()

    def restart(self) -> None:
        self._shut()
        self._open()

    def _shut(self) -> None:
        self.context.closing.set()
        self.context.store.wake()
        self.hosting.close()
        self.context.store.close()

    def close(self) -> None:
        self._shut()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        for container in self.containers:
            assert not container.alive

    def call(self, operation: str, **params: Any) -> dict[str, Any]:
        checked = check_input("sagemaker", operation, params)
        return shape_output("sagemaker", operation, self._handlers[operation](checked))

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the loop of the server and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(timeout=60)

    def invoke(self, endpoint: str = "flights", body: bytes = b"1,2", **headers: str) -> InvokeResult:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.run(self.hosting.invoke(endpoint, {"content-type": "text/csv", **named}, body))

    def model(self, name: str, **behaviour: Any) -> None:
        """Make a model whose server behaves so."""
        self.host.objects[f"models/{name}.tar.gz"] = archive({"answer": name, **behaviour})
        self.call(
            "CreateModel",
            ModelName=name,
            ExecutionRoleArn=ROLE,
            EnableNetworkIsolation=True,
            PrimaryContainer={"Image": IMAGE, "ModelDataUrl": f"s3://models/{name}.tar.gz"},
        )

    def config(self, name: str, count: int = 1, **rest: Any) -> None:
        """Make an endpoint configuration with one variant that runs the model of the same name."""
        variant = {
            "VariantName": "primary",
            "ModelName": name,
            "InstanceType": "ml.c5.large",
            "InitialInstanceCount": count,
        }
        self.call("CreateEndpointConfig", EndpointConfigName=name, ProductionVariants=[variant], **rest)

    def deploy(self, name: str, count: int = 1, **behaviour: Any) -> None:
        """Make a model and a configuration of it."""
        self.model(name, **behaviour)
        self.config(name, count)

    def endpoint(self, config: str) -> None:
        """Make the endpoint `flights` and wait until it is in service."""
        self.call("CreateEndpoint", EndpointName="flights", EndpointConfigName=config)
        described = self.settled()
        assert described["EndpointStatus"] == "InService", described

    def settled(self, name: str = "flights") -> dict[str, Any]:
        """Wait until nothing is under way; the endpoint."""
        done = ("InService", "Failed")
        self.until(lambda: self.call("DescribeEndpoint", EndpointName=name)["EndpointStatus"] in done)
        return self.call("DescribeEndpoint", EndpointName=name)

    def instances(self) -> int:
        variants = self.call("DescribeEndpoint", EndpointName="flights")["ProductionVariants"]
        return sum(variant["CurrentInstanceCount"] for variant in variants)

    def running(self) -> list[sandbox.Container]:
        return [container for container in self.containers if container.alive]

    def detail_types(self) -> list[tuple[str, str]]:
        """(detail type, endpoint status) of the events that wait to be sent."""
        return [
            (m["detail_type"], m["detail"].get("EndpointStatus", "")) for _, m in self.context.store.outbox()
        ]

    @staticmethod
    def until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "it did not happen in time"
            time.sleep(0.02)


class Load:
    """Requests without a pause from several callers, until it is stopped."""

    def __init__(self, cloud: Cloud, callers: int = 8) -> None:
        self.results: list[InvokeResult] = []
        self._cloud = cloud
        self._running = True
        self._callers = [asyncio.run_coroutine_threadsafe(self._call(), cloud.loop) for _ in range(callers)]

    async def _call(self) -> None:
        while self._running:
            self.results.append(
                await self._cloud.hosting.invoke("flights", {"content-type": "text/csv"}, b"1,2")
            )
            await asyncio.sleep(0.002)

    def flow(self) -> None:
        """Wait until every instance that there is must have answered."""
        enough = len(self.results) + 5 * len(self._callers)
        self._cloud.until(lambda: len(self.results) > enough)

    def stop(self) -> list[InvokeResult]:
        self._running = False
        for caller in self._callers:
            caller.result(timeout=30)
        return self.results


def archive(behaviour: dict[str, Any]) -> bytes:
    """A model.tar.gz."""
    data = json.dumps(behaviour).encode()
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as tar:
        member = tarfile.TarInfo("behaviour.json")
        member.size = len(data)
        tar.addfile(member, io.BytesIO(data))
    return target.getvalue()


def refused(work: Callable[[], object]) -> ApiError:
    """The error that the call ends with."""
    try:
        work()
    except ApiError as error:
        return error
    raise AssertionError("it was not refused")
