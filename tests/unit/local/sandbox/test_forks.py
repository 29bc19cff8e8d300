"""Containers whose program is a fork of a preloaded process: they are containers like all others."""

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from local import sandbox
from local.sandbox import forks
from tests.unit.local.sandbox.box import Box
from tests.unit.local.sandbox.forking import PRELOADED, run, server_processes

CHECKOUT = Path(__file__).resolve().parents[4]


def test_a_fork_has_its_modules_loaded_and_is_otherwise_the_program(fork_box: Box) -> None:
    program = (
        PRELOADED + "print(sys.argv, sys.orig_argv, __name__, os.getcwd(), sys.modules['__main__'].__name__, "
        "sys.flags.safe_path)"
    )
    fork_box.log.write_text("")
    assert fork_box.start("job", program, "a", "--b").wait(30) == 0
    preloaded, as_fork = fork_box.log.read_text().splitlines()
    assert preloaded == "slow"
    executed = replace(fork_box.image, labels={})
    assert run(fork_box, program.replace("print(sys.argv", "sys.argv += ['a', '--b']; print(sys.argv"))
    fork_box.log.write_text("")
    fork_box.start("job", program, "a", "--b", image=executed).wait(30)
    not_preloaded, as_program = fork_box.log.read_text().splitlines()
    assert not_preloaded == "executed"
    assert as_fork == as_program


@pytest.mark.parametrize(
    ("program", "code"),
    [
        ("", 0),
        ("sys.exit(7)", 7),
        ("sys.exit('why')", 1),
        ("raise ValueError('bad')", 1),
        ("os._exit(9)", 9),
        ("os.kill(os.getpid(), 9)", 137),
        ("os.kill(os.getpid(), 15)", 143),
    ],
)
def test_exit_codes_are_those_of_docker(fork_box: Box, program: str, code: int) -> None:
    assert fork_box.start("job", PRELOADED + program).wait(30) == code
    assert fork_box.log.read_text().splitlines()[0] == "slow"


def test_output_buffers_and_exit_functions_are_served_at_the_end(fork_box: Box) -> None:
    program = (
        "import atexit, threading, time; atexit.register(print, 'last');"
        "threading.Thread(target=lambda: (time.sleep(.1), print('thread'))).start();"
        "print('err', file=sys.stderr); os.system('echo child'); sys.stdout.write('no newline ')"
    )
    assert run(fork_box, program) == ["err", "child", "no newline thread", "last"]


def test_a_fork_is_confined_like_every_container(fork_box: Box, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("do not read")
    program = f"""
import ctypes, signal, socket
libc = ctypes.CDLL(None)
print([line.split()[1] for line in open('/proc/self/status') if line.startswith('Cap')] == ['0' * 16] * 5)
processes = sorted(name for name in os.listdir('/proc') if name.isdigit())
print(processes == ['1', str(os.getpid())], os.getpgrp() == os.getpid())
print([os.path.exists(path) for path in ({str(tmp_path / "secret")!r}, '/etc/shadow', '/home')])
descriptors = sorted(os.listdir('/proc/self/fd'))
print(descriptors[:3], len(descriptors), os.readlink('/proc/self/fd/0'))
def fails(work):
    try: work()
    except OSError as error: return type(error).__name__
for path in ('/x', '/opt/x', '/opt/app/x', '/etc/hosts', '/proc/sys/kernel/hostname'):
    print(fails(lambda: open(path, 'w')))
reached = fails(lambda: socket.create_connection(('1.1.1.1', 53), 3))
print([name for _, name in socket.if_nameindex()], reached)
peeked = fails(lambda: open('/proc/1/environ').read())
print(socket.gethostname(), open('/etc/hostname').read().strip(), peeked)
print(libc.ptrace(16, 1, 0, 0), libc.umount2(b'/proc', 2), libc.umount2(b'/opt/ml', 2))
os.kill(1, signal.SIGKILL)
print(sorted(os.environ))
"""
    seen = run(fork_box, program, environment={"SM_X": "1"})
    assert seen[:3] == ["True", "True True", "[False, False, False]"]
    assert seen[3].startswith("['0', '1', '2'] 4 /dev/null")  # the fourth lists the directory
    assert set(seen[4:9]) == {"OSError"} or set(seen[4:9]) == {"OSError", "PermissionError"}
    assert seen[9:12] == ["['lo'] OSError", "algo-1 algo-1 PermissionError", "-1 -1 -1"]
    expected = [
        "HOME",
        "HOSTNAME",
        "PATH",
        "PYTHONPATH",
        "PYTHONUNBUFFERED",
        "SLEEP",
        "SM_X",
    ]
    expected.insert(2, "LC_CTYPE")  # which the interpreter itself sets
    assert seen[12] == str(expected)


def test_forks_see_nothing_of_each_other(fork_box: Box, tmp_path: Path, servers: forks.ForkServers) -> None:
    other = tmp_path / "other"
    other.mkdir()
    leave = (
        "from job import slow; slow.marks.append(2); os.environ['LEFT'] = '1'; sys.path.append('/left');"
        "[open(d + '/left', 'w').write('x') for d in ('/tmp', '/dev/shm', '/var/tmp', '/opt/ml')];"
        "import time; print('ready', flush=True); time.sleep(60)"
    )
    first = fork_box.start("job", leave, environment={"SM_SECRET": "1"})
    fork_box.wait_for_log("ready")
    look = (
        PRELOADED + "from job import slow; import random, socket; print(slow.marks, 'LEFT' in os.environ, "
        "'SM_SECRET' in os.environ,"
        " '/left' in sys.path, [os.listdir(d) for d in ('/tmp', '/dev/shm', '/var/tmp', '/opt/ml')], "
        "len([n for n in os.listdir('/proc') if n.isdigit()])); print(random.random())"
    )
    *_, seen, one = run(fork_box, look, ml=other)
    # A checkout below /tmp is shown there, for its interpreter.
    checkout = [CHECKOUT.parts[2]] if CHECKOUT.parts[1] == "tmp" else []
    assert seen == f"[1] False False False [{checkout}, [], [], []] 2"
    assert first.alive
    assert (fork_box.ml / "left").exists()
    assert run(fork_box, look, ml=other)[-1] != one
    assert len(server_processes(servers)) == 1


def test_a_fork_reaches_its_network_like_every_container(fork_box: Box) -> None:
    program = """
import socket
listener = socket.create_server(('0.0.0.0', 8080)); print('listening', flush=True)
listener.accept()[0].sendall(b'hello')
"""
    containers = [fork_box.start("job", program) for _ in range(2)]
    fork_box.wait_for_log("listening\nlistening\n")
    for container in containers:
        with container.connect(8080) as connection:
            assert connection.recv(10) == b"hello"
        assert container.wait(10) == 0


def test_stop_lets_a_fork_finish_its_work_and_kills_what_does_not(fork_box: Box) -> None:
    wait = "import signal, time; signal.signal(15, lambda *_: {}); print('ready', flush=True); time.sleep(60)"
    polite = fork_box.start("job", wait.replace("{}", "sys.exit(5)"))
    fork_box.wait_for_log("ready\n")
    assert polite.stop(20) == 5
    deaf = fork_box.start("job", "os.system('sleep $SLEEP &');" + wait.replace("{}", "None"))
    fork_box.wait_for_log("ready\nready\n")
    assert deaf.stop(0.2) == 137
    fork_box.eventually(lambda: fork_box.sleepers() == 0)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_signal_to_the_pid_outside_ends_the_whole_container(fork_box: Box, number: signal.Signals) -> None:
    container = fork_box.start("job", "os.system('sleep $SLEEP & sleep $SLEEP')")
    fork_box.eventually(lambda: fork_box.sleepers() >= 2)
    os.kill(container.pid, number)
    assert container.wait(10) == 128 + number
    fork_box.eventually(lambda: fork_box.sleepers() == 0)
    assert run(fork_box, PRELOADED) == ["slow"]


def test_memory_and_processors_of_a_fork_are_limited(fork_box: Box) -> None:
    grow = "import time; data = bytearray(b'1') * 300_000_000; time.sleep(60)"
    assert fork_box.start("job", grow, limits=sandbox.Limits(memory_mb=250)).wait(30) == 137
    assert "more than its 250 MB of memory" in fork_box.log.read_text()
    if len(os.sched_getaffinity(0)) > 1:
        count = PRELOADED + "print(len(os.sched_getaffinity(0)))"
        assert run(fork_box, count, limits=sandbox.Limits(cpus=1)) == ["slow", "1"]


@pytest.mark.parametrize(
    "how",
    ["label", "entrypoint", "command", "environment", "program", "crash", "no namespaces", "below /opt/ml"],
)
def test_what_no_fork_can_be_is_executed(fork_box: Box, how: str) -> None:
    box, image = fork_box, fork_box.image
    starts: dict[str, Callable[[], sandbox.Container]] = {
        "label": lambda: box.start("job", PRELOADED, image=replace(image, labels={})),
        "entrypoint": lambda: box.start("-m", "job", PRELOADED, entrypoint=["python3", "-P"]),
        "command": lambda: box.start("python3", "-P", "-m", "job", PRELOADED),
        "environment": lambda: box.start("job", PRELOADED, environment={"PYTHONHASHSEED": "1"}),
        "program": lambda: box.start(
            "job", PRELOADED, image=replace(image, labels={**image.labels, forks.PROGRAM: "no-such-program"})
        ),
        "crash": lambda: box.start(
            "job", PRELOADED, image=replace(image, labels={**image.labels, forks.PROGRAM: "false"})
        ),
        "no namespaces": lambda: box.start("job", PRELOADED, isolated=False),
        "below /opt/ml": lambda: (box.add("opt/ml/code/x"), box.start("job", PRELOADED))[1],
    }
    for _ in range(2):
        box.log.write_text("")
        assert starts[how]().wait(30) == 0, box.log.read_text()
        assert box.log.read_text().splitlines()[-1] == "executed"


def test_what_can_not_be_started_is_named_in_one_sentence(fork_box: Box) -> None:
    with pytest.raises(sandbox.SandboxError, match="/no/such: No such file"):
        fork_box.start("job", image=replace(fork_box.image, workdir="/no/such"))
