"""An example that the machine cannot run is skipped, and says why."""

from dataclasses import replace

import pytest

from examples import __main__ as runner
from examples.catalogue import EXAMPLES


def test_an_example_without_its_program_is_skipped_with_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    lacking = replace(EXAMPLES["body_mass"], needs="r-of-tomorrow")
    monkeypatch.setitem(EXAMPLES, "body_mass", lacking)
    outcome = runner._outcome("body_mass")
    assert str(outcome) == (
        "body_mass: skipped (0.0 s): this machine has no r-of-tomorrow (make system installs it)"
    )
    figures = runner._figures([outcome])
    assert figures == {
        "examples": 1, "passed": 0, "failed": 0, "skipped": 1, "seconds": {}, "differences": {}
    }  # fmt: skip


def test_an_example_that_needs_nothing_runs_everywhere() -> None:
    assert EXAMPLES["flights"].missing == ""
