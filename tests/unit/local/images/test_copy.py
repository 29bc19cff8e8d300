"""COPY and .dockerignore, and that no path leads out of the context or of the image."""

import os
import string
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.images import BuildError
from local.images.ignore import ignored
from local.images.tree import inside
from tests.unit.local.images.workshop import Workshop


@pytest.fixture
def context(workshop: Workshop) -> Workshop:
    for path in ("a.txt", "b.txt", "sub/c.txt", "sub/deep/d.txt"):
        workshop.write(path, path)
    return workshop


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("COPY a.txt /x", ["x"]),
        ("COPY a.txt /x/", ["x/a.txt"]),
        ("COPY a.txt .", ["work/a.txt"]),
        ("COPY a.txt ..", ["a.txt"]),
        ("COPY *.txt /x/", ["x/a.txt", "x/b.txt"]),
        ("COPY sub /x", ["x/c.txt", "x/deep/d.txt"]),
        ("COPY sub/ x/", ["work/x/c.txt", "work/x/deep/d.txt"]),
        ("COPY /sub/deep a.txt $WHERE/", ["y/a.txt", "y/d.txt"]),
        ('COPY ["a.txt", "/with space/"]', ["with space/a.txt"]),
        ("COPY --chown=1:1 a.txt '/q x'", ["q x"]),
        ("ADD a.txt /bin/", ["usr/bin/a.txt"]),
        ("COPY . /", ["a.txt", "b.txt", "sub/c.txt", "sub/deep/d.txt"]),
    ],
)
def test_files_go_where_docker_puts_them(context: Workshop, line: str, expected: list[str]) -> None:
    assert context.listing("ENV WHERE=/y", "WORKDIR /work", line) == expected


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("COPY nothing /x", "no such file"),
        ("COPY ../secret /x", "out of the build context"),
        ("COPY sub/../../secret /x", "out of the build context"),
        ("COPY a.txt b.txt /x", "needs a directory"),
        ("COPY pipe /x", "can't be copied"),
        ("COPY link-out /x", "by a symbolic link"),
        ("COPY link-dir/secret /x", "by a symbolic link"),
        ("COPY link-* /x/", "by a symbolic link"),
    ],
)
def test_a_copy_that_can_not_be_done_gets_one_sentence(context: Workshop, line: str, problem: str) -> None:
    (context.directory / "secret").write_text("of the machine")
    (context.context / "link-out").symlink_to("../secret")
    (context.context / "link-dir").symlink_to(context.directory)
    os.mkfifo(context.context / "pipe")
    with pytest.raises(BuildError, match=problem):
        context.build(line)


def test_links_are_copied_as_links(context: Workshop) -> None:
    (context.context / "sub/out").symlink_to("/etc/passwd")
    (context.context / "sub/deep-link").symlink_to("deep")
    files = context.build("COPY sub /x").files
    assert (files / "x/out").readlink() == Path("/etc/passwd")
    assert (files / "x/deep-link").readlink() == Path("deep")


def test_writing_through_a_link_stays_in_the_image(context: Workshop, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    (context.context / "links").mkdir()
    (context.context / "links/sub").symlink_to(victim)
    (context.context / "links/up").symlink_to("../../../../../..")
    (context.context / "tree/sub").mkdir(parents=True)
    (context.context / "tree/sub/evil").write_text("x")
    files = context.build(
        "COPY links /", "COPY a.txt /sub/a.txt", "COPY tree /", "COPY a.txt /up/top", "RUN mkdir -p /sub/made"
    ).files
    assert list(victim.iterdir()) == []
    inner = files / str(victim).lstrip("/")
    assert sorted(path.name for path in inner.iterdir()) == ["a.txt", "evil", "made"]
    assert (files / "top").is_file()


def test_a_circle_of_links_is_an_error(context: Workshop) -> None:
    (context.context / "links").mkdir()
    (context.context / "links/one").symlink_to("two")
    (context.context / "links/two").symlink_to("one")
    with pytest.raises(BuildError, match="circle"):
        context.build("COPY links /", "COPY a.txt /one/x")


@given(
    path=st.lists(st.sampled_from(["..", ".", "/", "a", "up", "out", "in", "bin", "x y"]), max_size=12).map(
        "/".join
    )
)
def test_no_path_leaves_the_image(tmp_path_factory: pytest.TempPathFactory, path: str) -> None:
    root = tmp_path_factory.getbasetemp() / "root"
    if not root.exists():
        (root / "a").mkdir(parents=True)
        (root / "up").symlink_to("../../..")
        (root / "out").symlink_to("/etc")
        (root / "a/in").symlink_to("/a")
    place = inside(root, path, "/a")
    assert place == root or root in place.parents
    assert ".." not in place.relative_to(root).parts
    assert place.resolve().is_relative_to(root.resolve())


@pytest.mark.parametrize(
    ("rules", "left_out", "kept"),
    [
        ("*.pyc", ["x.pyc"], ["a/x.pyc", "x.py"]),
        ("**/*.pyc", ["x.pyc", "a/b/x.pyc"], ["x.py"]),
        ("**/__pycache__", ["__pycache__/x", "a/__pycache__/b/c"], ["a/pycache"]),
        ("# comment\n\ndata/", ["data/x", "data"], ["database", "a/data"]),
        ("*\n!keep.txt\n!src", ["x", "a/b"], ["keep.txt", "src/a"]),
        ("/docs/*.md\n!docs/README.md", ["docs/a.md"], ["docs/README.md", "docs/a/b.md", "a.md"]),
        ("file.?xt", ["file.txt"], ["file.xt", "fileatxt"]),
        ("[ab].c", ["a.c"], ["c.c"]),
        ("a+b(1)", ["a+b(1)/x"], ["aab1"]),
    ],
)
def test_dockerignore(tmp_path: Path, rules: str, left_out: list[str], kept: list[str]) -> None:
    (tmp_path / ".dockerignore").write_text(rules)
    is_ignored = ignored(tmp_path, "Dockerfile")
    assert [path for path in left_out if not is_ignored(path)] == []
    assert [path for path in kept if is_ignored(path)] == []


@given(rules=st.lists(st.text(string.ascii_letters + "*?[]!/.\\+()^$ ", max_size=12), max_size=4))
def test_any_dockerignore_can_be_read(tmp_path_factory: pytest.TempPathFactory, rules: list[str]) -> None:
    directory = tmp_path_factory.getbasetemp()
    (directory / ".dockerignore").write_text("\n".join(rules))
    assert ignored(directory, "Dockerfile")(str(PurePosixPath("a/b.txt"))) in (True, False)


def test_what_is_ignored_is_not_copied(context: Workshop) -> None:
    context.write(".dockerignore", "sub/deep\n.dockerignore\nb.txt")
    assert context.listing("COPY . /") == ["a.txt", "sub/c.txt"]
    context.write("Dockerfile.dockerignore", "*.txt\nsub\n.dockerignore\nDockerfile.dockerignore")
    assert context.listing("COPY . /") == []
