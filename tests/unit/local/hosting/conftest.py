from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.local.hosting.hosting_cloud import Cloud


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    cloud = Cloud(tmp_path)
    yield cloud
    cloud.close()
