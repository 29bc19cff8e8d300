"""What is served and what replaces it: answers, refusals, broken successors, garbage, a better model."""

import collections
import re
from pathlib import Path

import pytest
import urllib3

from examples.flights.demo.traffic import Api, SteadyTraffic
from tests.loop.deployed import CHECKOUT, Deployed, until

IMAGES = CHECKOUT / "tests" / "loop" / "images"
REGISTRY = "000000000000.dkr.ecr.us-east-1.amazonaws.com"
REPOSITORY = "cdk-hnb659fds-container-assets-000000000000-us-east-1"


def test_an_approved_model_answers(api: Api, rows: list[str]) -> None:
    answer = api.predict(rows[0])
    assert answer.status == 200, answer.body
    assert 0 <= float(answer.body) <= 1
    assert len(answer.model) == 12


def test_strangers_are_refused(served: str, deployed: Deployed, rows: list[str]) -> None:
    assert deployed.api(access_key="AKIAIOSFODNN7EXAMPLE").predict(rows[0]).status == 403
    unsigned = urllib3.request("POST", deployed.address, body=rows[0], headers={"Content-Type": "text/csv"})
    assert unsigned.status == 403


@pytest.mark.parametrize("body", ["", "a,b\n1,2\n", "\x00\xff", "1,2,3\n"])
def test_garbage_is_the_clients_fault(api: Api, body: str) -> None:
    answer = api.predict(body)
    assert answer.status == 400, answer.body
    assert b"Traceback" not in answer.body


@pytest.mark.parametrize(("image", "why"), [("dies", "ping"), ("fails", "flights-5xx")])
def test_a_broken_successor_is_rolled_back(
    served: str, deployed: Deployed, api: Api, rows: list[str], image: str, why: str
) -> None:
    uri = f"{REGISTRY}/{REPOSITORY}:{image}"
    deployed.docker("build", "--tag", uri, "--platform", "linux/amd64", str(IMAGES / image))
    deployed.docker("push", uri)
    good = api.predict(rows[0]).model
    package = deployed.package(like=served, image=uri)
    with SteadyTraffic(api, rows, per_second=20) as traffic:
        deployed.sagemaker.update_model_package(ModelPackageArn=package, ModelApprovalStatus="Approved")
        until("the rejection", lambda: deployed.approval(package)[0] == "Rejected")
        until("the rollback's end", lambda: not deployed.stack("serving")["StackStatus"].endswith("PROGRESS"))
        settled = len(traffic.answers)
        until("more answers", lambda: len(traffic.answers) > settled + 40)
    assert why in deployed.approval(package)[1]
    assert {answer.model for answer in traffic.answers if answer.status == 200} == {good}
    after = sorted(traffic.answers, key=lambda answer: answer.at)[-20:]
    assert [answer.status for answer in after] == [200] * len(after), "the old model answers all"
    failures = {answer.status for answer in traffic.failed}
    # A server that never became healthy gets no traffic; one that did gets the canary's.
    assert failures == (set() if image == "dies" else {500})


def test_a_better_model_takes_over_while_garbage_comes_in(
    served: str, deployed: Deployed, api: Api, rows: list[str], months: list[Path]
) -> None:
    deployed.upload(months[1])
    package = deployed.registered()
    old = api.predict(rows[0]).model
    with (
        SteadyTraffic(api, ["a,b\n1,2\n"], per_second=20) as garbage,
        SteadyTraffic(api, rows, per_second=50) as traffic,
    ):
        deployed.sageloop("approve", package.rpartition("/")[2])
    assert deployed.approval(package)[0] == "Approved"
    assert not traffic.failed, collections.Counter(answer.status for answer in traffic.failed)
    assert {answer.status for answer in garbage.answers} == {400}
    new = api.predict(rows[0]).model
    assert set(traffic.models()) == {old, new}
    assert new != old


def test_a_model_that_learnt_nothing_is_refused_by_the_gate(
    served: str, deployed: Deployed, months: list[Path]
) -> None:
    header, *lines = months[2].read_text().splitlines()
    noise = [f"{line.rpartition(',')[0]},{number % 2}" for number, line in enumerate(lines)]
    before = deployed.serving(), deployed.packages()
    deployed.put("data/noise.csv", "\n".join([header, *noise]).encode())
    try:
        refused = deployed.failed_step()
    finally:
        deployed.s3.delete_object(Bucket=deployed.incoming, Key="data/noise.csv")
    assert refused["StepName"] == "Rejected"
    assert re.search(r"auc 0\.\d+ is not at least 0\.7 ", refused["FailureReason"])
    assert (deployed.serving(), deployed.packages()) == before
