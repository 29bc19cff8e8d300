"""The life of a fork server: one of an image, healed, bounded, and gone with its owner."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from local.sandbox import forks
from tests.unit.local.sandbox.box import Box
from tests.unit.local.sandbox.forking import CHECKOUT, PRELOADED, run, server_processes


def test_a_server_that_crashed_or_ended_is_started_anew(fork_box: Box, servers: forks.ForkServers) -> None:
    assert run(fork_box, PRELOADED) == ["slow"]
    (keeper,) = server_processes(servers)
    (program,) = (pid for pid in descendants(keeper) if "preload" in command_line(pid))
    os.kill(program, signal.SIGKILL)
    # Not its command line, which is gone before its sockets are.
    fork_box.eventually(lambda: not alive(program))
    assert run(fork_box, PRELOADED) == ["slow"]
    assert server_processes(servers) == [keeper]
    running = fork_box.start("job", "import time; print('ready', flush=True); time.sleep(60)")
    fork_box.wait_for_log("ready")
    os.kill(keeper, signal.SIGKILL)
    assert running.wait(10) == 137
    assert run(fork_box, PRELOADED) == ["slow"]
    assert server_processes(servers) != [keeper]


def test_an_idle_server_ends_and_a_few_at_most_run(fork_box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    servers = forks.ForkServers(idle_seconds=0.3)
    monkeypatch.setattr(forks, "servers", servers)
    container = fork_box.start("job", PRELOADED + "import time; time.sleep(1)")
    (keeper,) = server_processes(servers)
    assert container.wait(20) == 0
    fork_box.eventually(lambda: not alive(keeper))
    patient = forks.ForkServers()
    monkeypatch.setattr(forks, "servers", patient)
    seen = []
    for number in range(forks.MOST_SERVERS + 1):
        image = replace(fork_box.image, digest=f"sha256:{number}")
        assert run(fork_box, PRELOADED, image=image) == ["slow"]
        seen += [pid for pid in server_processes(patient) if pid not in seen]
    fork_box.started.clear()
    fork_box.eventually(lambda: sum(map(alive, seen)) <= forks.MOST_SERVERS)
    assert len(seen) == forks.MOST_SERVERS + 1


def test_server_and_forks_die_with_the_process_that_started_them(fork_box: Box, tmp_path: Path) -> None:
    image = fork_box.image
    parent = tmp_path / "parent.py"
    parent.write_text(f"""
import sys, time
sys.path.insert(0, {str(CHECKOUT)!r})
from pathlib import Path
from local import sandbox
from local.images import Image
image = Image("sha256:0", files=Path({str(image.files)!r}), environment={dict(image.environment)!r},
    venv=Path({str(image.venv)!r}), workdir={image.workdir!r}, labels={dict(image.labels)!r})
options = dict(ml=Path({str(fork_box.ml)!r}), environment={{}}, log=Path({str(fork_box.log)!r}))
script = "import signal; signal.signal(15, lambda *_: None); os.system('sleep $SLEEP')"
kept = [sandbox.start(image, command=["job", script], **options) for _ in range(2)]
time.sleep(60)
""")
    process = subprocess.Popen([sys.executable, parent])
    try:
        fork_box.eventually(lambda: fork_box.sleepers() >= 2)
        family = descendants(process.pid)
        assert any("preload" in command_line(pid) for pid in family)
    finally:
        process.kill()
        process.wait()
    fork_box.eventually(lambda: not any(map(alive, family)))
    assert fork_box.sleepers() == 0


def descendants(pid: int) -> list[int]:
    """Every process below a process."""
    listing = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    parents = {int(child): int(parent) for child, parent in map(str.split, listing.splitlines())}
    found = [pid]
    for ancestor in found:
        found += [child for child, parent in parents.items() if parent == ancestor]
    return found[1:]


def command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


def alive(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


def test_a_normal_user_has_forks_too(fork_box: Box) -> None:
    nobody = 65534 if os.geteuid() == 0 else None
    home = Path(tempfile.mkdtemp())  # tmp_path is closed to other users
    program = f"""
import os, sys
sys.path.insert(0, {str(CHECKOUT)!r})
from pathlib import Path
from local import sandbox
from local.images import Image
image = Image("sha256:0", files=Path("files"), workdir="/opt/app",
    environment={dict(fork_box.image.environment)!r}, labels={dict(fork_box.image.labels)!r})
options = dict(ml=Path("ml"), environment={{}}, log=Path("log"), isolated=True)
script = {PRELOADED!r} + "open('/opt/ml/out', 'w'); print(os.getuid(), os.listdir('/tmp'))"
print([sandbox.start(image, command=["job", script], **options).wait(30) for _ in range(2)], os.getuid())
"""
    try:
        shutil.copytree(fork_box.files, home / "files")
        (home / "ml").mkdir()
        for path in (home, home / "ml"):
            os.chown(path, -1 if nobody is None else nobody, -1)
        done = subprocess.run(
            ["/usr/bin/python3", "-B", "-c", program],
            cwd=home,
            capture_output=True,
            text=True,
            check=False,
            user=nobody,
            group=nobody,
            extra_groups=None if nobody is None else [],
        )
        if "ModuleNotFoundError" in done.stderr or "PermissionError" in done.stderr:
            pytest.skip("a normal user has no Python 3.11 here or can't read the checkout")
        uid = os.getuid() if nobody is None else nobody
        assert done.stdout.split() == ["[0,", "0]", str(uid)], done.stderr
        assert (home / "log").read_text().split() == ["slow", "0", "[]"] * 2
        assert (home / "ml/out").stat().st_uid == uid
    finally:
        shutil.rmtree(home)
