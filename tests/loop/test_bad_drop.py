"""Data in other units or with holes is put apart, says why, and leaves the served model as it was."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from examples.flights.demo.traffic import Api
from examples.flights.year.months import Month
from tests.loop.deployed import Deployed, until
from tests.loop.test_rollback_is_told import Listener


@pytest.fixture
def listener(deployed: Deployed) -> Iterator[Listener]:
    made = Listener(deployed)
    yield made
    made.close()


def test_it_goes_to_quarantine_and_the_served_model_stays(
    served: str, deployed: Deployed, months: list[Path], api: Api, rows: list[str], listener: Listener
) -> None:
    july = Month(7, pl.read_csv(months[1], infer_schema_length=None))
    bad = july.bad_drops()
    before = deployed.serving(), api.predict(rows[0]).model, deployed.packages()
    # Both come within the second that the function waits for more, and so in one execution.
    deployed.requests += 1
    for name, text in bad.items():
        deployed.s3.put_object(Bucket=deployed.incoming, Key=f"data/{name}", Body=text.encode())
    arn = deployed.started()
    ended = deployed.finished(arn)
    assert ended["PipelineExecutionStatus"] == "Failed"
    [failed] = [step for step in deployed.steps(arn).values() if step["StepStatus"] == "Failed"]
    assert failed["StepName"] == "NothingNew"
    for name in bad:
        assert name in failed["FailureReason"]
        until(f"{name} in quarantine", lambda name=name: deployed.has(f"quarantine/{name}"))  # type: ignore[misc]
        assert not deployed.has(f"data/{name}")
        head = deployed.s3.head_object(Bucket=deployed.incoming, Key=f"quarantine/{name}")
        expected = "unit" if name == "other-units.csv" else "missing"
        assert expected in head["Metadata"]["reason"]
    message = until("the message", lambda: listener.heard("Subject", "flights: 2 files were refused"))
    for name in bad:
        assert name in message["Message"]
    until("all messages taken", lambda: not deployed.messages())
    assert (deployed.serving(), api.predict(rows[0]).model, deployed.packages()) == before
    assert len(deployed.executions()) == deployed.requests
