"""The calls that the CDK makes of Docker, answered without Docker."""

import http.server
import io
import json
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest

from local import docker_cli
from local.images import ImageStore, UnknownImage
from tests.unit.local.images.workshop import Workshop

REPOSITORY = "000000000000.dkr.ecr.us-east-1.amazonaws.com/assets"
LOCAL = "cdkasset-0123abc"


class Docker(Protocol):
    """Runs a command in the build context; returns its exit code, standard output and standard error."""

    def __call__(self, *arguments: str) -> tuple[int, str, str]: ...


class Registry(http.server.BaseHTTPRequestHandler):
    """An ECR with one repository whose tags can't be changed."""

    images: dict[str, str]

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        operation = self.headers["X-Amz-Target"].partition(".")[2]
        if request["repositoryName"] != "assets":
            self.answer(
                400, {"__type": "RepositoryNotFoundException", "message": "There is no such repository."}
            )
        elif operation == "DescribeImages":
            tag = request["imageIds"][0]["imageTag"]
            self.answer(200, {"imageDetails": [{"imageDigest": self.images[tag]}]})
        elif request["imageTag"] in self.images:
            self.answer(
                400, {"__type": "ImageTagAlreadyExistsException", "message": "The tag can't be changed."}
            )
        else:
            self.images[request["imageTag"]] = request["imageDigest"]
            self.answer(200, {"image": {}})

    def answer(self, status: int, body: dict[str, Any]) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    Registry.images = {}
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Registry) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_address[1]}")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        yield Registry.images
        server.shutdown()


@pytest.fixture
def docker(workshop: Workshop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Docker:
    monkeypatch.setenv("SAGELOOP_IMAGES", str(workshop.store.root))
    monkeypatch.chdir(workshop.context)
    workshop.write("Dockerfile", 'FROM python:3.11-slim\nARG NAME=a\nENV NAME=$NAME\nENTRYPOINT ["serve"]')

    def run(*arguments: str) -> tuple[int, str, str]:
        try:
            code = docker_cli.main(arguments)
        except SystemExit as end:
            assert isinstance(end.code, int)
            code = end.code
        return code, *capsys.readouterr()

    return run


def test_the_cdk_s_sequence_publishes_an_image(
    docker: Docker, workshop: Workshop, registry: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    target = f"{REPOSITORY}:0123abc"
    assert docker("inspect", LOCAL)[0] == 1
    monkeypatch.setattr("sys.stdin", io.StringIO("password"))
    assert docker("login", "--username", "AWS", "--password-stdin", "host")[:2] == (0, "Login Succeeded\n")
    build = ("--build-arg", "NAME=b", "--tag", LOCAL, "--platform", "linux/amd64", ".")
    code, digest, _ = docker("--config", "/tmp/x", "build", *build)  # noqa: S108
    assert code == 0
    assert docker("inspect", LOCAL)[0] == 0
    assert docker("tag", LOCAL, target) == (0, "", "")
    with pytest.raises(UnknownImage):
        workshop.store.resolve(target)
    code, out, _ = docker("push", target)
    assert code == 0
    assert f"0123abc: digest: {digest.strip()} size: " in out
    assert registry == {"0123abc": digest.strip()}
    image = ImageStore(workshop.store.root).resolve(target)
    assert (image.digest, image.environment["NAME"], image.entrypoint) == (digest.strip(), "b", ("serve",))


def test_inspect_describes_as_docker_does(docker: Docker) -> None:
    docker("build", "--tag", LOCAL, ".")
    code, out, err = docker("inspect", LOCAL, "nothing")
    assert (code, err) == (1, "Error: No such object: nothing\n")
    (description,) = json.loads(out)
    assert description["RepoTags"] == [f"{LOCAL}:latest"]
    assert description["Config"]["Entrypoint"] == ["serve"]
    assert "NAME=a" in description["Config"]["Env"]


def test_images_are_found_by_their_tag(docker: Docker) -> None:
    docker("build", "--tag", f"{REPOSITORY}:one", "--tag", "other:two", ".")
    template = ("--format", "{{.Repository}}:{{.Tag}}")
    assert docker("images", *template, "--filter", "reference=*/*:one") == (0, f"{REPOSITORY}:one\n", "")
    assert docker("images", *template, "--filter", "reference=*/*:two") == (0, "", "")
    assert docker("images", "--format", "{{.Tag}}")[1] == "one\ntwo\n"


def test_pushing_again_is_fine_but_not_something_else(
    docker: Docker, workshop: Workshop, registry: dict[str, str]
) -> None:
    target = f"{REPOSITORY}:1"
    docker("build", "--tag", target, ".")
    assert docker("push", target)[0] == 0
    first = workshop.store.resolve(target).digest
    assert docker("push", target)[0] == 0
    docker("build", "--build-arg", "NAME=other", "--tag", target, ".")
    assert docker("push", target)[::2] == (1, "ERROR: AWS refused: The tag can't be changed.\n")
    assert workshop.store.resolve(target).digest == first


def test_what_can_not_be_pushed_is_said_in_one_sentence(
    docker: Docker, registry: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    docker("build", "--tag", LOCAL, ".")
    elsewhere = REPOSITORY.replace("assets", "elsewhere")
    docker("tag", LOCAL, elsewhere)
    docker("tag", LOCAL, REPOSITORY)
    for name, problem in (
        (LOCAL, f"{LOCAL} is no image of an ECR repository"),
        (f"{REPOSITORY}:unknown", f"No image {REPOSITORY}:unknown was built on this machine."),
        (elsewhere, "AWS refused: There is no such repository."),
    ):
        code, _, err = docker("push", name)
        assert code == 1
        assert err.startswith(f"ERROR: {problem}")
        assert err.count("\n") == 1
    for endpoint in ("", "https://ecr.us-east-1.amazonaws.com"):
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        assert "AWS_ENDPOINT_URL does not name the embedded AWS" in docker("push", REPOSITORY)[2]
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    assert "ERROR: The embedded AWS could not be asked: " in docker("push", REPOSITORY)[2]
    assert registry == {}


@pytest.mark.parametrize(
    "command", [["run", "x"], ["buildx", "ls"], [], ["build"], ["build", "--output=x", "."]]
)
def test_a_command_that_is_not_known_is_said_in_one_sentence(docker: Docker, command: list[str]) -> None:
    code, out, err = docker(*command)
    assert (code, out) == (125, "")
    assert err.startswith(
        "ERROR: This stand-in for Docker only knows build, tag, login, push, inspect and images"
    )
    assert err.count("\n") == 1


def test_one_warning_lists_all_that_was_not_followed(docker: Docker, workshop: Workshop) -> None:
    workshop.write("Dockerfile", "FROM scratch\nRUN apt-get install -y julia-of-tomorrow\nRUN make")
    code, _, err = docker("build", "--quiet", "-t", LOCAL, ".")
    assert code == 0
    assert err.count("WARNING") == 1
    assert "line 2: RUN apt-get install julia-of-tomorrow\n  line 3: RUN make\n" in err


def test_a_failing_build_is_one_sentence(docker: Docker, workshop: Workshop) -> None:
    workshop.write("Dockerfile", "FROM scratch\nCOPY ../x /")
    problem = "ERROR: COPY ../x: the path leads out of the build context.\n"
    assert docker("build", ".") == (1, "", problem)


def test_an_empty_password_is_refused(docker: Docker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert docker("login", "-u", "AWS", "--password-stdin", "host")[0] == 1


def test_the_program_that_the_cdk_calls_is_executable() -> None:
    program = Path(docker_cli.__file__).with_name("docker")
    assert program.stat().st_mode & stat.S_IXUSR
