from collections.abc import Iterator
from pathlib import Path

import pytest

from local.sagemaker.service import SageMaker
from tests.unit.local.sagemaker.small_cloud import DiskHost, small_cloud


@pytest.fixture
def host(tmp_path: Path) -> Iterator[DiskHost]:
    host, sagemaker = small_cloud(tmp_path)
    sagemaker.resume()
    yield host
    sagemaker.close()


@pytest.fixture
def sagemaker(host: DiskHost) -> SageMaker:
    assert host.sagemaker is not None
    return host.sagemaker
