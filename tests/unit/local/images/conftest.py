from pathlib import Path

import pytest

from tests.unit.local.images.workshop import Workshop


@pytest.fixture(scope="session")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("environments")


@pytest.fixture
def workshop(tmp_path: Path, environments: Path) -> Workshop:
    return Workshop(tmp_path, environments)
