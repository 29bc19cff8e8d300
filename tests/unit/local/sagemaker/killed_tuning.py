"""A program to be killed at any moment: it goes on with a tuning job, or starts it, until it has ended."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from local.errors import ResourceInUse
from tests.unit.local.sagemaker.quick_training import Step, ended, limits, quick_cloud, train, tuning_request


def main(state: Path) -> None:
    def slow(given: Mapping[str, str]) -> Iterator[Step]:
        yield 0.1
        yield from train(given)
        yield 0.05

    _, sagemaker, _ = quick_cloud(state, slow)
    sagemaker.resume()
    try:
        sagemaker.call("CreateHyperParameterTuningJob", tuning_request(**limits(16, 3)))
    except ResourceInUse:
        print("goes on")
    print("running", flush=True)
    ended(sagemaker)
    sagemaker.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
