"""A program to be killed at any moment: it goes on with an execution, or starts it, until it has ended."""

import sys
from pathlib import Path

from tests.unit.local.sagemaker.small_cloud import (
    create_pipeline,
    put,
    small_cloud,
    start,
    training_pipeline,
    wait_for_end,
)

PAUSE = "0.3"


def main(state: Path) -> None:
    host, sagemaker = small_cloud(state)
    put(host, "incoming/a.csv", "1\n2\n3\n4\n")
    sagemaker.resume()
    groups = sagemaker.call("ListModelPackageGroups", {})["ModelPackageGroupSummaryList"]
    if not groups:
        sagemaker.call("CreateModelPackageGroup", {"ModelPackageGroupName": "flights"})
    # The same request token in every life: the pipeline is created once, and started once.
    create_pipeline(sagemaker, training_pipeline(PAUSE))
    execution = start(sagemaker)
    print("running", flush=True)
    wait_for_end(sagemaker, execution)
    sagemaker.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
