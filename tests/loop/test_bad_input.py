"""Each bad object ends its execution with one sentence that names it, and nothing is lost."""

import gzip
import json

import pytest
from deployed import Deployed

HEADER = "time_hour,carrier,distance,late\n"
ROWS = "".join(f"2013-0{1 + n % 3}-{1 + n % 28:02d}T05:00:00Z,UA,{100 + n},{n % 2}\n" for n in range(400))

BAD = {
    "empty.csv": (b"", "empty.csv"),
    "header-only.csv": (HEADER.encode(), "no rows"),
    "no-target.csv": (b"time_hour,carrier,distance\n2013-01-01T05:00:00Z,UA,100\n", "late"),
    "other-columns.csv": ((HEADER.replace("distance", "miles") + ROWS).encode(), "miles"),
    "text.csv": ((HEADER + ROWS + "2013-03-01T05:00:00Z,UA,far,1\n").encode(), "far"),
    "broken.csv.gz": (gzip.compress((HEADER + ROWS).encode())[:-40], "gzip"),
    "photo.csv": (bytes(range(256)) * 40, "photo.csv"),
}


@pytest.fixture(scope="module")
def good(deployed: Deployed) -> None:
    """One good object, so that a bad one has something to differ from."""
    deployed.put("data/good.csv", (HEADER + ROWS).encode())
    deployed.next_execution()


@pytest.mark.parametrize("name", BAD)
def test_the_reason_names_the_object_and_what_is_wrong(deployed: Deployed, good: None, name: str) -> None:
    body, expected = BAD[name]
    deployed.put(f"data/{name}", body)
    execution = deployed.next_execution()
    try:
        assert execution["PipelineExecutionStatus"] == "Failed"
        reason = execution["FailureReason"]
        assert name in reason
        assert expected in reason
        assert "Traceback" not in reason
        assert reason.count("\n") == 0
        status = json.loads(deployed.sageloop("status", "--json"))
        assert name in json.dumps(status), "the user sees the sentence in `sageloop status`"
        assert deployed.get(f"data/{name}") == body, "the object is where the user put it"
    finally:
        deployed.delete(f"data/{name}")


def test_upload_to_a_bucket_that_does_not_exist(deployed: Deployed, tmp_path) -> None:
    sample = tmp_path / "sample.csv"
    sample.write_text(HEADER + ROWS)
    said = deployed.sageloop_fails("upload", str(sample), "--project", "nowhere")
    assert "nowhere" in said
    assert "Traceback" not in said


def test_approval_of_a_package_that_was_deleted(deployed: Deployed) -> None:
    package = deployed.package("debian:none")
    deployed.sagemaker.delete_model_package(ModelPackageName=package)
    version = package.rpartition("/")[2]
    said = deployed.sageloop_fails("approve", version)
    assert version in said
    assert "Traceback" not in said
