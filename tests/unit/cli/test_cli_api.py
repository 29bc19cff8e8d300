"""The description of an API, and the page that tries it: what it shows, signs and refuses."""

import json
import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
import urllib3

from cli import description, predictions, projects
from cli.commands import api as command
from cli.playground import LARGEST_BODY, Playground
from cli.predictions import MODEL_HEADER, Answer
from tests.unit.cli.conftest import SERVING

DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "Predictions of flights", "version": "0123456789ab", "description": "Predicts late."},
    "paths": {
        "/predict": {
            "post": {
                "requestBody": {
                    "content": {
                        "application/json": {
                            "examples": {
                                "objects": {"value": {"instances": [{"b": "it's", "10": 1, "2": 2}]}}
                            }
                        },
                        "text/csv": {},
                    }
                },
                "responses": {
                    "200": {"description": "One prediction for each row"},
                    "400": {"$ref": "#/components/responses/BadRequest"},
                },
            }
        }
    },
    "components": {
        "schemas": {
            "Row": {
                "properties": {
                    "b": {
                        "type": ["string", "null"],
                        "examples": ["it's", "</script>"],
                        "description": "Text",
                    },
                    "10": {"type": ["integer", "null"], "examples": [1]},
                    "2": {"type": ["number", "null"]},
                    "when": {"type": ["string", "null"], "pattern": "^[0-9]{4}$"},
                }
            }
        },
        "responses": {"BadRequest": {"description": "The message names row and column"}},
    },
}


@pytest.fixture
def described(flights: boto3.Session, register: Any) -> str:
    """A registered model with a description; its ARN."""
    flights.client("s3").create_bucket(Bucket="artifacts")
    flights.client("s3").put_object(
        Bucket="artifacts", Key="openapi.json", Body=json.dumps(DOCUMENT).encode()
    )
    arn: str = register("Approved")
    flights.client("sagemaker").update_model_package(
        ModelPackageArn=arn, CustomerMetadataProperties={"openapi": "s3://artifacts/openapi.json"}
    )
    return arn


def test_the_document_has_the_address_and_the_version(sageloop: Any, described: str) -> None:
    result = sageloop("api", "--json")
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    assert document["servers"] == [{"url": SERVING["ApiUrl"].rstrip("/")}]
    assert document["info"]["summary"] == "Version 1 of the model flights"
    assert list(document["components"]["schemas"]["Row"]["properties"]) == ["b", "10", "2", "when"]


def test_a_person_sees_columns_answers_and_a_call(sageloop: Any, described: str, serving: Any) -> None:
    assert "version 1 (not in service)" in sageloop("api").stdout
    serving(described, "UPDATE_COMPLETE", CurrentInstanceCount=1)
    shown = sageloop("api").stdout
    for words in (
        "Predictions of flights, version 1 (in service)",
        "application/json, text/csv",
        "it's, </script>",
        "date or time",
        "The message names row and column",
        "sageloop invoke - <<<",
    ):
        assert words in shown


def test_the_model_in_service_is_described_and_not_the_newest(
    sageloop: Any, described: str, register: Any, serving: Any
) -> None:
    register()
    serving(described, "UPDATE_COMPLETE", CurrentInstanceCount=1)
    assert json.loads(sageloop("api", "--json").stdout)["info"]["summary"].startswith("Version 1")
    result = sageloop("api", "2")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "Version 2 of flights has no description of its API" in result.stderr


def test_what_cannot_be_described_is_a_sentence(
    sageloop: Any, described: str, flights: boto3.Session
) -> None:
    assert "There is no version 7" in sageloop("api", "7").stderr
    flights.client("s3").delete_object(Bucket="artifacts", Key="openapi.json")
    assert "nothing lies at s3://artifacts/openapi.json" in sageloop("api").stderr
    assert sageloop("api", "--open", "--json").exit_code == 2


def test_a_page_of_its_own_loads_nothing_and_cannot_be_broken_by_a_name(
    sageloop: Any, described: str, tmp_path: Path
) -> None:
    result = sageloop("api", "--html", "pages/api.html")
    assert result.exit_code == 0, result.stderr
    page = (tmp_path / "pages/api.html").read_text()
    assert not re.search(r"""(src|href)\s*=\s*["'](?!#)|url\(|@import""", page)
    [told] = re.findall(r'<script type="application/json" id="told">(.*?)</script>', page, re.DOTALL)
    assert [name for name, _ in json.loads(told)["columns"]] == ["b", "10", "2", "when"]
    assert json.loads(told)["secret"] == ""
    assert 'id="send"' not in page, "a file cannot sign"


@dataclass
class Asked:
    """What the page's server asked the API."""

    calls: list[tuple[bytes, Mapping[str, str]]] = field(default_factory=list)

    def __call__(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        self.calls.append((body, headers))
        return Answer(400, {"Content-Type": "application/json", MODEL_HEADER: "model=1"}, b'{"row":1}')


@pytest.fixture
def asked() -> Asked:
    return Asked()


@pytest.fixture
def server(asked: Asked) -> Iterator[Playground]:
    made = Playground(0, asked, lambda secret, nonce: f"<p>{secret} {nonce}")
    yield from _served(made)


def _served(server: Playground) -> Iterator[Playground]:
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join(timeout=10)


def post(
    server: Playground, body: bytes = b"1,2", path: str = "predict", headers: dict[str, str] | None = None
) -> Any:
    given = {"X-Sageloop-Page": server.secret, "Content-Type": "text/csv", "Accept": "text/csv"}
    given |= headers or {}
    return urllib3.request("POST", server.url + path, body=body, headers=given, retries=False)


def test_a_call_of_the_page_reaches_the_api_and_its_answer_the_page(server: Playground, asked: Asked) -> None:
    page = urllib3.request("GET", server.url)
    assert server.secret in page.data.decode()
    assert f"'nonce-{server.nonce}'" in page.headers["Content-Security-Policy"]
    answer = post(server)
    assert (answer.status, answer.data) == (400, b'{"row":1}')
    assert answer.headers[MODEL_HEADER] == "model=1"
    assert asked.calls == [(b"1,2", {"Content-Type": "text/csv", "Accept": "text/csv"})]


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("predict", {"X-Sageloop-Page": "guessed"}),
        ("predict", {"X-Sageloop-Page": "é"}),
        ("predict", {"Host": "evil.example"}),
        ("other", {}),
    ],
)
def test_another_page_cannot_call_with_the_users_credentials(
    server: Playground, asked: Asked, path: str, headers: dict[str, str]
) -> None:
    assert post(server, path=path, headers=headers).status == 403
    assert asked.calls == []


def test_another_name_does_not_get_the_page(server: Playground) -> None:
    refused = urllib3.request("GET", server.url, headers={"Host": f"evil.example:{server.server_port}"})
    assert refused.status == 403
    assert server.secret not in refused.data.decode()
    assert urllib3.request("GET", server.url + "etc/passwd").status == 404


def test_a_body_that_no_api_takes_is_not_read(server: Playground, asked: Asked) -> None:
    assert post(server, b"1" * (LARGEST_BODY + 1)).status == 413
    assert asked.calls == []


def test_an_api_that_does_not_answer_is_a_sentence(
    flights: boto3.Session, described: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_EXECUTE_API", "http://127.0.0.1:9")
    project = projects.find(flights, None)
    found = description.describe(flights, project, None)
    made = command.playground(flights, found, predictions.address(project), 0)
    for server in _served(made):
        assert server.secret in urllib3.request("GET", server.url).data.decode()
        answer = post(server)
        assert answer.status == 502
        assert b"The API does not answer at http://127.0.0.1:9" in answer.data
