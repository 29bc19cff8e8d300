"""How containers start, end, and are kept within their limits; nothing of them is left behind."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from local import sandbox
from tests.unit.local.sandbox.box import Box

CHECKOUT = Path(__file__).parents[4]


@pytest.mark.parametrize(
    ("script", "code"), [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 137), ("kill $$", 143)]
)
def test_the_exit_code_is_that_of_docker(box: Box, script: str, code: int) -> None:
    assert box.start("sh", "-c", script).wait(10) == code


def test_wait_gives_none_while_the_program_runs(box: Box) -> None:
    container = box.start("sleep", "60")
    assert container.wait(0.01) is None
    assert container.alive
    assert container.kill() == 137
    assert not container.alive


def test_output_of_both_streams_is_appended_to_the_log(box: Box) -> None:
    box.log.write_text("before\n")
    box.start("sh", "-c", "echo one; echo two >&2; echo three").wait(10)
    assert box.log.read_text() == "before\none\ntwo\nthree\n"


def test_entrypoint_and_command_are_used_as_docker_does(box: Box) -> None:
    image = replace(box.image, entrypoint=("echo", "entry"), command=("default",))
    box.start(image=image).wait(10)
    box.start("given", image=image).wait(10)
    box.start("only", image=image, entrypoint=["echo"]).wait(10)
    assert box.log.read_text() == "entry default\nentry given\nonly\n"


def test_what_can_not_be_started_is_named_in_one_sentence(box: Box) -> None:
    with pytest.raises(
        sandbox.SandboxError, match=r"^The container could not be started: the program 'nope'.*\.$"
    ):
        box.start("nope")
    (box.ml / "broken").write_text("no program")
    with pytest.raises(sandbox.SandboxError, match="Permission denied"):
        box.start("/opt/ml/broken")
    with pytest.raises(sandbox.SandboxError, match="/no/such: No such file"):
        box.start("true", image=replace(box.image, workdir="/no/such"))
    with pytest.raises(sandbox.SandboxError, match="no command"):
        box.start()


def test_stop_lets_the_program_finish_its_work(box: Box) -> None:
    container = box.start(
        "sh", "-c", "trap 'echo drained; exit 5' TERM; echo ready; while :; do sleep 0.05; done"
    )
    box.wait_for_log("ready")
    assert container.stop(20) == 5
    assert box.log.read_text() == "ready\ndrained\n"
    assert container.stop(1) == 5


def test_stop_kills_what_does_not_stop_and_all_of_its_children(box: Box) -> None:
    children = f"sleep {box.forever} & (setsid sleep {box.forever} &)"
    container = box.start("sh", "-c", f"trap '' TERM; {children}; echo ready; while :; do sleep 0.05; done")
    box.eventually(lambda: box.sleepers() >= 3)
    assert container.stop(0.2) == 137
    box.eventually(lambda: box.sleepers() == 0)


def test_children_end_with_the_program(box: Box) -> None:
    script = f"sleep {box.forever} & (setsid sleep {box.forever} &); exit 3"
    assert box.start("sh", "-c", script).wait(10) == 3
    box.eventually(lambda: box.sleepers() == 0)


def test_orphans_are_reaped_while_the_program_runs(box: Box) -> None:
    script = (
        "for i in 1 2 3 4 5; do (sh -c 'sleep 0.01 &') ; done; sleep 0.4; grep -l 'State:.Z' /proc/*/status"
    )
    assert box.shell(script) == ""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_signal_to_the_pid_outside_ends_everything(box: Box, number: signal.Signals) -> None:
    container = box.start("sh", "-c", f"sleep {box.forever} & sleep {box.forever}")
    box.eventually(lambda: box.sleepers() >= 3)
    os.kill(container.pid, number)
    assert container.wait(10) == 128 + number
    box.eventually(lambda: box.sleepers() == 0)


def test_everything_dies_with_the_process_that_started_it(box: Box, tmp_path: Path) -> None:
    parent = tmp_path / "parent.py"
    parent.write_text(f"""
import sys, time
sys.path.insert(0, {str(CHECKOUT)!r})
from pathlib import Path
from local import sandbox
from local.images import Image
image = Image("sha256:0", files=Path({str(box.files)!r}))
options = dict(ml=Path({str(box.ml)!r}), environment={{}}, log=Path({str(box.log)!r}))
script = "trap '' TERM; setsid sleep {box.forever} & sleep {box.forever}"
kept = [sandbox.start(image, command=["sh", "-c", script], **options) for _ in range(3)]
time.sleep(60)
""")
    process = subprocess.Popen([sys.executable, parent])
    try:
        box.eventually(lambda: box.sleepers() >= 9)
    finally:
        process.kill()
        process.wait()
    box.eventually(lambda: box.sleepers() == 0)


def test_a_container_dies_when_nobody_holds_it(box: Box) -> None:
    box.start("sleep", box.forever)
    box.eventually(lambda: box.sleepers() >= 1)
    box.started.clear()
    box.eventually(lambda: box.sleepers() == 0)


def test_memory_of_all_processes_together_is_limited(box: Box) -> None:
    half = "import time; data = bytearray(b'1') * 150_000_000; print('held', flush=True); time.sleep(60)"
    limits = sandbox.Limits(memory_mb=250)
    one = box.python(half, limits=limits)
    box.wait_for_log("held")
    assert one.wait(0.6) is None
    script = f'python3 -c "{half}" & python3 -c "{half}"'
    assert box.start("sh", "-c", script, limits=limits).wait(30) == 137
    assert "more than its 250 MB of memory" in box.log.read_text()


def test_memory_that_processes_share_counts_once(box: Box) -> None:
    program = """
import os, time
data = bytearray(b'1') * 150_000_000
for _ in range(4):
    if not os.fork(): time.sleep(1.5); os._exit(0)
print(len(data)); time.sleep(1)
"""
    assert box.python(program, limits=sandbox.Limits(memory_mb=300)).wait(30) == 0


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one processor")
def test_processors_are_limited_and_spread(box: Box) -> None:
    for _ in range(2):
        box.python("import os; print(os.sched_getaffinity(0))", limits=sandbox.Limits(cpus=0.5)).wait(20)
    one, two = (eval(line) for line in box.log.read_text().splitlines())  # noqa: S307
    assert len(one) == len(two) == 1
    assert one != two


def test_without_namespaces_a_program_gets_its_directory_and_port(box: Box) -> None:
    box.add(
        "opt/app/serve",
        "#!/usr/bin/env python3\nimport os, socket, sys\n"
        "open(os.environ['SAGEMAKER_BASE_DIR'] + '/here', 'w').write(sys.argv[1])\n"
        "listener = socket.create_server(('127.0.0.1', int(os.environ['SAGEMAKER_BIND_TO_PORT'])))\n"
        "print('listening', flush=True)\nlistener.accept()[0].sendall(b'hello')\n",
    )
    image = replace(box.image, environment={"PATH": "/opt/app:/usr/bin:/bin"}, workdir="/opt/app")
    container = box.start("serve", "/opt/ml/model", image=image, isolated=False)
    box.wait_for_log("listening")
    assert container.connect(8080).recv(10) == b"hello"
    assert container.wait(10) == 0
    assert (box.ml / "here").read_text() == f"{box.ml}/model"


def test_without_namespaces_the_program_s_group_dies_too(box: Box) -> None:
    container = box.start("sh", "-c", f"sleep {box.forever} & sleep {box.forever}", isolated=False)
    box.eventually(lambda: box.sleepers() >= 3)
    assert container.kill() == 137
    box.eventually(lambda: box.sleepers() == 0)


def test_a_normal_user_can_make_containers() -> None:
    nobody = 65534 if os.geteuid() == 0 else None
    home = Path(tempfile.mkdtemp())  # tmp_path is closed to other users
    for path in (home, home / "ml", home / "files"):
        path.mkdir(exist_ok=True)
        os.chown(path, -1 if nobody is None else nobody, -1)
    preamble = f"import sys; sys.path.insert(0, {str(CHECKOUT)!r})\nfrom local import sandbox\n"
    program = """
import os
from pathlib import Path
from local.images import Image
options = dict(ml=Path("ml"), environment={}, log=Path("log"), isolated=True)
script = "echo out > /opt/ml/out; ip -o link | wc -l; grep CapEff /proc/self/status"
container = sandbox.start(Image("sha256:0", files=Path("files")), command=["sh", "-c", script], **options)
print(os.getuid(), container.wait(), *Path("log").read_text().split(), os.stat("ml/out").st_uid)
"""

    def run(text: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["/usr/bin/python3", "-B", "-c", text],
            cwd=home,
            capture_output=True,
            text=True,
            check=False,
            user=nobody,
            group=nobody,
            extra_groups=None if nobody is None else [],
        )

    try:
        if run(preamble).returncode:
            pytest.skip("a normal user has no Python 3.11 here or can't read the checkout")
        done = run(preamble + program)
        uid = os.getuid() if nobody is None else nobody
        assert done.stdout.split() == [str(uid), "0", "1", "CapEff:", "0" * 16, str(uid)], done.stderr
    finally:
        shutil.rmtree(home)
