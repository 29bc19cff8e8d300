"""Each bad object goes to quarantine with one sentence that names it; nothing is lost, all else stays."""

import gzip
from pathlib import Path

import pytest

from examples.flights.demo.traffic import Api
from tests.loop.deployed import Deployed, until


def bad_objects(good: str) -> dict[str, tuple[bytes, str]]:
    """Objects that cannot be learnt from, and a word that the sentence about each must hold."""
    header, *lines = good.splitlines(keepends=True)[:401]
    without_target = "".join(line.rpartition(",")[0] + "\n" for line in [header, *lines])
    cells = lines[0].split(",")
    cells[header.split(",").index("distance")] = "far"
    text = header + "".join(lines) + ",".join(cells)
    return {
        "zero-bytes.csv": (b"", "empty"),
        "empty.csv": (b"\n\n", "first line"),
        "header-only.csv": (header.encode(), "no rows"),
        "no-target.csv": (without_target.encode(), "late"),
        "other-columns.csv": ((header.replace("distance", "miles") + "".join(lines)).encode(), "miles"),
        "text.csv": (text.encode(), "far"),
        "broken.csv.gz": (gzip.compress((header + "".join(lines)).encode())[:-40], "gzip"),
        "photo.csv": (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40, "not a CSV"),
    }


BAD = list(bad_objects("late,distance,a\n1,2,3\n"))


@pytest.mark.parametrize("name", BAD)
def test_the_reason_names_the_object_and_what_is_wrong(
    served: str, deployed: Deployed, months: list[Path], api: Api, rows: list[str], name: str
) -> None:
    body, expected = bad_objects(months[0].read_text())[name]
    before = deployed.serving(), api.predict(rows[0]).model, deployed.packages()
    deployed.put(f"data/{name}", body)
    failed = deployed.failed_step()
    reason = failed["FailureReason"]
    assert failed["StepName"] == "NothingNew"
    assert name in reason
    assert expected in reason
    assert "Traceback" not in reason
    assert reason.count("\n") == 0
    run = deployed.sageloop_json("status")["run"]
    assert (run["status"], run["failure"]) == ("Failed", reason)
    until("its leave", lambda: not deployed.has(f"data/{name}"))
    kept = deployed.s3.get_object(Bucket=deployed.incoming, Key=f"quarantine/{name}")
    assert kept["Body"].read() == body
    assert name in kept["Metadata"]["reason"]
    assert (deployed.serving(), api.predict(rows[0]).model, deployed.packages()) == before
