"""Every example runs end to end, as `make examples` runs it; each declaration is short."""

import ast
import json
import subprocess
import sys
from typing import Any

import pytest

from examples.catalogue import EXAMPLES
from tests.loop.deployed import CHECKOUT

MOST_LINES = 12


@pytest.fixture(scope="module")
def run() -> tuple[str, dict[str, Any]]:
    """What `python -m examples` said, and its figures."""
    command = [sys.executable, "-m", "examples"]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    last = done.stdout.strip().splitlines()[-1:]
    assert last, said
    assert last[0].startswith("RESULT "), said
    return said, json.loads(last[0].removeprefix("RESULT "))


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_leads_from_its_declaration_to_a_prediction(
    run: tuple[str, dict[str, Any]], name: str
) -> None:
    said, figures = run
    if EXAMPLES[name].missing:
        pytest.skip(EXAMPLES[name].missing)
    assert f"\n{name}: passed" in f"\n{said}"
    assert name in figures["seconds"]


@pytest.mark.timeout(900)
def test_what_a_machine_cannot_run_is_skipped_and_not_passed(run: tuple[str, dict[str, Any]]) -> None:
    said, figures = run
    skipped = [name for name, example in EXAMPLES.items() if example.missing]
    assert figures["skipped"] == len(skipped)
    assert figures["passed"] + figures["failed"] == len(EXAMPLES) - len(skipped)
    assert all(f"\n{name}: skipped" in f"\n{said}" for name in skipped)


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_declaration_is_short(name: str) -> None:
    app = CHECKOUT / EXAMPLES[name].app
    tree = ast.parse((app if app.suffix == ".py" else app / "app.py").read_text())
    [declared] = [node for node in tree.body if isinstance(node, ast.Assign)]
    assert (declared.end_lineno or 0) - declared.lineno + 1 <= MOST_LINES
