from collections.abc import Iterator
from pathlib import Path

import pytest
from small_cloud import DiskHost, small_cloud

from local.sagemaker.service import SageMaker


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
