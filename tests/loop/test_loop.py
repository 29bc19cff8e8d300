"""The loop in order: data, execution, approval, predictions, broken successors, garbage, a better model."""

import collections

import pytest

from examples.flights import data
from examples.flights.demo.traffic import Api, SteadyTraffic
from tests.loop.deployed import CHECKOUT, Deployed, until

IMAGES = CHECKOUT / "tests" / "loop" / "images"
SETTLED = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE")


@pytest.fixture(scope="module")
def flights(tmp_path_factory) -> list[list[str]]:
    """Header and 6,000 rows of January, and of February."""
    written = data.write(tmp_path_factory.mktemp("flights"), months=range(1, 3))
    return [path.read_text().splitlines(keepends=True)[:6_001] for path in written]


@pytest.fixture(scope="module")
def api(deployed: Deployed) -> Api:
    return Api(
        deployed.outputs("serving")["ApiUrl"], access_key="test", secret_key="test", region="us-east-1"
    )


@pytest.fixture(scope="module")
def rows(flights: list[list[str]]) -> list[str]:
    """Single requests: the header without the target, and one row."""
    header = flights[1][0].strip().split(",")
    keep = [column for column, name in enumerate(header) if name != "late"]

    def only(line: str) -> str:
        cells = line.rstrip("\n").split(",")
        return ",".join(cells[column] for column in keep) + "\n"

    return [only(flights[1][0]) + only(line) for line in flights[1][1:201]]


@pytest.fixture(scope="module")
def first(deployed: Deployed, flights: list[list[str]]) -> str:
    """Version 1, made by an upload and approved."""
    deployed.put("data/january.csv", "".join(flights[0]).encode())
    execution = deployed.next_execution()
    assert execution["PipelineExecutionStatus"] == "Succeeded", execution.get("FailureReason")
    package = deployed.packages()[0]["ModelPackageArn"]
    deployed.sageloop("approve", package.rpartition("/")[2])
    assert deployed.stack_status() == "UPDATE_COMPLETE"
    return package


def test_an_approved_model_answers(first: str, api: Api, rows: list[str]) -> None:
    answer = api.predict(rows[0])
    assert answer.status == 200, answer.body
    assert 0 <= float(answer.body) <= 1
    assert len(answer.model) == 12


def test_the_api_refuses_unsigned_calls(first: str, deployed: Deployed, rows: list[str]) -> None:
    stranger = Api(
        deployed.outputs("serving")["ApiUrl"],
        access_key="AKIAIOSFODNN7EXAMPLE",
        secret_key="x",
        region="us-east-1",
    )
    assert stranger.predict(rows[0]).status == 403


@pytest.mark.parametrize(
    ("body", "status"),
    [("", 400), ("a,b\n1,2\n", 400), ("\x00\xff", 400), ("1,2,3\n", 400)],
)
def test_garbage_is_the_clients_fault(first: str, api: Api, body: str, status: int) -> None:
    answer = api.predict(body)
    assert answer.status == status, answer.body
    assert b"Traceback" not in answer.body


@pytest.mark.parametrize("image", ["dies", "fails"])
def test_a_broken_successor_is_rolled_back(
    first: str, deployed: Deployed, api: Api, rows: list[str], image: str
) -> None:
    tag = f"000000000000.dkr.ecr.us-east-1.amazonaws.com/{image}:1"
    deployed.docker("build", "--tag", tag, str(IMAGES / image))
    good = api.predict(rows[0]).model
    package = deployed.package(tag, like=first)
    with SteadyTraffic(api, rows, per_second=20) as traffic:
        deployed.sagemaker.update_model_package(ModelPackageArn=package, ModelApprovalStatus="Approved")
        until("the rejection", lambda: deployed.approval(package)[0] == "Rejected", 180)
        until("the rollback", lambda: deployed.stack_status() in SETTLED)
        settled = len(traffic.answers)
        until("more answers", lambda: len(traffic.answers) > settled + 20)
    assert deployed.approval(package)[1], "the package says why it was rejected"
    assert {answer.model for answer in traffic.answers if answer.status == 200} == {good}
    after = sorted(traffic.answers, key=lambda answer: answer.at)[-20:]
    assert all(answer.status == 200 for answer in after), "the old model answers all"
    if image == "dies":
        assert not traffic.failed, "a server that never became healthy gets no traffic"
    assert api.predict(rows[0]).model == good


def test_garbage_does_not_roll_back_a_good_model(
    first: str, deployed: Deployed, api: Api, rows: list[str], flights: list[list[str]]
) -> None:
    deployed.put("data/february.csv", "".join(flights[1]).encode())
    execution = deployed.next_execution()
    assert execution["PipelineExecutionStatus"] == "Succeeded", execution.get("FailureReason")
    package = deployed.packages()[0]["ModelPackageArn"]
    old = api.predict(rows[0]).model
    with (
        SteadyTraffic(api, ["a,b\n1,2\n"], per_second=20) as garbage,
        SteadyTraffic(api, rows, 50) as traffic,
    ):
        deployed.sageloop("approve", package.rpartition("/")[2])
    assert deployed.approval(package)[0] == "Approved"
    assert not traffic.failed, collections.Counter(answer.status for answer in traffic.failed)
    assert {answer.status for answer in garbage.answers} == {400}
    assert api.predict(rows[0]).model != old


def test_each_upload_started_one_execution(first: str, deployed: Deployed) -> None:
    objects = deployed.s3.list_objects_v2(
        Bucket=deployed.outputs("storage")["IncomingBucket"], Prefix="data/"
    )
    assert len(deployed.executions()) == objects["KeyCount"]
