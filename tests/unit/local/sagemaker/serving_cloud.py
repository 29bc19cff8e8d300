"""The small cloud with an image that serves: a model which answers each line with the sum of its numbers."""

import io
import json
import sys
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from local.images import Image
from local.sagemaker.service import SageMaker
from tests.unit.local.sagemaker.small_cloud import IMAGE, JOB_ROLE, DiskHost, OneImage, put, small_cloud

# Does what behaviour.json in its model says, and prints what it is asked.
_SERVER = """
import json, os, sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
base = os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml")
behaviour = json.load(open(base + "/model/behaviour.json"))
failed = set()

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def reply(self, status, body=b""):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path == "/ping":
            self.reply(behaviour.get("ping", 200))
        elif self.path == "/execution-parameters" and "execution" in behaviour:
            self.reply(200, json.dumps(behaviour["execution"]).encode())
        else:
            self.reply(404)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        lines = body.splitlines()
        print("asked", len(lines), self.headers["Content-Type"], self.headers["Accept"], flush=True)
        if "die" in body:
            os._exit(9)
        if "bad" in body:
            return self.reply(400, b"not a number")
        if "boom" in body or "flaky" in body and body not in failed:
            failed.add(body)
            return self.reply(500, b"out of order")
        time.sleep(behaviour.get("delay", 0))
        sums = [str(sum(float(x) for x in line.split(",") if x != "flaky")) for line in lines]
        self.reply(200, "\\n".join(sums[: behaviour.get("most")]).encode())

    def log_message(self, *_):
        pass

if behaviour.get("die_at_start"):
    sys.exit(3)
print({k: v for k, v in sorted(os.environ.items()) if k.startswith(("SAGEMAKER_", "MINE", "YOURS"))
       and k not in ("SAGEMAKER_BASE_DIR", "SAGEMAKER_BIND_TO_PORT")}, flush=True)
port = int(os.environ.get("SAGEMAKER_BIND_TO_PORT", "8080"))
ThreadingHTTPServer(("0.0.0.0", port), Handler).serve_forever()
"""


@dataclass
class ServingImage(OneImage):
    """The image of the small cloud, with Python in it."""

    def resolve(self, uri: str) -> Image:
        return replace(super().resolve(uri), venv=Path(sys.prefix))


class ServingHost(DiskHost):
    """A host whose log streams may be named below each other."""

    def write_log(self, group: str, stream: str, lines: Sequence[str]) -> None:
        super().write_log(group, stream.replace("/data-log", ".data-log"), lines)


def serving_cloud(state: Path) -> tuple[ServingHost, SageMaker]:
    """The cloud whose state is in that directory; not resumed yet."""
    plain, unused = small_cloud(state)
    unused.context.store.close()
    program = state / "image" / "opt" / "programs" / "serve"
    program.write_text(f"#!{sys.prefix}/bin/python -I\n{_SERVER}")
    program.chmod(0o755)
    host = ServingHost(plain.state)
    host.sagemaker = SageMaker(host, ServingImage(state / "image"))
    return host, host.sagemaker


def put_model(host: DiskHost, **behaviour: Any) -> str:
    """The URI of a model artifact that behaves so."""
    content = json.dumps(behaviour).encode()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        member = tarfile.TarInfo("behaviour.json")
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    put(host, "model.tar.gz", "", bucket="models")
    (host.state / "s3/models/model.tar.gz").write_bytes(packed.getvalue())
    return "s3://models/model.tar.gz"


def model_request(uri: Any, **members: Any) -> dict[str, Any]:
    """What CreateModel needs, but for the name."""
    container = {"Image": IMAGE, "ModelDataUrl": uri, "Environment": {"MINE": "1"}}
    return {
        "PrimaryContainer": container,
        "ExecutionRoleArn": JOB_ROLE,
        "EnableNetworkIsolation": True,
        **members,
    }


def transform_request(model: Any = "sums", uri: Any = "s3://data/in/", **members: Any) -> dict[str, Any]:
    """What CreateTransformJob needs, but for the name; lines of CSV, as many in a request as fit."""
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri}}
    return {
        "ModelName": model,
        "TransformInput": {"DataSource": source, "ContentType": "text/csv", "SplitType": "Line"},
        "TransformOutput": {"S3OutputPath": "s3://out/answers", "Accept": "text/csv", "AssembleWith": "Line"},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        **members,
    }
