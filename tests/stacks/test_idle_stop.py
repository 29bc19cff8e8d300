"""The program that stops an idle notebook instance."""

import json
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from stacks.parts import idle_stop

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def ago(**time: float) -> str:
    return (NOW - timedelta(**time)).isoformat().replace("+00:00", "Z")


STATUS = {"started": ago(hours=5), "last_activity": ago(seconds=1), "connections": 3}


def kernel(state: str, **time: float) -> dict[str, Any]:
    return {"execution_state": state, "last_activity": ago(**time), "connections": 1}


@pytest.mark.parametrize(
    ("kernels", "terminals", "used"),
    [
        ([], [], timedelta(hours=5)),
        ([kernel("idle", hours=2)], [], timedelta(hours=2)),
        ([kernel("idle", hours=2), kernel("idle", minutes=3)], [], timedelta(minutes=3)),
        ([kernel("busy", hours=4)], [], timedelta(0)),
        ([kernel("idle", hours=2)], [{"last_activity": ago(minutes=1)}], timedelta(minutes=1)),
    ],
)
def test_kernels_and_terminals_say_when_it_was_used_last(
    kernels: list[Mapping[str, Any]], terminals: list[Mapping[str, Any]], used: timedelta
) -> None:
    assert NOW - idle_stop.last_used(NOW, STATUS, kernels, terminals) == used


def test_an_idle_instance_is_stopped_and_another_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[tuple[str, ...]] = []
    monkeypatch.setattr(subprocess, "run", lambda command, check: ran.append(command))
    started = (datetime.now(UTC) - timedelta(hours=2)).isoformat()
    monkeypatch.setattr(
        idle_stop, "ask", {"status": {"started": started}, "kernels": [], "terminals": []}.get
    )
    assert idle_stop.main(["--instance", "flights", "--idle-seconds", "10800"]) == 0
    assert ran == []
    assert idle_stop.main(["--instance", "flights", "--idle-seconds", "3600"]) == 0
    assert ran == [("aws", "sagemaker", "stop-notebook-instance", "--notebook-instance-name", "flights")]


def test_an_instance_whose_jupyter_does_not_answer_stays(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(_path: str) -> Any:
        raise ConnectionRefusedError("refused")

    monkeypatch.setattr(idle_stop, "ask", refuse)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("it was stopped"))
    assert idle_stop.main(["--instance", "flights", "--idle-seconds", "1"]) == 1
    assert "stays: refused" in capsys.readouterr().err


def test_it_needs_nothing_but_the_standard_library() -> None:
    source = idle_stop.__file__
    assert source is not None
    listing = subprocess.run(
        ["python3", "-I", "-c", f"import runpy, json, sys; runpy.run_path({source!r}); print(json.dumps(1))"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(listing.stdout) == 1
