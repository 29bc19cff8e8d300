"""The commands of Docker that the CDK uses, for machines without Docker.

Images are built by following the Dockerfile as far as that needs no container, and are published to the
embedded AWS only. The CDK's calls are in cdk-assets-lib (lib/private/docker.ts).
"""

import argparse
import fnmatch
import json
import os
import platform
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from local.images import BuildError, ImageStore, UnknownImage
from local.images.build import build
from local.images.store import MANIFEST_TYPE, Record

_CHECKOUT = Path(__file__).resolve().parents[1]
_REGISTRY = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.[^/]+/(?P<repository>[^:@]+)(?::(?P<tag>[^:@]+))?"
)


class Refusal(Exception):
    """The command can't be done; the text is one sentence."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0, 1 for a failure, 125 for a command that isn't known."""
    options = _parser().parse_args(arguments)
    store = ImageStore(Path(os.environ.get("SAGELOOP_IMAGES") or _CHECKOUT / ".sageloop/images"))
    try:
        return int(options.run(store, options) or 0)
    except (BuildError, UnknownImage, Refusal) as problem:
        print(f"ERROR: {problem}", file=sys.stderr)
    except ClientError as problem:
        print(f"ERROR: AWS refused: {problem.response['Error'].get('Message') or problem}", file=sys.stderr)
    except BotoCoreError as problem:
        print(f"ERROR: The embedded AWS could not be asked: {problem}", file=sys.stderr)
    return 1


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        known = "build, tag, login, push, inspect and images"
        print(f"ERROR: This stand-in for Docker only knows {known}: {message}.", file=sys.stderr)
        sys.exit(125)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="docker", description=__doc__)
    parser.add_argument("--config", help="accepted and not needed")
    parser.add_argument("--version", action="version", version="Docker version 0.0.0, build sageloop")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_build(commands.add_parser("build", help="build an image from a Dockerfile"))
    tag = commands.add_parser("tag", help="give an image another name")
    tag.add_argument("source")
    tag.add_argument("target")
    tag.set_defaults(run=_tag)
    login = commands.add_parser(
        "login", help="accepted: the embedded AWS knows its callers by their credentials"
    )
    login.add_argument("--username", "-u", required=True)
    login.add_argument("--password-stdin", action="store_true", required=True)
    login.add_argument("server", nargs="?")
    login.set_defaults(run=lambda *_: _login())
    push = commands.add_parser("push", help="publish an image in the embedded AWS")
    push.add_argument("name")
    push.set_defaults(run=_push)
    inspect = commands.add_parser("inspect", help="describe images")
    inspect.add_argument("--type", choices=["image"])
    inspect.add_argument("names", nargs="+")
    inspect.set_defaults(run=_inspect)
    images = commands.add_parser("images", help="list images")
    images.add_argument("--filter", action="append", default=[])
    images.add_argument("--format", default="{{.Repository}}:{{.Tag}}")
    images.set_defaults(run=_images)
    return parser


def _add_build(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--tag", "-t", action="append", default=[])
    parser.add_argument("--file", "-f", default="Dockerfile")
    parser.add_argument("--build-arg", action="append", default=[])
    parser.add_argument("--target")
    parser.add_argument("--platform")
    parser.add_argument("--quiet", "-q", action="store_true")
    # What these change is no part of an image that is built without containers.
    for name in (
        "--network",
        "--cache-from",
        "--cache-to",
        "--progress",
        "--provenance",
        "--secret",
        "--ssh",
    ):
        parser.add_argument(name, action="append")
    for name in ("--no-cache", "--pull", "--load"):
        parser.add_argument(name, action="store_true")
    parser.add_argument("directory", type=Path)
    parser.set_defaults(run=_build)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _build(store: ImageStore, options: argparse.Namespace) -> None:
    """`docker build`: the last line of standard output is the image's digest."""
    arguments = {}
    for pair in options.build_arg:
        name, equals, value = pair.partition("=")
        arguments[name] = value if equals else os.environ.get(name, "")
    record = build(
        store,
        options.directory,
        dockerfile_name=options.file,
        arguments=arguments,
        target=options.target,
        progress=(lambda _: None) if options.quiet else _say,
    )
    for tag in options.tag:
        store.tag(tag, record.digest)
    if record.warnings:
        _say(_warning(record.warnings))
    print(record.digest)


def _warning(not_followed: Sequence[str]) -> str:
    """Return one warning that names each instruction that was not followed."""
    listed = "".join(f"\n  {text}" for text in not_followed)
    return (
        "WARNING: Without Docker these instructions of the Dockerfile were not followed; programs that they "
        f"would bring are looked up on this machine:{listed}"
    )


def _tag(store: ImageStore, options: argparse.Namespace) -> None:
    store.tag(options.target, store.tagged(options.source).digest)


def _login() -> None:
    if not sys.stdin.read().strip():
        raise Refusal("The password on standard input is empty.")
    print("Login Succeeded")


def _push(store: ImageStore, options: argparse.Namespace) -> None:
    address = _REGISTRY.fullmatch(options.name)
    if not address:
        example = "000000000000.dkr.ecr.us-east-1.amazonaws.com/repository:tag"
        raise Refusal(f"{options.name} is no image of an ECR repository, such as {example}.")
    endpoint = os.environ.get("AWS_ENDPOINT_URL_ECR") or os.environ.get("AWS_ENDPOINT_URL") or ""
    if urlsplit(endpoint).hostname not in ("127.0.0.1", "localhost", "::1"):
        # The image holds no base system, so it would be broken anywhere else.
        raise Refusal(
            "AWS_ENDPOINT_URL does not name the embedded AWS, and images built without Docker run nowhere "
            "else; unset CDK_DOCKER to build with Docker."
        )
    record = store.tagged(options.name)
    tag = address["tag"] or "latest"
    print(f"The push refers to repository [{options.name.removesuffix(':' + tag)}]")
    with store.publishing(options.name, record.digest):
        _put_image(endpoint, address["region"], address["repository"], tag, record)
    print(f"{tag}: digest: {record.digest} size: {len(record.manifest)}")


def _put_image(endpoint: str, region: str, repository: str, tag: str, record: Record) -> None:
    ecr = boto3.client("ecr", region_name=region, endpoint_url=endpoint)
    try:
        ecr.put_image(
            repositoryName=repository,
            imageManifest=record.manifest,
            imageManifestMediaType=MANIFEST_TYPE,
            imageTag=tag,
            imageDigest=record.digest,
        )
    except (ecr.exceptions.ImageAlreadyExistsException, ecr.exceptions.ImageTagAlreadyExistsException):
        present = ecr.describe_images(repositoryName=repository, imageIds=[{"imageTag": tag}])["imageDetails"]
        if present[0]["imageDigest"] != record.digest:
            raise
        print(f"{tag}: Layer already exists")


def _inspect(store: ImageStore, options: argparse.Namespace) -> int:
    found, missing = [], []
    for name in options.names:
        try:
            found.append(_description(store, store.tagged(name)))
        except UnknownImage:
            missing.append(name)
    print(json.dumps(found, indent=4))
    for name in missing:
        _say(f"Error: No such object: {name}")
    return 1 if missing else 0


def _description(store: ImageStore, record: Record) -> dict[str, object]:
    return {
        "Id": record.digest,
        "RepoTags": [uri for uri, digest in store.tags() if digest == record.digest],
        "Os": "linux",
        "Architecture": {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine()),
        "Size": record.size,
        "Config": {
            "Env": [f"{name}={value}" for name, value in record.environment.items()],
            "Entrypoint": list(record.entrypoint) or None,
            "Cmd": list(record.command) or None,
            "WorkingDir": record.workdir,
        },
    }


def _images(store: ImageStore, options: argparse.Namespace) -> None:
    patterns = [value.removeprefix("reference=") for value in options.filter]
    for uri, digest in store.tags():
        if all(fnmatch.fnmatchcase(uri, pattern) for pattern in patterns):
            repository, _, tag = uri.rpartition(":")
            line = options.format
            for field, value in (
                ("Repository", repository),
                ("Tag", tag),
                ("ID", digest[7:19]),
                ("Digest", digest),
            ):
                line = line.replace(f"{{{{.{field}}}}}", value)
            print(line)


if __name__ == "__main__":
    sys.exit(main())
