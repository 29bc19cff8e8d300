"""Load tests: what the generator sends to a server on loopback, how answers are counted, what is saved."""

import json
import resource
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from hypothesis import given
from hypothesis import strategies as st

from cli.errors import CommandError
from cli.loadtest import rows, trial
from cli.loadtest.find import MOST_STEPS, find
from cli.loadtest.generator import plan
from cli.loadtest.load import Load
from cli.loadtest.samples import Latency, Outcome, Samples, Seen
from cli.loadtest.target import Target, signed
from declaration.measured import read
from tests.unit.cli.test_cli_plan import declare


@dataclass
class Runtime:
    """SageMaker's runtime API on loopback: keeps what it was sent, answers what it is told."""

    status: Callable[[int], int] = lambda _: 200
    paths: Counter[str] = field(default_factory=Counter)
    headers: list[dict[str, str]] = field(default_factory=list)
    bodies: Counter[bytes] = field(default_factory=Counter)


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[Runtime]:
    kept, lock = Runtime(), threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with lock:
                kept.paths[self.path] += 1
                kept.bodies[body] += 1
                kept.headers.append({name.lower(): value for name, value in self.headers.items()})
                status = kept.status(len(kept.headers))
            self.send_response(status)
            self.send_header("Content-Length", "4")
            self.end_headers()
            self.wfile.write(b"0.5\n")

        def log_message(self, *_: Any) -> None:
            """Keep the output of the tests clean."""

    class Server(ThreadingHTTPServer):
        # Every connection of the generator may come at once.
        request_queue_size = 256

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", url)
    monkeypatch.setenv("AWS_ENDPOINT_URL_EXECUTE_API", url)
    yield kept
    server.shutdown()
    server.server_close()


@pytest.fixture
def served(serving: Callable[..., None], register: Callable[..., str]) -> None:
    serving(register(), "UPDATE_COMPLETE", CurrentInstanceCount=2, DesiredInstanceCount=2)


def data(folder: Path, count: int = 50) -> Path:
    file = folder / "rows.csv"
    file.write_text("a,b\n" + "".join(f"{number},{number / 7}\n" for number in range(count)))
    return file


def test_every_call_is_sent_signed_and_counted(
    sageloop: Any, served: None, runtime: Runtime, tmp_path: Path
) -> None:
    data(tmp_path)
    arguments = ["loadtest", "rows.csv", "--calls-per-minute", "3000", "--for", "2", "--html", "load.html"]
    result = sageloop(*arguments, "--json")
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    # The first call comes at once, so one more or less fits into the time; before them all, one was tried.
    assert found["calls"] == sum(runtime.bodies.values()) - 1 == pytest.approx(100, abs=2)
    assert (found["errors"], found["statuses"]) == (0, {"200": found["calls"]})
    assert 0 < found["due"]["p50"] <= found["due"]["p99"] <= found["due"]["longest"]
    assert {each["instances"] for each in found["timeline"]} == {2}
    assert set(runtime.paths) == {"/endpoints/flights/invocations"}
    assert len(runtime.bodies) == 50
    assert all(body.startswith(b"a,b\n") for body in runtime.bodies)
    header = runtime.headers[0]
    assert header["content-type"] == "text/csv"
    assert "/us-east-1/sagemaker/aws4_request" in header["authorization"]
    page = (tmp_path / "load.html").read_text()
    assert page.count("<svg") == 4


def test_through_the_api(sageloop: Any, served: None, runtime: Runtime, tmp_path: Path) -> None:
    (tmp_path / "rows.json").write_text('[{"a": 1}, {"a": 2}]')
    result = sageloop("loadtest", "rows.json", "--api", "--calls-per-minute", "600", "--for", "1")
    assert result.exit_code == 0, result.stderr
    assert set(runtime.paths) == {"/_aws/execute-api/abc12345/v1/predict"}
    assert "/us-east-1/execute-api/aws4_request" in runtime.headers[0]["authorization"]
    assert set(runtime.bodies) == {b'{"instances":[{"a":1}]}', b'{"instances":[{"a":2}]}'}
    assert "0 errors" in result.stdout


def test_errors_are_counted_by_status_and_end_with_one(
    sageloop: Any, served: None, runtime: Runtime, tmp_path: Path
) -> None:
    data(tmp_path)
    runtime.status = lambda number: 503 if number % 4 == 1 else 200
    result = sageloop("loadtest", "rows.csv", "--calls-per-minute", "2400", "--for", "1", "--json")
    found = json.loads(result.stdout)
    assert result.exit_code == 1
    assert found["errors"] == found["statuses"]["503"] == found["calls"] // 4
    assert f"{found['errors']} of {found['calls']} calls failed" in result.stderr


def test_the_capacity_of_one_instance_is_found_and_saved(
    sageloop: Any,
    served: None,
    runtime: Runtime,
    answers: dict[str, Callable[[dict[str, Any]], Any]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    declare(tmp_path)
    data(tmp_path)
    made: dict[str, Any] = {}
    answers["DescribeEndpointConfig"] = lambda _: {
        "ProductionVariants": [
            {"VariantName": "primary", "ModelName": "model", "InstanceType": "ml.c5.large"}
        ],
        "KmsKeyId": "key",
    }
    answers["CreateEndpointConfig"] = lambda request: made.update(config=request) or {}
    answers["CreateEndpoint"] = lambda request: made.update(endpoint=request) or {}
    answers["DeleteEndpoint"] = lambda request: made.update(gone=request["EndpointName"]) or {}
    answers["DeleteEndpointConfig"] = lambda request: made.update(config_gone=True) or {}
    # More than 90 calls a second are refused, which is far from what the server on loopback can do.
    lately: Counter[int] = Counter()

    def status(_: int) -> int:
        second = int(datetime.now(UTC).timestamp())
        lately[second] += 1
        return 503 if lately[second] > 90 else 200

    runtime.status = status
    monkeypatch.setattr("cli.commands.loadtest.FIRST_CALLS_PER_MINUTE", 1_200)
    monkeypatch.setattr("cli.loadtest.find.NEAR_ENOUGH", 2.0)
    result = sageloop("loadtest", "rows.csv", "--find", "--for", "1", "--save", "--p99-ms", "2000")
    assert result.exit_code == 0, result.stderr
    [variant] = made["config"]["ProductionVariants"]
    assert (variant["InitialInstanceCount"], variant["InstanceType"]) == (1, "ml.c5.large")
    assert made["config"]["KmsKeyId"] == "key"
    assert made["gone"] == made["endpoint"]["EndpointName"] == made["config"]["EndpointConfigName"]
    assert made["config_gone"]
    assert set(runtime.paths) == {f"/endpoints/{made['gone']}/invocations"}
    saved = read(tmp_path / "capacity" / "flights.json")
    assert saved is not None
    assert (saved.model, saved.instance, saved.where, saved.vcpus) == ("version 1", "ml.c5.large", "aws", 2)
    # A test of one second may lie in two of the clock's.
    assert 1_200 <= saved.calls_per_minute <= 2 * 90 * 60
    assert f"carries {saved.calls_per_minute:,} calls a minute" in result.stdout


def test_what_is_trained_on_is_sent_where_no_file_is_named(
    sageloop: Any, served: None, runtime: Runtime, flights: boto3.Session
) -> None:
    s3 = flights.client("s3")
    s3.put_object(Bucket="flights-incoming", Key="data/july.csv", Body=b"late,hour\n1,7\n0,8\n")
    result = sageloop("loadtest", "--calls-per-minute", "600", "--for", "1")
    assert result.exit_code == 0, result.stderr
    assert set(runtime.bodies) == {b"late,hour\n1,7\n", b"late,hour\n0,8\n"}


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["none.csv"], 1, "none.csv cannot be read: No such file"),
        (["rows.csv"], 1, "No load is declared in app.py: name one with --calls-per-minute"),
        ([], 1, "There is no CSV file in s3://flights-incoming/data/"),
        (["rows.csv", "--api", "--find"], 2, "choose one of"),
        (["rows.csv", "--save"], 2, "only what one instance carries is kept"),
        (["rows.csv", "--instance", "ml.c5.large"], 2, "it goes with --instance-only"),
        (["rows.csv", "--find", "--instance", "ml.x.large"], 2, "ml.x.large is no instance type that"),
    ],
)
def test_mistakes_are_sentences(
    sageloop: Any, served: None, tmp_path: Path, arguments: list[str], code: int, sentence: str
) -> None:
    data(tmp_path)
    result = sageloop("loadtest", *arguments)
    assert result.exit_code == code
    assert sentence in " ".join(result.stderr.replace("│", " ").split())


@pytest.mark.parametrize("status", [400, 403, 424])
def test_what_is_refused_is_said_and_not_repeated(
    sageloop: Any, served: None, runtime: Runtime, tmp_path: Path, status: int
) -> None:
    data(tmp_path)
    runtime.status = lambda _: status
    result = sageloop("loadtest", "rows.csv", "--calls-per-minute", "60000", "--for", "60")
    assert (result.exit_code, result.stdout, len(runtime.headers)) == (1, "", 1)
    assert f"The first row is refused with {status}, so no load was put on: 0.5" in result.stderr


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"plain\n", "plain"),
        (b'{"message": "not allowed"}', "not allowed"),
        (
            b'{"Message": "primary said", "OriginalMessage": "{\\"error\\": \\"row 1: no b\\"}"}',
            "row 1: no b",
        ),
        (b'{"other": 1}', '{"other": 1}'),
        (b"\xff", "\ufffd"),
    ],
)
def test_the_reason_of_a_refusal(answer: bytes, said: str) -> None:
    assert trial.reason(answer) == said


def test_a_clients_key_goes_to_the_api_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAGELOOP_API_KEY", "key")
    assert trial.api_key(Target("u", "execute-api", "r")) == {"x-api-key": "key"}
    assert trial.api_key(Target("u", "sagemaker", "r")) == {}


def test_nothing_is_served(sageloop: Any, flights: boto3.Session, answers: Any, tmp_path: Path) -> None:
    data(tmp_path)
    answers["ListEndpoints"] = lambda _: {"Endpoints": []}
    result = sageloop("loadtest", "rows.csv", "--calls-per-minute", "60")
    assert (result.exit_code, "approve one with `sageloop approve`" in result.stderr) == (1, True)


@given(st.lists(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0\r\n")), min_size=2)))
def test_rows_of_csv_keep_their_cells(cells: list[list[str]]) -> None:
    import csv
    import io

    wide = [[f"{number}", *row] for number, row in enumerate(cells)]
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerows([["n", "more"], *wide])
    if not wide:
        with pytest.raises(CommandError, match="no row"):
            rows.parse("x", b"")
        return
    made = rows.parse("x", written.getvalue().encode())
    sent = [list(csv.reader(io.StringIO(body.decode()))) for body in made.bodies]
    assert sent == [[["n", "more"], row] for row in wide]


@pytest.mark.parametrize(
    ("text", "kind", "bodies"),
    [
        ("1,2\n3,4\n", "text/csv", [b"1,2\n", b"3,4\n"]),
        ('{"instances": [[1], [2]]}', "application/json", [b'{"instances":[[1]]}', b'{"instances":[[2]]}']),
        (
            '{"a": 1}\n{"a": 2}\n',
            "application/json",
            [b'{"instances":[{"a":1}]}', b'{"instances":[{"a":2}]}'],
        ),
        ('{"columns": ["a"], "rows": [[1]]}', "application/json", [b'{"columns":["a"],"rows":[[1]]}']),
    ],
)
def test_rows_of_every_kind(text: str, kind: str, bodies: list[bytes]) -> None:
    made = rows.parse("x", text.encode())
    assert (made.content_type, list(made.bodies)) == (kind, bodies)


@pytest.mark.parametrize(
    ("content", "sentence"), [(b"\xff\xfe,", "not text in UTF-8"), (b"{", "neither JSON")]
)
def test_what_are_no_rows(content: bytes, sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        rows.parse("x", content)


def test_signatures_are_those_of_botocore(aws: boto3.Session) -> None:
    target = Target("http://127.0.0.1:9/endpoints/a b/invocations", "sagemaker", "eu-central-1")
    for body, headers in zip((b"1,2", b"3"), signed(aws, target, "text/csv", [b"1,2", b"3"]), strict=True):
        request = AWSRequest("POST", target.url, data=body, headers={"Content-Type": "text/csv"})
        request.context["timestamp"] = headers["X-Amz-Date"]
        credentials = aws.get_credentials()
        assert credentials is not None
        signer = SigV4Auth(credentials.get_frozen_credentials(), target.service, target.region)
        again = AWSRequest("POST", target.url, data=body, headers=dict(request.headers.items()))
        again.headers["X-Amz-Date"] = headers["X-Amz-Date"]
        again.context["timestamp"] = headers["X-Amz-Date"]
        signature = signer.signature(signer.string_to_sign(again, signer.canonical_request(again)), again)
        assert headers["Authorization"].endswith(f"Signature={signature}")


def outcome(load: int, capacity: int) -> Outcome:
    latency = Latency(1, 1, 5 if load <= capacity else 500, 600, 700)
    return Outcome(load, 1, latency, latency, {"200": load}, 0, [])


@given(st.integers(1_000, 5_000_000), st.integers(100, 100_000))
def test_the_search_ends_below_the_capacity_and_near_to_it(capacity: int, first: int) -> None:
    tried: list[int] = []

    def test(load: int) -> Outcome:
        tried.append(load)
        made = outcome(load, capacity)
        return Outcome(load, 60, made.due, made.sent, {"200": load}, 0, [])

    found = find(test, first, 100, 6_000_000)
    assert len(tried) == len(found.steps) <= MOST_STEPS
    if found.best is not None:
        assert found.best.calls_per_minute <= capacity
    if len(tried) < MOST_STEPS:
        assert found.best is not None
        assert found.best.calls_per_minute >= capacity / 1.1 - 2


def test_what_was_not_sent_and_not_answered_are_errors() -> None:
    samples = Samples()
    head = "metric_name,timestamp,metric_value,error,status,url\n"
    for line in (
        head,
        "http_reqs,100,1,,200,u\n",
        "http_req_duration,100,2.5,,200,u\n",
        "iteration_duration_corrected,100,3.5,,,\n",
        "http_reqs,101,1,refused,0,u\n",
        "iteration_duration_corrected,101,9.5,,,\n",
        "dropped_iterations,103,2.000000,,,\n",
        "vus,103,2,,,\n",
    ):
        samples.take(line)
    found = samples.outcome(60, 4, [Seen(100.4, 1), Seen(102.9, 2)])
    assert (found.calls, found.errors, found.unsent) == (2, 3, 2)
    assert found.statuses == {"200": 1, "no answer": 1}
    assert [each.instances for each in found.timeline] == [1, 1, 2, 2]
    assert [each.failed + each.unsent for each in found.timeline] == [0, 1, 0, 2]
    assert found.due is not None
    assert found.due.longest == 9.5
    assert not found.keeps(1_000)
    # One call in the first second, of four that come in a whole one: it began with the last quarter.
    assert samples.begun(4.0) == 100.75


CORNERS = st.lists(st.tuples(st.floats(0.5, 30), st.floats(0.1, 1000)), min_size=1, max_size=5)


@given(CORNERS, st.floats(0.3, 40))
def test_the_calls_of_a_load_are_the_area_below_it_and_its_parts_are_all_of_it(
    legs: list[tuple[float, float]], part: float
) -> None:
    ends = np.cumsum([seconds for seconds, _ in legs])
    load = Load(((0.0, 5.0), *((float(end), rate) for end, (_, rate) in zip(ends, legs, strict=True))))
    moments = np.linspace(0, load.seconds, 20_001)
    area = float(np.trapezoid(load.rate(moments), moments))
    assert load.calls == pytest.approx(area, rel=1e-3)
    parts = load.parts(part)
    assert sum(each.seconds for each in parts) == pytest.approx(load.seconds)
    assert sum(each.calls for each in parts) == pytest.approx(load.calls)
    assert all(each.seconds <= part + 1e-6 for each in parts)
    assert all(before.corners[-1][1] == after.corners[0][1] for before, after in pairwise(parts))


@given(st.integers(1, 6_000_000), st.integers(1, 3_600))
def test_connections_are_enough_or_the_most_that_there_may_be(calls_per_minute: int, seconds: int) -> None:
    load = Load.steady(calls_per_minute, seconds)
    assert load.calls_per_minute == calls_per_minute
    assert 1 <= load.ready <= load.connections <= 10_000
    _, allowed = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 600 < calls_per_minute < 6 * min(9_000, allowed - 300):
        assert load.connections >= calls_per_minute / 60 * 10


def test_the_generator_is_told_every_corner(tmp_path: Path) -> None:
    load = Load(((0, 2), (5, 2), (25, 36.5)))
    told = plan(Target("http://h/i", "sagemaker", "r"), "text/csv", load, tmp_path, "token")
    scenario = told["options"]["scenarios"]["load"]
    assert (scenario["startRate"], scenario["timeUnit"]) == (120, "1m")
    assert scenario["stages"] == [
        {"duration": "5000ms", "target": 120},
        {"duration": "20000ms", "target": 2190},
    ]
    headers = told["flows"]["default"][0]["request"]["headers"]
    assert headers["X-Amz-Security-Token"] == "token"


def test_a_stall_makes_calls_late_and_loses_none(
    sageloop: Any, served: None, runtime: Runtime, tmp_path: Path
) -> None:
    data(tmp_path)
    quiet = threading.Event()

    def status(number: int) -> int:
        # The server stands still once, with more calls due meanwhile than there are connections at first.
        if number == 100:
            quiet.wait(0.6)
        return 200

    runtime.status = status
    result = sageloop("loadtest", "rows.csv", "--calls-per-minute", "12000", "--for", "2", "--json")
    found = json.loads(result.stdout)
    assert result.exit_code == 0, result.stderr
    assert (found["errors"], found["unsent"]) == (0, 0)
    assert found["calls"] == pytest.approx(400, abs=2)
    assert found["due"]["longest"] >= 500
