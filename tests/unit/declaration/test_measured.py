"""The file of a measured capacity: what was written is read, and what is broken is told in a sentence."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from declaration import DeclarationError
from declaration.measured import Measured, file_of, read, write

GOOD = Measured("version 3", "ml.c5.large", "aws", 2, 120_000, 1.25, 8.5, "2026-11-23")


@given(
    st.builds(
        Measured,
        model=st.text(min_size=1),
        instance=st.sampled_from(["ml.c5.large", "ml.m5.24xlarge", "ml.c6i-flex.large"]),
        where=st.sampled_from(["aws", "embedded"]),
        vcpus=st.integers(1, 1_000),
        calls_per_minute=st.integers(1, 1_000_000_000),
        p50_ms=st.floats(0, 1e6),
        p99_ms=st.floats(0, 1e6),
        date=st.dates().map(lambda day: f"{day:%Y-%m-%d}".rjust(10, "0")),
    )
)
def test_what_was_written_is_read(tmp_path_factory: pytest.TempPathFactory, measured: Measured) -> None:
    file = file_of(tmp_path_factory.mktemp("app"), "flights")
    write(file, measured)
    assert read(file) == measured
    assert [each.name for each in file.parent.iterdir()] == ["flights.json"]


def test_no_file_is_no_measurement(tmp_path: Path) -> None:
    file = file_of(tmp_path, "flights")
    assert file == tmp_path / "capacity" / "flights.json"
    assert read(file) is None


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('{\n  "model"', '"model"', "invalid JSON"),
        ('"model": "version 3"', '"model": ""', "flights.json, model"),
        ("120000", "0", "flights.json, calls_per_minute"),
        ("120000", "1.5", "flights.json, calls_per_minute"),
        ("8.5", "NaN", "flights.json, p99_ms"),
        ('"ml.c5.large"', '"c5.large"', "flights.json, instance"),
        ('"aws"', '"moon"', "flights.json, where"),
        ('"p50_ms"', '"p50"', "flights.json, p50_ms"),
        ("2026-11-23", "yesterday", "flights.json, date"),
    ],
)
def test_a_broken_file_is_a_sentence(tmp_path: Path, old: str, new: str, named: str) -> None:
    file = file_of(tmp_path, "flights")
    write(file, GOOD)
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    with pytest.raises(DeclarationError, match="measure again with `sageloop loadtest") as told:
        read(file)
    assert named in str(told.value)
    assert len(str(told.value).splitlines()) == 1


def test_what_is_wrong_is_not_written(tmp_path: Path) -> None:
    file = file_of(tmp_path, "flights")
    wrong = Measured("version 3", "large", "aws", 2, 1, 1.0, 1.0, "2026-11-23")
    with pytest.raises(DeclarationError, match="instance"):
        write(file, wrong)
    assert not file.exists()


def test_a_directory_in_its_place_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "capacity" / "flights.json").mkdir(parents=True)
    with pytest.raises(DeclarationError, match="it cannot be read"):
        read(file_of(tmp_path, "flights"))


def test_other_types_carry_in_proportion_to_their_vcpus() -> None:
    assert GOOD.carries("ml.c5.large", 2) == 120_000
    assert GOOD.carries("ml.c5.xlarge", 4) == 240_000
    assert GOOD.carries("ml.m5.large", 2) == 120_000
    assert "120,000 calls/min by one ml.c5.large (2 vCPU) on AWS" in GOOD.described()
