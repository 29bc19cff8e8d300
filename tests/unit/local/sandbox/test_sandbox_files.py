"""What a container sees of the machine and of its image, and what it may write."""

# ruff: noqa: S108
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.local.sandbox.box import Box


def test_opt_ml_is_the_given_directory_and_only_of_this_container(box: Box, tmp_path: Path) -> None:
    (box.ml / "input").mkdir()
    (box.ml / "input/data").write_text("seven")
    other = tmp_path / "other"
    other.mkdir()
    assert box.shell("cat /opt/ml/input/data; echo out > /opt/ml/result") == "seven"
    assert (box.ml / "result").read_text() == "out\n"
    assert box.shell("ls /opt/ml", ml=other) == ""


def test_everything_but_opt_ml_and_tmp_is_read_only(box: Box) -> None:
    box.add("opt/app/file", "x")
    places = f"/ /opt /opt/app /opt/app/file /usr /etc /etc/hosts /var /proc/sys/kernel/hostname {sys.prefix}"
    written = box.shell(
        f"for p in {places}; do (echo x > $p/new || echo x > $p) 2>/dev/null && echo wrote $p; done"
    )
    assert written == ""
    assert box.shell("echo a > /tmp/a && echo b > /opt/ml/b && echo c > /dev/shm/c && cat /tmp/a") == "a\n"


def test_tmp_is_private(box: Box) -> None:
    box.shell("touch /tmp/left-by-a-container")
    assert not Path("/tmp/left-by-a-container").exists()
    assert "left-by-a-container" not in box.shell("ls /tmp")


def test_files_of_this_machine_are_hidden(box: Box, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("do not read")
    seen = box.shell(f"cat {secret}; ls -d /etc/shadow /home /var/log /etc/ssl/private 2>&1")
    assert "do not read" not in seen
    assert seen.count("No such file") == 5
    # An interpreter may live below the home directory.
    assert len(box.shell(f"ls -A {Path.home()}").split()) <= 1


def test_nothing_of_the_host_environment_leaks(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of-the-host")
    image = replace(box.image, environment={"FROM_IMAGE": "1", "BOTH": "image"})
    lines = box.shell("env", image=image, environment={"FROM_JOB": "2", "BOTH": "job"}).splitlines()
    variables = dict(line.split("=", 1) for line in lines)
    assert variables.pop("PATH").split(":")[0] == f"{sys.prefix}/bin"
    expected = {
        "FROM_IMAGE": "1",
        "FROM_JOB": "2",
        "BOTH": "job",
        "HOSTNAME": "algo-1",
        "HOME": "/tmp",
        "PWD": "/",
    }
    assert variables == expected


def test_it_has_no_capabilities_and_sees_only_its_own_processes(box: Box) -> None:
    seen = box.shell("grep -E '^(Cap|NoNewPrivs)' /proc/self/status; ls -d /proc/[0-9]* | wc -l; hostname")
    *status, count, name = seen.splitlines()
    assert {line.split()[1].strip("0") for line in status if line.startswith("Cap")} == {""}
    assert "NoNewPrivs:\t1" in status
    assert int(count) <= 5
    assert name == "algo-1"


def test_it_can_not_reach_into_its_first_process(box: Box) -> None:
    seen = box.shell("cat /proc/1/environ 2>&1; cat /proc/1/fd/1 2>&1; kill -9 1; echo alive")
    assert seen.lower().count("permission denied") == 2
    assert seen.endswith("alive\n")


def test_the_image_s_python_comes_first_and_its_files_appear(box: Box) -> None:
    box.add(
        "opt/app/bin/hello",
        "#!/usr/bin/env python3\nimport sys, socket; print(sys.prefix, socket.gethostbyname('algo-1'))",
    )
    image = replace(box.image, environment={"PATH": "/opt/app/bin:/usr/bin:/bin"}, workdir="/opt/app")
    box.start("hello", image=image).wait(10)
    assert box.log.read_text() == f"{sys.prefix} 127.0.0.1\n"


def test_an_image_without_python_runs_too(box: Box) -> None:
    image = replace(box.image, venv=None)
    assert box.shell("echo hello", image=image) == "hello\n"
    with pytest.raises(ConnectionRefusedError, match="Connection refused"):
        box.start("sleep", "60", image=image).connect(8080)


def test_image_files_join_the_machine_s_directories(box: Box) -> None:
    for path in ("usr/local/bin/of-the-image", "opt/ml/code/train.py", "srv/app/x"):
        box.add(path, "#!/bin/sh\necho ran\n")
    seen = box.shell("of-the-image; ls /opt/ml/code /srv/app; ls /usr/bin/env")
    assert seen.split() == ["ran", "/opt/ml/code:", "train.py", "/srv/app:", "x", "/usr/bin/env"]


def test_what_a_job_brings_below_opt_ml_hides_what_the_image_has_there(box: Box) -> None:
    box.add("opt/ml/model/old", "image")
    (box.ml / "model").mkdir()
    (box.ml / "model/new").write_text("job")
    assert box.shell("ls /opt/ml/model").split() == ["new"]


def test_an_image_may_have_files_where_this_machine_keeps_its_python(box: Box) -> None:
    box.add(f"{sys.prefix.strip('/').split('/')[0]}/app/data", "of the image")
    assert box.shell(f"cat /{sys.prefix.split('/')[1]}/app/data; python3 -c 'print(1)'") == "of the image1\n"


def test_a_link_of_the_image_shows_nothing_of_this_machine(box: Box, tmp_path: Path) -> None:
    (tmp_path / "private/ml/keys").mkdir(parents=True)
    (box.files / "opt").symlink_to(tmp_path / "private")
    (box.files / "data").symlink_to(tmp_path / "private")
    assert "keys" not in box.shell("ls -R /opt/ml /data/ 2>&1")
