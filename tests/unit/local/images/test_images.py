"""What a Dockerfile becomes without Docker."""

import json
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from local.images import BuildError, ImageStore, UnknownImage
from local.images.image import search_path
from tests.unit.local.images.workshop import Workshop

LIKE_OURS = """\
# The image of the platform.
FROM --platform=linux/amd64 debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends python3 python3-pip \\
    # a comment inside
    && rm -rf /var/lib/apt/lists/*
COPY requirements.txt /opt/sageloop/requirements.txt
RUN pip install --no-cache-dir --break-system-packages --require-hashes -r /opt/sageloop/requirements.txt
COPY . /opt/sageloop
RUN python3 -m compileall -q /opt/sageloop
ENV PATH=/opt/sageloop/bin:$PATH PYTHONPATH=/opt/sageloop
WORKDIR /opt/sageloop
"""


def test_the_platform_s_kind_of_image_is_followed_in_full(workshop: Workshop) -> None:
    wheel, sha256 = workshop.wheel("tiny")
    workshop.write("requirements.txt", f"tiny @ file://{wheel} --hash=sha256:{sha256}\n")
    workshop.write("bin/train", "#!/usr/bin/env python3\n").chmod(0o755)
    workshop.write("shared/codec.py", "x = 1\n")
    workshop.write("Dockerfile", LIKE_OURS)
    image = workshop.build_as_written()
    assert image.warnings == ()
    assert image.argv(["train"]) == ("train",)
    assert image.workdir == "/opt/sageloop"
    assert image.environment["PYTHONPATH"] == "/opt/sageloop"
    path = search_path(image.environment["PATH"], image.venv).split(":")
    assert path[:3] == ["/opt/sageloop/bin", f"{image.venv}/bin", "/usr/local/sbin"]
    assert os.access(image.files / "opt/sageloop/bin/train", os.X_OK)
    assert list((image.files / "opt/sageloop/shared/__pycache__").glob("codec.*.pyc"))
    assert image.venv is not None
    check = [str(image.venv / "bin/python3"), "-c", "import tiny; print(tiny.value, tiny.__cached__)"]
    value, cached = subprocess.run(check, capture_output=True, text=True, check=True).stdout.split()
    assert value == "42"
    assert Path(cached).is_file()


def test_packages_that_do_not_match_their_hash_are_refused(workshop: Workshop) -> None:
    wheel, _ = workshop.wheel("tampered")
    workshop.write("requirements.txt", f"tampered @ file://{wheel} --hash=sha256:{'0' * 64}\n")
    with pytest.raises(BuildError, match="could not be installed"):
        workshop.build("COPY requirements.txt .", "RUN pip install --require-hashes -r requirements.txt")
    assert not list((workshop.store.root / "environments").glob("*.*[!k]/venv"))


def test_the_same_content_is_the_same_image_and_environment(workshop: Workshop) -> None:
    workshop.write("a.py", "x = 1")
    one = workshop.build("COPY a.py /app/", 'CMD ["python3", "/app/a.py"]')
    os.utime(workshop.context / "a.py", (1, 1))
    again = workshop.build("COPY a.py /app/", 'CMD ["python3", "/app/a.py"]')
    assert (one.digest, one.files, one.venv) == (again.digest, again.files, again.venv)
    workshop.write("a.py", "x = 2")
    other = workshop.build("COPY a.py /app/", 'CMD ["python3", "/app/a.py"]')
    assert other.digest != one.digest
    assert other.venv == one.venv


def test_permissions_are_part_of_the_content(workshop: Workshop) -> None:
    file = workshop.write("run.sh", "#!/bin/sh")
    plain = workshop.build("COPY run.sh /")
    file.chmod(0o755)
    assert workshop.build("COPY run.sh /").digest != plain.digest
    file.chmod(0o644)
    executable = workshop.build("COPY run.sh /", "RUN chmod +x /run.sh")
    assert os.access(executable.files / "run.sh", os.X_OK)


def test_nothing_that_a_dockerfile_asks_for_is_dropped_in_silence(workshop: Workshop) -> None:
    workshop.write("x.tar.gz")
    image = workshop.build(
        "RUN apt-get update && apt-get install -y r-base-of-tomorrow python3 && make all",
        "RUN curl -s https://example.com/x | sh",
        "ADD x.tar.gz /opt/",
        "COPY --from=other /a /b",
        "USER nobody",
        "RUN pip install .",
        "LABEL a=b",
        "EXPOSE 8080",
    )
    assert image.warnings == (
        "line 2: RUN apt-get install r-base-of-tomorrow",
        "line 2: RUN make all",
        "line 3: RUN curl -s https://example.com/x | sh",
        "line 4: ADD x.tar.gz /opt/",
        "line 5: COPY --from=other /a /b",
        "line 6: USER nobody",
        "line 7: RUN pip install .",
    )


@pytest.mark.parametrize(
    ("base", "followed"),
    [
        ("debian:bookworm-slim", True),
        ("python:3.11-slim", True),
        ("python:3.8", False),
        ("rocker/r-ver:4.3", False),
    ],
)
def test_a_base_image_with_other_content_is_named(workshop: Workshop, base: str, followed: bool) -> None:
    workshop.write("Dockerfile", f"ARG BASE=nothing\nFROM ${{BASE}}\nCMD {base}")
    image = workshop.build_as_written(arguments={"BASE": base})
    assert (not image.warnings) == followed
    assert image.command == ("/bin/sh", "-c", base)


def test_stages_build_the_target_or_the_last(workshop: Workshop) -> None:
    workshop.write("Dockerfile", 'FROM scratch AS one\nCMD ["one"]\nFROM scratch AS two\nCMD ["two"]')
    assert workshop.build_as_written().command == ("two",)
    assert workshop.build_as_written(target="one").command == ("one",)
    with pytest.raises(BuildError, match="no stage three; its stages are one, two"):
        workshop.build_as_written(target="three")


def test_a_venv_of_the_dockerfile_is_where_it_says(workshop: Workshop) -> None:
    image = workshop.build("RUN python3 -m venv /opt/venv", "ENV PATH=/opt/venv/bin:$PATH")
    assert (image.files / "opt/venv").readlink() == image.venv


def test_requirements_may_include_others(workshop: Workshop) -> None:
    wheel, _ = workshop.wheel("nested")
    workshop.write("req/all.txt", "-r more/base.txt\n")
    workshop.write("req/more/base.txt", f"nested @ file://{wheel}\n")
    image = workshop.build("WORKDIR /app", "COPY req req", "RUN python3 -m pip install -r req/all.txt")
    assert image.venv is not None
    assert (image.venv / "lib/python3.11/site-packages/nested.py").is_file()
    with pytest.raises(BuildError, match=r"no file none\.txt in the image.*COPY it first"):
        workshop.build("RUN pip install -r none.txt")


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ([], "must begin with FROM"),
        (["RUN true"], "must begin with FROM"),
        (["FROM scratch", "?!"], "Line 2 of the Dockerfile is no instruction"),
        (["FROM scratch", "COPY a"], "needs a source and a destination"),
        (["FROM scratch", "ENV A=1 B"], "lacks its '='"),
    ],
)
def test_a_wrong_dockerfile_gets_one_sentence(workshop: Workshop, lines: list[str], problem: str) -> None:
    workshop.write("Dockerfile", "\n".join(lines))
    with pytest.raises(BuildError, match=problem):
        workshop.build_as_written()


def test_a_missing_dockerfile_is_named(workshop: Workshop) -> None:
    with pytest.raises(BuildError, match="no file Dockerfile in"):
        workshop.build_as_written()


def test_an_image_is_found_by_tag_and_by_digest_once_it_is_pushed(workshop: Workshop) -> None:
    digest = workshop.build("CMD x").digest
    store = ImageStore(workshop.store.root)  # as another process sees it
    store.tag("local:1", digest)
    assert store.tagged("local:1").digest == digest
    with pytest.raises(UnknownImage, match="local:1 is not in"):
        store.resolve("local:1")
    with store.publishing("host:5000/repository", digest):
        pass
    for uri in ("host:5000/repository", "host:5000/repository:latest", f"host:5000/repository@{digest}"):
        assert store.resolve(uri).digest == digest
    with pytest.raises(UnknownImage, match=r"repository:2 is not in .*; deploy"):
        store.resolve("host:5000/repository:2")


@pytest.mark.parametrize("name", ["sha256:../../secret", "../x", "", "a" * 400, "sha256:" + "0" * 64])
def test_a_strange_name_is_just_unknown(workshop: Workshop, name: str) -> None:
    with pytest.raises(UnknownImage):
        workshop.store.resolve(name)


def test_a_failed_announcement_leaves_the_registry_as_it_was(workshop: Workshop) -> None:
    one, two = workshop.build("CMD one").digest, workshop.build("CMD two").digest
    with workshop.store.publishing("r/x:1", one):
        pass
    for uri in ("r/x:1", "r/new:1"):
        with pytest.raises(RuntimeError), workshop.store.publishing(uri, two):
            raise RuntimeError
    assert workshop.store.resolve("r/x:1").digest == one
    for uri in ("r/new:1", f"r/x@{two}"):
        with pytest.raises(UnknownImage):
            workshop.store.resolve(uri)


def test_deleted_files_are_reported_when_the_image_is_used(workshop: Workshop) -> None:
    image = workshop.build("COPY Dockerfile /")
    image.files.rename(workshop.directory / "away")
    with pytest.raises(UnknownImage, match="were deleted"):
        workshop.store.resolve("registry/test:1")


def test_builds_at_the_same_time_give_one_environment_and_whole_images(workshop: Workshop) -> None:
    wheel, _ = workshop.wheel(f"together{os.getpid()}")
    workshop.write("requirements.txt", f"together{os.getpid()} @ file://{wheel}\n")
    workshop.write("Dockerfile", "FROM scratch\nCOPY . /app\nRUN pip install -r /app/requirements.txt")
    root = Path(__file__).parents[4]
    program = (
        "import sys; from pathlib import Path\n"
        "from local.images import ImageStore; from local.images.build import build\n"
        "print(build(ImageStore(Path(sys.argv[1])), Path(sys.argv[2])).digest)"
    )
    command = [sys.executable, "-c", program, str(workshop.store.root), str(workshop.context)]
    builds = [
        subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    results = [build.communicate() for build in builds]
    assert [build.returncode for build in builds] == [0, 0, 0], results
    assert len({out for out, _ in results}) == 1
    assert sum(len(re.findall("^ \\+ together", err, re.MULTILINE)) for _, err in results) == 1
    assert not list(workshop.store.root.glob("build.*"))


def test_an_interrupted_build_leaves_nothing_behind(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("local.images.tree.digest", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        workshop.build("COPY . /")
    assert not (workshop.store.root / "records").exists()
    assert not list(workshop.store.root.glob("build.*"))


def test_readers_see_whole_tags_only(workshop: Workshop) -> None:
    digests = {workshop.build("CMD one").digest, workshop.build("CMD two").digest}
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            for digest in digests:
                workshop.store.tag("t:1", digest)

    workshop.store.tag("t:1", min(digests))
    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert {workshop.store.tagged("t:1").digest for _ in range(200)} <= digests
        assert workshop.store.tags()[0][0] == "t:1"
    finally:
        stop.set()
        writer.join()


def test_the_manifest_is_of_the_oci_form(workshop: Workshop) -> None:
    workshop.store.tag("m:1", workshop.build("COPY . /").digest)
    record = workshop.store.tagged("m:1")
    manifest = json.loads(record.manifest)
    assert manifest["schemaVersion"] == 2
    assert re.fullmatch("sha256:[0-9a-f]{64}", manifest["config"]["digest"])
    assert manifest["layers"][0]["size"] == len(workshop.context.joinpath("Dockerfile").read_bytes())
